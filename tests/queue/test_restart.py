"""What a queue that ends leaves to the next one: everything that has not ended."""

import asyncio
from pathlib import Path

import pytest
from tests.queue.house import House, failed

from neve.domain.destination import Delivery
from neve.domain.errors import PlatformError
from neve.domain.event import Policy, QueuedEvent
from neve.domain.invocation import InvocationResult
from neve.queue import event_queue


async def test_what_runs_when_neve_stops_runs_again_and_is_no_attempt(tmp_path: Path) -> None:
    house = await House.open(tmp_path)
    stopping = asyncio.Event()

    async def wait(event: QueuedEvent) -> InvocationResult:
        await stopping.wait()
        raise PlatformError("Neve was stopped before the invocation began.")

    house.functions.scripts["f"] = wait
    ids = await house.send(count=20)
    await house.wait(lambda: house.functions.running["f"])
    house.queue.close()
    stopping.set()
    await house.close()
    assert house.of("neve.retryAt") == []
    house = await House.open(tmp_path)
    await house.wait(lambda: len(house.functions.runs["f"]) == 20)
    assert sorted(house.functions.runs["f"]) == sorted(ids)
    assert {record.record["attempt"] for record in house.of("neve.leased")} == {1}
    await house.close()


async def test_what_still_answers_when_neve_stops_is_settled(tmp_path: Path) -> None:
    house = await House.open(tmp_path)
    release = house.functions.hold("f")
    await house.send(count=1)
    await house.wait(lambda: house.functions.running["f"])
    house.queue.close()
    release.set()
    await house.close()
    house = await House.open(tmp_path)
    (overview,) = await house.queue.overview()
    assert (overview.succeeded, overview.waiting, overview.running) == (1, 0, 0)
    await house.close()


async def test_retry_waits_for_its_time_across_a_restart(tmp_path: Path) -> None:
    house = await House.open(tmp_path)

    async def fail(event: QueuedEvent) -> InvocationResult:
        return failed()

    house.functions.scripts["f"] = fail
    await house.send()
    await house.wait_record("neve.retryAt")
    await house.close()
    house = await House.open(tmp_path)
    await asyncio.sleep(0.02)
    assert house.functions.runs["f"] == []
    house.clock.advance(61.0)
    record = await house.wait_record("neve.leased")
    assert record.record["attempt"] == 2
    await house.close()


async def test_message_that_no_target_took_is_sent_after_a_restart_under_the_same_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the end of a stop that does not wait for a target for ever."""
    monkeypatch.setattr(event_queue, "LAST_SECONDS", 0.05)
    house = await House.open(tmp_path)
    tried = await hold_first(house)
    await house.close()
    house = await House.open(tmp_path)
    await house.wait(lambda: house.targets.taken)
    assert [each.id for each in house.targets.taken] == tried
    await house.close()


async def hold_first(house: House) -> list[str]:
    """One message that a target neither takes nor refuses; its id."""
    tried = []

    async def never(delivery: Delivery) -> None:
        tried.append(delivery.id)
        await asyncio.Event().wait()

    house.targets.send = never  # type: ignore[method-assign]
    house.functions.policies["f"] = Policy(on_success="arn:slow")
    await house.send()
    await house.wait(lambda: tried)
    return tried
