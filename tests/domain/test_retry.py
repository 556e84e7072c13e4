"""What follows an attempt: every row of the facts (async-invocation §2)."""

import msgspec
import pytest

from neve.domain.destination import DeliveryKind
from neve.domain.event import (
    NEW,
    Cause,
    Condition,
    NotRun,
    Outcome,
    Policy,
    Progress,
    QueuedEvent,
    Ran,
)
from neve.domain.function import RecursiveLoop
from neve.domain.lineage import counted
from neve.domain.retry import Deliver, Drop, RetryAt, decide, decide_before, setback_s
from neve.domain.world import World

START = 1_000_000.0
MINUTE = 60_000.0
HOUR = 60 * MINUTE
EVENT = QueuedEvent("id", World(), "f", None, b"{}", counted("Root=1", World(), "f"), START)
FAILED = Ran(True, b'{"errorMessage":"no"}', "$LATEST")
SUCCEEDED = Ran(False, b"1", "$LATEST")
THROTTLED = NotRun(Cause.THROTTLED, 429, "Rate Exceeded.")
BROKEN = NotRun(Cause.SYSTEM_ERROR, 500, "no room")
OFF = NotRun(Cause.TURNED_OFF, 429, "Rate Exceeded.")
GONE = NotRun(Cause.REFUSED, 404, "Function not found")
DEFAULT = Policy()


def after(outcome: Outcome, progress: Progress = NEW, policy: Policy = DEFAULT, now: float = START) -> object:
    return decide(EVENT, progress, outcome, policy, now, 60.0)


def test_success_is_the_end() -> None:
    assert after(SUCCEEDED) == Drop(Condition.SUCCESS, Progress(1, 0, SUCCEEDED))


def test_first_failure_is_retried_after_one_minute_and_the_second_after_two() -> None:
    first = after(FAILED)
    assert first == RetryAt(START + MINUTE, Progress(1, 0, FAILED))
    second = after(FAILED, Progress(1, 0, FAILED), now=START + MINUTE)
    assert second == RetryAt(START + 3 * MINUTE, Progress(2, 0, FAILED))


def test_third_failure_is_the_end() -> None:
    assert after(FAILED, Progress(2, 0, FAILED)) == Drop(Condition.RETRIES_EXHAUSTED, Progress(3, 0, FAILED))


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_attempts_are_one_more_than_the_retries(retries: int) -> None:
    policy = Policy(retries=retries)
    ends = [isinstance(after(FAILED, Progress(attempts), policy), Drop) for attempts in range(retries + 1)]
    assert ends == [False] * retries + [True]


def test_retries_are_counted_by_the_setting_of_the_moment() -> None:
    ended = after(FAILED, Progress(0, 0, FAILED), Policy(retries=0))
    assert ended == Drop(Condition.RETRIES_EXHAUSTED, Progress(1, 0, FAILED))


def test_base_of_the_retries_is_a_setting() -> None:
    assert decide(EVENT, NEW, FAILED, DEFAULT, START, 0.5) == RetryAt(START + 500.0, Progress(1, 0, FAILED))


@pytest.mark.parametrize("refusal", [THROTTLED, BROKEN])
def test_throttles_and_system_errors_are_no_attempts_and_wait_longer_each_time(refusal: NotRun) -> None:
    progress, now, waits = Progress(2, 0, FAILED), START, []
    for _ in range(12):
        decision = after(refusal, progress, now=now)
        assert isinstance(decision, RetryAt)
        waits.append((decision.at_ms - now) / 1000.0)
        progress, now = decision.progress, decision.at_ms
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert progress == Progress(2, 12, FAILED, refusal)


def test_a_run_begins_the_setbacks_anew() -> None:
    decision = after(FAILED, Progress(0, 9, None, THROTTLED))
    assert decision == RetryAt(START + MINUTE, Progress(1, 0, FAILED, None))


def test_throttles_end_with_the_maximum_age_of_six_hours() -> None:
    late = START + 6 * HOUR - 10_000.0
    assert after(THROTTLED, Progress(setbacks=20), now=late) == Drop(
        Condition.EVENT_AGE_EXCEEDED, Progress(0, 21, None, THROTTLED)
    )
    assert isinstance(after(THROTTLED, Progress(setbacks=20), now=START + 5 * HOUR), RetryAt)


def test_reserved_concurrency_of_zero_ends_it_at_once() -> None:
    assert after(OFF) == Drop(Condition.ZERO_RESERVED_CONCURRENCY, Progress(0, 1, None, OFF))


def test_function_that_is_gone_ends_it_at_once() -> None:
    assert after(GONE) == Drop(Condition.REFUSED, Progress(0, 1, None, GONE))


@pytest.mark.parametrize(
    ("maximum_age_s", "retries_before_the_end"),
    [(60, 0), (90, 1), (21_600, 2)],
)
def test_retry_that_would_come_too_late_is_the_end_now(maximum_age_s: int, retries_before_the_end: int) -> None:
    policy, progress, now, retries = Policy(maximum_age_s=maximum_age_s), NEW, START + 50.0, 0
    while isinstance(decision := after(FAILED, progress, policy, now), RetryAt):
        progress, now, retries = decision.progress, decision.at_ms + 50.0, retries + 1
    assert isinstance(decision, Drop)
    assert retries == retries_before_the_end
    assert decision.progress.attempts == retries + 1
    aged = maximum_age_s < 21_600
    assert decision.condition is (Condition.EVENT_AGE_EXCEEDED if aged else Condition.RETRIES_EXHAUSTED)


def test_event_that_is_too_old_does_not_run() -> None:
    policy = Policy(maximum_age_s=60)
    assert decide_before(EVENT, NEW, policy, START + 60_000.0) is None
    assert decide_before(EVENT, NEW, policy, START + 60_001.0) == Drop(Condition.EVENT_AGE_EXCEEDED, NEW)


def test_loop_is_ended_before_it_runs_again() -> None:
    header = EVENT.trace_header
    for _ in range(16):
        assert decide_before(msgspec.structs.replace(EVENT, trace_header=header), NEW, DEFAULT, START) is None
        header = counted(header, EVENT.world, "f")
    looping = msgspec.structs.replace(EVENT, trace_header=header)
    assert decide_before(looping, NEW, DEFAULT, START) == Drop(Condition.RECURSIVE_INVOCATION, NEW)
    assert decide_before(looping, NEW, Policy(recursive_loop=RecursiveLoop.ALLOW), START) is None


TOLD = Policy(on_success="arn:s", on_failure="arn:f", dead_letter_arn="arn:d")
FAILURE = ((DeliveryKind.ON_FAILURE, "arn:f"), (DeliveryKind.DEAD_LETTER, "arn:d"))


@pytest.mark.parametrize(
    ("outcome", "condition", "to"),
    [
        (SUCCEEDED, Condition.SUCCESS, ((DeliveryKind.ON_SUCCESS, "arn:s"),)),
        (FAILED, Condition.RETRIES_EXHAUSTED, FAILURE),
        (OFF, Condition.ZERO_RESERVED_CONCURRENCY, FAILURE),
        (GONE, Condition.REFUSED, FAILURE),
    ],
)
def test_who_is_told(outcome: Outcome, condition: Condition, to: object) -> None:
    decision = after(outcome, Progress(2), TOLD)
    assert isinstance(decision, Deliver)
    assert (decision.condition, decision.to) == (condition, to)


def test_nobody_is_told_of_a_retry() -> None:
    assert isinstance(after(FAILED, NEW, TOLD), RetryAt)


def test_dead_letter_queue_alone_is_told_of_failures_only() -> None:
    policy = Policy(dead_letter_arn="arn:d", retries=0)
    assert isinstance(after(SUCCEEDED, policy=policy), Drop)
    failed = after(FAILED, policy=policy)
    assert isinstance(failed, Deliver)
    assert failed.to == ((DeliveryKind.DEAD_LETTER, "arn:d"),)


def test_setbacks_without_end_do_not_overflow() -> None:
    assert setback_s(1_000_000) == 300.0
