"""What follows an attempt to run an event. Pure: times are arguments. Source: async-invocation facts §2."""

from dataclasses import dataclass, replace

from neve.domain.destination import DeliveryKind
from neve.domain.event import Cause, Condition, NotRun, Outcome, Policy, Progress, QueuedEvent
from neve.domain.function import RecursiveLoop
from neve.domain.lineage import is_loop

SETBACK_FIRST_S = 1.0
SETBACK_LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Run it again, at a time in UTC milliseconds."""

    at_ms: float
    progress: Progress


@dataclass(frozen=True, slots=True)
class Deliver:
    """It has ended; `to` says who is told: why, and the ARN of the target."""

    condition: Condition
    progress: Progress
    to: tuple[tuple[DeliveryKind, str], ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """It has ended and nobody is told; also when it succeeded."""

    condition: Condition
    progress: Progress


End = Deliver | Drop
Decision = RetryAt | End


def decide(
    event: QueuedEvent, progress: Progress, outcome: Outcome, policy: Policy, now_ms: float, retry_base_s: float
) -> Decision:
    """What follows this outcome. A failed function is run again after `retry_base_s` seconds, then after twice that.

    Throttles and system errors are no attempts: they wait from a second to five minutes, as long as the event may live.
    """
    if isinstance(outcome, NotRun):
        return _not_run(event, progress, outcome, policy, now_ms)
    progress = Progress(progress.attempts + 1, 0, outcome)
    if not outcome.failed:
        return _end(Condition.SUCCESS, progress, policy)
    if progress.attempts > policy.retries:
        return _end(Condition.RETRIES_EXHAUSTED, progress, policy)
    return _later(event, progress, policy, now_ms, retry_base_s * progress.attempts)


def decide_before(event: QueuedEvent, progress: Progress, policy: Policy, now_ms: float) -> End | None:
    """How an event ends that must not run any more; None when it may."""
    if policy.recursive_loop is RecursiveLoop.TERMINATE and is_loop(event.trace_header):
        return _end(Condition.RECURSIVE_INVOCATION, progress, policy)
    if _too_old(event, policy, now_ms):
        return _end(Condition.EVENT_AGE_EXCEEDED, progress, policy)
    return None


def setback_s(setbacks: int) -> float:
    """How long after so many throttles and system errors in a row: 1 s, doubling, at most 5 minutes."""
    return min(SETBACK_LONGEST_S, SETBACK_FIRST_S * 2.0 ** min(setbacks - 1, 30))


def _not_run(event: QueuedEvent, progress: Progress, outcome: NotRun, policy: Policy, now_ms: float) -> Decision:
    progress = replace(progress, setbacks=progress.setbacks + 1, refusal=outcome)
    if outcome.cause is Cause.TURNED_OFF:
        return _end(Condition.ZERO_RESERVED_CONCURRENCY, progress, policy)
    if outcome.cause is Cause.REFUSED:
        return _end(Condition.REFUSED, progress, policy)
    return _later(event, progress, policy, now_ms, setback_s(progress.setbacks))


def _later(event: QueuedEvent, progress: Progress, policy: Policy, now_ms: float, seconds: float) -> Decision:
    """The age is tested before a retry is planned: one that would come too late is the end now."""
    at_ms = now_ms + seconds * 1000.0
    if _too_old(event, policy, at_ms):
        return _end(Condition.EVENT_AGE_EXCEEDED, progress, policy)
    return RetryAt(at_ms, progress)


def _too_old(event: QueuedEvent, policy: Policy, at_ms: float) -> bool:
    return at_ms - event.accepted_ms > policy.maximum_age_s * 1000.0


def _end(condition: Condition, progress: Progress, policy: Policy) -> End:
    """A destination and a dead-letter queue are both told: which of them the service prefers is unconfirmed."""
    if condition is Condition.SUCCESS:
        wanted = [(DeliveryKind.ON_SUCCESS, policy.on_success)]
    else:
        wanted = [(DeliveryKind.ON_FAILURE, policy.on_failure), (DeliveryKind.DEAD_LETTER, policy.dead_letter_arn)]
    to = tuple((kind, arn) for kind, arn in wanted if arn is not None)
    return Deliver(condition, progress, to) if to else Drop(condition, progress)
