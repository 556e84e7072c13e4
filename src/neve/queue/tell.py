"""What the queue tells the stream: one record for each step of an event (design D1)."""

from collections.abc import Mapping
from typing import Any

from neve.clock import Clock
from neve.dataplane.stream import Stream
from neve.domain import record as kinds
from neve.domain.arn import parse_function_name
from neve.domain.destination import Delivery
from neve.domain.event import Progress, QueuedEvent
from neve.domain.function import LATEST
from neve.domain.record import Origin, Record
from neve.domain.retry import Deliver, Drop, RetryAt
from neve.domain.world import World
from neve.storage.store import LeasedDelivery, LeasedEvent


class Teller:
    """Publishes the records of events. `version` in their origin is the qualifier by which the function was asked for."""

    def __init__(self, stream: Stream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def queued(self, event: QueuedEvent) -> None:
        """It is on disk."""
        self._event(kinds.QUEUED, event, {"payloadBytes": len(event.payload)})

    def leased(self, leased: LeasedEvent) -> None:
        """It is about to run."""
        event, progress = leased.event, leased.progress
        age_ms = max(0.0, self._clock.now_ms() - event.accepted_ms)
        self._event(kinds.LEASED, event, {"attempt": progress.attempts + 1, "ageMs": round(age_ms, 3)})

    def retry_at(self, event: QueuedEvent, decision: RetryAt) -> None:
        """It waits for a later time."""
        progress = decision.progress
        self._event(
            kinds.RETRY_AT,
            event,
            {"at": round(decision.at_ms, 3), "attempts": progress.attempts, "reason": _reason(progress)},
        )

    def dropped(self, event: QueuedEvent, decision: Deliver | Drop) -> None:
        """It failed for good, whether somebody is told or not."""
        members = {
            "condition": decision.condition.value,
            "attempts": decision.progress.attempts,
            "reason": _reason(decision.progress),
            "told": [arn for _, arn in decision.to] if isinstance(decision, Deliver) else [],
        }
        self._event(kinds.DROPPED, event, members)

    def delivered(self, leased: LeasedDelivery) -> None:
        """A target took a message."""
        self._delivery(kinds.DELIVERED, leased.delivery, {"tries": leased.tries + 1})

    def delivery_failed(self, leased: LeasedDelivery, reason: str) -> None:
        """No target will get this message."""
        self._delivery(kinds.DELIVERY_FAILED, leased.delivery, {"tries": leased.tries + 1, "reason": reason})

    def _event(self, kind: str, event: QueuedEvent, members: Mapping[str, Any]) -> None:
        self._publish(kind, event.world, event.function_name, event.qualifier or LATEST, event.request_id, members)

    def _delivery(self, kind: str, delivery: Delivery, members: Mapping[str, Any]) -> None:
        function = parse_function_name(delivery.function_arn)
        told = {"kind": delivery.kind.value, "target": delivery.target_arn, **members}
        self._publish(kind, delivery.world, function.name, function.qualifier or LATEST, delivery.request_id, told)

    def _publish(
        self, kind: str, world: World, name: str, qualifier: str, request_id: str, members: Mapping[str, Any]
    ) -> None:
        origin = Origin(world, name, qualifier, "", f"/aws/lambda/{name}", "")
        self._stream.publish(
            Record(kind, self._clock.now_ms(), origin, request_id, {"requestId": request_id, **members})
        )


def _reason(progress: Progress) -> str:
    if progress.refusal is not None:
        return f"{progress.refusal.cause.value}: {progress.refusal.message}"
    return "" if progress.last_run is None else "the function failed"
