"""An alarm that is set, set anew, stopped and rings."""

import asyncio

import pytest

from neve.dataplane.alarm import Alarm

BOUND_S = 10.0


class Bell:
    def __init__(self) -> None:
        self.rung = 0
        self.rings = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.at = 0.0
        self.alarm = Alarm(self.ring)

    def ring(self) -> None:
        self.rung += 1
        self.at = self.loop.time()
        self.rings.set()

    async def wait(self) -> float:
        async with asyncio.timeout(BOUND_S):
            await self.rings.wait()
        self.rings.clear()
        return self.at


@pytest.fixture
async def bell() -> Bell:
    return Bell()


async def test_it_rings_once_when_it_is_due(bell: Bell) -> None:
    began = bell.loop.time()
    bell.alarm.set(0.02)
    assert await bell.wait() - began >= 0.019
    await until(bell, 0.03)
    assert bell.rung == 1


async def test_set_anew_it_rings_at_the_later_time_alone(bell: Bell) -> None:
    began = bell.loop.time()
    bell.alarm.set(0.01)
    bell.alarm.set(0.05)
    assert await bell.wait() - began >= 0.049
    assert bell.rung == 1


async def test_set_anew_for_earlier_it_does_not_wait_for_the_later_time(bell: Bell) -> None:
    bell.alarm.set(3600.0)
    bell.alarm.set(0.01)
    await bell.wait()


async def test_stopped_it_does_not_ring_and_can_be_set_again(bell: Bell) -> None:
    bell.alarm.set(0.01)
    bell.alarm.stop()
    await until(bell, 0.03)
    assert bell.rung == 0
    bell.alarm.set(0.01)
    await bell.wait()


async def test_stopped_and_set_again_it_rings_when_the_second_is_due(bell: Bell) -> None:
    bell.alarm.set(0.02)
    bell.alarm.stop()
    began = bell.loop.time()
    bell.alarm.set(0.05)
    assert await bell.wait() - began >= 0.049


async def test_closed_it_leaves_nothing_on_the_loop(bell: Bell) -> None:
    bell.alarm.set(0.01)
    timer = bell.alarm._timer
    bell.alarm.close()
    assert timer is not None
    assert timer.cancelled()
    assert bell.rung == 0


async def until(bell: Bell, seconds: float) -> None:
    """By the loop's own clock: a timer that is due later than the alarm would be."""
    over = asyncio.Event()
    bell.loop.call_later(seconds, over.set)
    async with asyncio.timeout(BOUND_S):
        await over.wait()
