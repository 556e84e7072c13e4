"""What the event queue did with an event, as rows."""

from collections.abc import Callable, Mapping
from typing import Any

from neve.analysis.history import Step
from neve.analysis.story.cast import CALLER, QUEUE, Cast
from neve.analysis.story.draft import Draft
from neve.analysis.story.words import cut
from neve.domain import record as kinds
from neve.domain.picture import span

_DELIVERIES = {
    "deadLetter": "the event (dead-letter queue)",
    "onSuccess": "record of the success",
    "onFailure": "record of the failure",
}

_Members = Mapping[str, Any]


def tell_step(draft: Draft, cast: Cast, step: Step) -> None:
    """One row, or none: of a lease the attempt itself tells."""
    if step.type != kinds.LEASED:
        _TELLS[step.type](draft, cast, step.at_ms, step.members)


def _queued(draft: Draft, cast: Cast, at_ms: float, members: _Members) -> None:
    draft.row("exchange", at_ms, CALLER, "invoke (Event)", target=QUEUE, back="202, it is on disk")


def _retry_at(draft: Draft, cast: Cast, at_ms: float, members: _Members) -> None:
    reason = cut(members["reason"] or "put off")
    draft.row("wait", at_ms, QUEUE, f"waits {span(members['at'] - at_ms)}", detail=reason)


def _dropped(draft: Draft, cast: Cast, at_ms: float, members: _Members) -> None:
    times = members["attempts"]
    text = f"given up after {times} attempt{'' if times == 1 else 's'}"
    draft.note(at_ms, QUEUE, text, detail=members["condition"] if members["told"] else "nobody is told", tone="error")


def _delivered(draft: Draft, cast: Cast, at_ms: float, members: _Members) -> None:
    kind: str = members["kind"]
    draft.row("message", at_ms, QUEUE, _DELIVERIES.get(kind, kind), target=cast.target(members["target"]))


def _delivery_failed(draft: Draft, cast: Cast, at_ms: float, members: _Members) -> None:
    text, target = cut(f"not delivered: {members['reason']}"), cast.target(members["target"])
    draft.row("message", at_ms, QUEUE, text, target=target, tone="error", arrives=False)


_TELLS: Mapping[str, Callable[[Draft, Cast, float, _Members], None]] = {
    kinds.QUEUED: _queued,
    kinds.RETRY_AT: _retry_at,
    kinds.DROPPED: _dropped,
    kinds.DELIVERED: _delivered,
    kinds.DELIVERY_FAILED: _delivery_failed,
}
