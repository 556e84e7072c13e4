"""Where a delivery may go, as the outbox sees it. The targets themselves are in `queue/targets/`."""

from typing import Protocol

from neve.domain.destination import Delivery


class Targets(Protocol):
    """Everything that deliveries may go to, chosen by the ARN."""

    async def send(self, delivery: Delivery) -> None:
        """Returns once the target has taken it; bounded in time. May be called again with a delivery that was taken.

        TargetRejected when it will never take it, TargetUnreachable when it may later. Anything else that is raised is
        treated as TargetUnreachable and logged.
        """


class TargetRejected(Exception):
    """For good: there is no such target, it is of no kind that Neve knows, the message is too large, access is denied.

    `reason` is one sentence for the user. The delivery ends as `neve.deliveryFailed`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TargetUnreachable(Exception):
    """For now: no connection, throttled, a fault of the target. The delivery is tried again, later and later, within bounds.

    `reason` is one sentence for the user.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
