"""Concurrency slots: the limits, who gets what comes back, and that nothing is lost."""

import asyncio

import pytest

from neve.dataplane.slots import Holder, Slots
from neve.domain.concurrency import ACCOUNT_LIMIT, ADMITTED, RESERVED_LIMIT, UNLIMITED, FunctionLimits, Throttled
from neve.domain.errors import TooManyRequests
from neve.domain.world import World

WORLD, ELSEWHERE = World("111111111111"), World("222222222222")
HERE, OTHER, THERE = Holder(WORLD, "f", "1"), Holder(WORLD, "g", "1"), Holder(ELSEWHERE, "f", "1")
LONG = 20.0


def takes(slots: Slots, holder: Holder) -> bool:
    return slots.take(holder) is ADMITTED


async def begun(slots: Slots, *holders: Holder) -> list["asyncio.Task[None]"]:
    """Callers that wait for a slot, in this order."""
    waiting = [asyncio.create_task(slots.take_within(holder, LONG)) for holder in holders]
    await asyncio.sleep(0)
    return waiting


def test_each_world_has_as_many_as_the_limit() -> None:
    slots = Slots(2)
    assert [takes(slots, holder) for holder in (HERE, OTHER, HERE)] == [True, True, False]
    assert takes(slots, THERE)
    assert (slots.taken(WORLD), slots.taken(ELSEWHERE)) == (2, 1)
    slots.give_back(HERE)
    assert takes(slots, OTHER)


async def test_what_comes_back_goes_to_who_waits_first() -> None:
    slots = Slots(1)
    slots.take(HERE)
    first, second = await begun(slots, HERE, OTHER)
    slots.give_back(HERE)
    assert not takes(slots, HERE)  # it is promised
    await first
    assert not second.done()
    slots.give_back(HERE)
    await second
    assert slots.taken(WORLD) == 1
    slots.give_back(OTHER)
    assert takes(slots, HERE)


async def test_several_come_back_at_once() -> None:
    slots = Slots(2)
    waiting = await begun(slots, *[HERE] * 4)
    slots.give_back(HERE)
    slots.give_back(HERE)
    await asyncio.gather(*waiting)
    assert slots.taken(WORLD) == 2


async def test_who_waits_in_vain_is_throttled_and_leaves_the_queue() -> None:
    slots = Slots(1)
    slots.take(HERE)
    with pytest.raises(TooManyRequests, match="Rate Exceeded") as caught:
        await slots.take_within(HERE, 0.0)
    assert caught.value.reason == ACCOUNT_LIMIT
    slots.give_back(HERE)
    assert slots.taken(WORLD) == 0


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "when it was served"])
async def test_who_gives_up_keeps_no_slot(late: bool) -> None:
    slots = Slots(1)
    slots.take(HERE)
    (waiting,) = await begun(slots, HERE)
    if late:
        slots.give_back(HERE)
        waiting.cancel()
    else:
        waiting.cancel()
        await asyncio.wait([waiting])
        slots.give_back(HERE)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert slots.taken(WORLD) == 0
    assert takes(slots, HERE)


async def test_reserved_slots_go_back_to_their_own_function() -> None:
    slots = Slots(2)
    slots.limit(WORLD, "f", FunctionLimits(reserved=1))
    assert [takes(slots, holder) for holder in (HERE, OTHER)] == [True, True]
    assert slots.take(HERE) == Throttled(RESERVED_LIMIT)
    assert slots.take(OTHER) == Throttled(ACCOUNT_LIMIT)
    unreserved, reserved = await begun(slots, OTHER, HERE)
    slots.give_back(HERE)
    await reserved
    assert not unreserved.done()
    slots.give_back(OTHER)
    await unreserved


async def test_provisioned_slot_passes_by_who_may_not_have_it() -> None:
    """The first in the queue asks for a version that has none provisioned."""
    slots = Slots(10)
    slots.limit(WORLD, "f", FunctionLimits(1, {"1": 1}))
    slots.take(HERE)
    elsewhere, own = await begun(slots, Holder(WORLD, "f", "2"), HERE)
    slots.give_back(HERE)
    await own
    assert not elsewhere.done()
    elsewhere.cancel()
    with pytest.raises(asyncio.CancelledError):
        await elsewhere
    assert slots.taken(WORLD) == 1


async def test_new_limits_serve_who_waits() -> None:
    slots = Slots(5)
    slots.limit(WORLD, "f", FunctionLimits(reserved=0))
    waiting = await begun(slots, *[HERE] * 3)
    slots.limit(WORLD, "f", FunctionLimits(reserved=2))
    await asyncio.gather(*waiting[:2])
    assert not waiting[2].done()
    slots.limit(WORLD, "f", UNLIMITED)
    await waiting[2]
    assert slots.taken(WORLD) == 3


async def test_a_slot_taken_under_other_limits_is_given_back() -> None:
    slots = Slots(3)
    slots.take(HERE)
    slots.limit(WORLD, "f", FunctionLimits(reserved=1))
    slots.give_back(HERE)
    assert slots.taken(WORLD) == 0
    assert [takes(slots, OTHER) for _ in range(3)] == [True, True, False]
