"""Who subscribed to an environment's telemetry."""


class Subscriptions:
    """One environment's subscribers."""

    def close(self) -> None:
        """The init phase is over: nobody subscribes any more."""

    def stop(self) -> None:
        """Deliver nothing more."""
