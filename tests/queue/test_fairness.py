"""One function's backlog, throttle or slowness does not delay another's events."""

import asyncio
import time
from pathlib import Path

import pytest
from tests.queue.house import House, fill, succeeded

from neve.domain.errors import TooManyRequests
from neve.domain.event import QueuedEvent
from neve.domain.invocation import InvocationResult
from neve.queue import lane
from neve.queue.room import Room


async def test_ten_events_do_not_wait_for_a_hundred_thousand(tmp_path: Path) -> None:
    await fill(tmp_path, "crowd", 100_000)
    house = await House.open(tmp_path)
    await house.wait(lambda: len(house.functions.runs["crowd"]) > 100)
    ran_before = len(house.functions.runs["crowd"])
    began = time.monotonic()
    await house.send("few", count=10)
    await house.wait(lambda: len(house.functions.runs["few"]) == 10)
    took_s, meanwhile = time.monotonic() - began, len(house.functions.runs["crowd"]) - ran_before
    await house.close()
    assert took_s < 2.0
    assert meanwhile < 10_000, f"{meanwhile} of the crowd went before"


async def test_slow_functions_leave_room_for_a_newcomer(house: House) -> None:
    slow = [f"slow{number}" for number in range(30)]
    hold = house.functions.hold(*slow)
    for name in slow:
        await house.send(name, count=200)
    await house.wait(lambda: sum(house.functions.running.values()) >= 60)
    await house.send("quick", count=10)
    await house.wait(lambda: len(house.functions.runs["quick"]) == 10)
    hold.set()


async def test_throttled_function_waits_alone_and_is_tried_seldom(house: House) -> None:
    async def throttle(event: QueuedEvent) -> InvocationResult:
        raise TooManyRequests("ConcurrentInvocationLimitExceeded")

    house.functions.scripts["full"] = throttle
    await house.send("full", count=1000)
    await house.wait_record("neve.retryAt", 1)
    await house.send("quick", count=10)
    await house.wait(lambda: len(house.functions.runs["quick"]) == 10)
    await asyncio.sleep(0.05)
    assert len(house.functions.runs["full"]) <= 4, "a full function is not asked a thousand times a second"


async def test_backlog_of_a_throttled_function_is_run_as_there_is_room(house: House) -> None:
    async def one_at_a_time(event: QueuedEvent) -> InvocationResult:
        if house.functions.running["one"] > 1:
            raise TooManyRequests("ReservedFunctionConcurrentInvocationLimitExceeded")
        await asyncio.sleep(0.001)
        return succeeded()

    house.functions.scripts["one"] = one_at_a_time
    await house.send("one", count=300)
    for _ in range(200):
        house.clock.advance(2.0)
        await asyncio.sleep(0.005)
        (overview,) = await house.queue.overview()
        if overview.succeeded == 300:
            break
    assert overview.succeeded == 300
    assert len(house.functions.runs["one"]) < 600


async def test_more_run_at_once_as_long_as_that_helps(house: House) -> None:
    async def wait(event: QueuedEvent) -> InvocationResult:
        await asyncio.sleep(0.02)
        return succeeded()

    house.functions.scripts["waits"] = wait
    await house.send("waits", count=600)
    await house.wait(lambda: len(house.functions.runs["waits"]) == 600)
    assert house.functions.most["waits"] > 16


async def test_long_jobs_get_more_places_also_while_more_of_them_arrive(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "PATIENCE_S", 0.05)
    hold = house.functions.hold("long")
    async with asyncio.timeout(10):
        while house.functions.running["long"] < 40:
            await house.send("long")
            await asyncio.sleep(0.01)
    hold.set()


@pytest.mark.parametrize("guests", [1, 2, 9])
def test_room_is_shared_and_one_place_more_than_a_share_is_free(guests: int) -> None:
    room = Room(100)
    lanes = [Guest() for _ in range(guests)]
    while sum(lane.take(room) for lane in lanes):
        pass
    shares = [lane.running for lane in lanes]
    assert max(shares) - min(shares) <= 1
    assert 100 - sum(shares) >= min(shares) > 0
    assert Guest().take(room)


def test_place_that_is_given_back_invites_who_waits_longest_and_one_who_needs_it_not_passes_it_on() -> None:
    room = Room(2)
    first, second, third = Guest(), Guest(), Guest()
    assert first.take(room)
    assert not first.take(room)
    assert second.take(room)
    assert not third.take(room)
    room.give_back()
    assert (first.invited, third.invited) == (1, 0)
    room.pass_on()
    assert third.invited == 1
    room.leave(third)
    room.pass_on()


class Guest:
    def __init__(self) -> None:
        self.running = 0
        self.invited = 0

    def invite(self) -> None:
        self.invited += 1

    def take(self, room: Room) -> bool:
        taken = room.take(self)
        self.running += taken
        return taken
