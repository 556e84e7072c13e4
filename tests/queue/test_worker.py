"""Events from acceptance to their end, with a clock that the test moves."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.queue.house import BOUND_S, WORLD, House, failed, succeeded

from neve.domain.errors import PlatformError, ResourceConflict, ResourceNotFound, TooManyRequests
from neve.domain.event import Policy, QueuedEvent
from neve.domain.invocation import InvocationResult
from neve.domain.lineage import counted

THROTTLE = TooManyRequests("ConcurrentInvocationLimitExceeded")


def raising(error: Exception) -> Any:
    async def run(event: QueuedEvent) -> InvocationResult:
        raise error

    return run


def answering(*results: InvocationResult | Exception) -> Any:
    left = list(results)

    async def run(event: QueuedEvent) -> InvocationResult:
        result = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(result, Exception):
            raise result
        return result

    return run


def members(house: House, kind: str) -> list[Any]:
    return [dict(record.record) for record in house.of(kind)]


async def test_event_that_succeeds_runs_once_and_is_gone(house: House) -> None:
    (id_,) = await house.send()
    await house.wait(lambda: house.functions.runs["f"] == [id_])
    await house.wait(lambda: not house.functions.running["f"])
    (overview,) = await until_settled(house)
    assert (overview.received, overview.succeeded, overview.dropped) == (1, 1, {})
    assert [record.type for record in house.records] == ["neve.queued", "neve.leased"]


async def until_settled(house: House) -> Any:
    async with asyncio.timeout(BOUND_S):
        while True:
            overviews = await house.queue.overview()
            if all(not (each.waiting or each.running) for each in overviews):
                return overviews
            await asyncio.sleep(0.001)


async def test_failing_event_runs_three_times_one_and_two_minutes_apart(house: House) -> None:
    house.functions.scripts["f"] = answering(failed())
    await house.send()
    for attempt, wait_s in ((1, 60.0), (2, 120.0)):
        record = await house.wait_record("neve.retryAt", attempt)
        assert record.record["at"] / 1000.0 - house.clock.now() == pytest.approx(wait_s, abs=1.0)
        house.clock.advance(wait_s - 2.0)
        await asyncio.sleep(0.02)
        assert len(house.functions.runs["f"]) == attempt, "too early"
        house.clock.advance(2.0)
    await house.wait_record("neve.dropped")
    assert len(house.functions.runs["f"]) == 3
    assert members(house, "neve.dropped")[0]["condition"] == "RetriesExhausted"


async def test_event_that_recovers_is_not_dropped(house: House) -> None:
    house.functions.scripts["f"] = answering(failed(), succeeded())
    await house.send()
    await house.wait_record("neve.retryAt")
    house.clock.advance(61.0)
    await house.wait(lambda: len(house.functions.runs["f"]) == 2)
    (overview,) = await until_settled(house)
    assert (overview.succeeded, overview.dropped) == (1, {})


@pytest.mark.parametrize(
    "error", [THROTTLE, PlatformError("no room"), ResourceConflict("Pending"), TimeoutError()], ids=str
)
async def test_throttle_and_system_error_are_retried_without_counting(house: House, error: Exception) -> None:
    house.functions.scripts["f"] = answering(error, error, succeeded())
    await house.send()
    for count, wait_s in ((1, 1.0), (2, 2.0)):
        record = await house.wait_record("neve.retryAt", count)
        assert record.record["attempts"] == 0
        house.clock.advance(wait_s + 0.1)
    await house.wait(lambda: len(house.functions.runs["f"]) == 3)
    (overview,) = await until_settled(house)
    assert overview.succeeded == 1


async def test_function_that_is_off_is_not_run(house: House) -> None:
    house.functions.off.add("f")
    house.functions.scripts["f"] = raising(THROTTLE)
    await house.send(count=50)
    await house.wait_record("neve.dropped", 50)
    assert {each["condition"] for each in members(house, "neve.dropped")} == {"ZeroReservedConcurrency"}


async def test_function_that_is_gone_ends_its_events(house: House) -> None:
    house.functions.scripts["f"] = raising(ResourceNotFound("Function not found"))
    await house.send()
    record = await house.wait_record("neve.dropped")
    assert record.record["reason"] == "refused: Function not found"


async def test_fault_of_ours_loses_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.functions.scripts["f"] = answering(RuntimeError("a bug"), succeeded())
    (id_,) = await house.send()
    await house.wait(lambda: len(house.functions.runs["f"]) == 1)
    await asyncio.sleep(0)
    house.clock.advance(2.0)
    await house.wait(lambda: house.functions.runs["f"] == [id_, id_])
    assert "a bug" in caplog.text


async def test_settings_are_those_of_the_attempt(house: House) -> None:
    house.functions.scripts["f"] = answering(failed())
    await house.send()
    await house.wait_record("neve.retryAt")
    house.functions.policies["f"] = Policy(retries=0)
    house.clock.advance(61.0)
    await house.wait_record("neve.dropped")
    assert members(house, "neve.dropped")[0]["attempts"] == 2


async def test_event_older_than_its_maximum_age_is_dropped_unseen(house: House) -> None:
    house.functions.policies["f"] = Policy(maximum_age_s=60)
    await house.send(accepted_ms=house.clock.now_ms() - 61_000.0)
    await house.wait_record("neve.dropped")
    assert house.functions.runs["f"] == []
    assert members(house, "neve.dropped")[0]["condition"] == "EventAgeExceeded"


async def test_seventeenth_run_in_a_chain_is_dropped(house: House) -> None:
    header = "Root=1"
    for _ in range(17):
        header = counted(header, WORLD, "f")
        await house.send(trace_header=header)
    await house.wait_record("neve.dropped")
    await house.wait(lambda: len(house.functions.runs["f"]) == 16)
    assert members(house, "neve.dropped")[0]["condition"] == "RecursiveInvocation"


async def test_retry_now_runs_what_waits_for_later(house: House) -> None:
    house.functions.scripts["f"] = answering(failed())
    (first, second) = await house.send(count=2)
    await house.wait_record("neve.retryAt", 2)
    assert await house.queue.retry_now(WORLD, "f", first) == 1
    await house.wait(lambda: house.functions.runs["f"].count(first) == 2)
    assert house.functions.runs["f"].count(second) == 1


async def test_purge_leaves_nothing_that_was_leased_ahead(house: House) -> None:
    release = house.functions.hold("f")
    await house.send(count=100)
    await house.wait(lambda: house.functions.running["f"])
    running = house.functions.running["f"]
    purged = await house.queue.purge(WORLD, "f")
    release.set()
    (overview,) = await until_settled(house)
    assert overview.succeeded + purged == 100
    assert purged >= 100 - running - 2


async def test_what_failed_for_good_is_remembered_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = await House.open(tmp_path, event_retention_seconds=3600.0)
    looked: list[float] = []
    forget = house.store.forget_dropped

    async def noted(before_ms: float) -> int:
        count = await forget(before_ms)
        looked.append(before_ms)
        return count

    monkeypatch.setattr(house.store, "forget_dropped", noted)
    cleaning = asyncio.create_task(house.queue.keep_clean())
    house.functions.policies["f"] = Policy(retries=0)
    house.functions.scripts["f"] = answering(failed("why"))
    await house.send()
    await house.wait_record("neve.dropped")
    begun_ms = house.clock.now_ms()
    house.clock.advance(3000.0)
    await house.wait(lambda: looked and looked[-1] > begun_ms - 3_600_000.0)
    (lost,) = await house.queue.dropped(WORLD, "f", 10)
    assert (lost.error, lost.attempts) == ("why", 1)
    house.clock.advance(1300.0)
    async with asyncio.timeout(BOUND_S):
        while await house.queue.dropped(WORLD, "f", 10):  # noqa: ASYNC110 - the disk alone knows
            await asyncio.sleep(0.001)
    (overview,) = await house.queue.overview()
    assert overview.dropped == {"RetriesExhausted": 1}, "what is counted stays counted"
    cleaning.cancel()
    await house.close()
