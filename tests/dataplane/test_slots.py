"""Concurrency slots: the limit, who gets what comes back, and that nothing is lost."""

import asyncio

import pytest

from neve.dataplane.slots import Slots
from neve.domain.errors import TooManyRequests
from neve.domain.world import World

HERE, THERE = World("111111111111"), World("222222222222")
LONG = 20.0


def test_each_world_has_as_many_as_the_limit() -> None:
    slots = Slots(2)
    assert [slots.take(HERE) for _ in range(3)] == [True, True, False]
    assert slots.take(THERE)
    assert (slots.taken(HERE), slots.taken(THERE)) == (2, 1)
    slots.give_back(HERE)
    assert slots.take(HERE)


async def test_what_comes_back_goes_to_who_waits_first() -> None:
    slots = Slots(1)
    slots.take(HERE)
    first, second = (asyncio.create_task(slots.take_within(HERE, LONG)) for _ in range(2))
    await asyncio.sleep(0)
    slots.give_back(HERE)
    assert not slots.take(HERE)  # it is promised
    await first
    assert not second.done()
    slots.give_back(HERE)
    await second
    assert slots.taken(HERE) == 1
    slots.give_back(HERE)
    assert slots.take(HERE)


async def test_several_come_back_at_once() -> None:
    slots = Slots(2)
    waiting = [asyncio.create_task(slots.take_within(HERE, LONG)) for _ in range(4)]
    await asyncio.sleep(0)
    slots.give_back(HERE)
    slots.give_back(HERE)
    await asyncio.gather(*waiting)
    assert slots.taken(HERE) == 2


async def test_who_waits_in_vain_is_throttled_and_leaves_the_queue() -> None:
    slots = Slots(1)
    slots.take(HERE)
    with pytest.raises(TooManyRequests, match="Rate Exceeded"):
        await slots.take_within(HERE, 0.0)
    slots.give_back(HERE)
    assert slots.taken(HERE) == 0


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "when it was served"])
async def test_who_gives_up_keeps_no_slot(late: bool) -> None:
    slots = Slots(1)
    slots.take(HERE)
    waiting = asyncio.create_task(slots.take_within(HERE, LONG))
    await asyncio.sleep(0)
    if late:
        slots.give_back(HERE)
        waiting.cancel()
    else:
        waiting.cancel()
        await asyncio.wait([waiting])
        slots.give_back(HERE)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert slots.taken(HERE) == 0
    assert slots.take(HERE)
