"""Time that can be moved."""

import asyncio

import pytest

from neve.clock import Clock


async def test_advance_runs_what_falls_due_in_its_order() -> None:
    clock = Clock(virtual=True)
    ran: list[str] = []
    clock.call_later(120, lambda: ran.append("two minutes"))
    clock.call_later(60, lambda: ran.append("one minute"))
    clock.call_later(3600, lambda: ran.append("an hour"))
    clock.advance(121)
    assert ran == ["one minute", "two minutes"]


async def test_a_sleeper_wakes_when_the_clock_is_moved() -> None:
    clock = Clock(virtual=True)
    sleeper = asyncio.create_task(clock.sleep(300))
    await asyncio.sleep(0)
    clock.advance(300)
    await asyncio.wait_for(sleeper, 5)


async def test_a_timer_that_was_cancelled_does_not_run() -> None:
    clock = Clock(virtual=True)
    ran: list[str] = []
    clock.call_later(1, lambda: ran.append("x")).cancel()
    clock.advance(2)
    assert ran == []


async def test_timers_run_by_themselves_too() -> None:
    done = asyncio.Event()
    Clock().call_later(0.001, done.set)
    await asyncio.wait_for(done.wait(), 5)


@pytest.mark.parametrize(("virtual", "seconds", "text"), [(False, 1.0, "real"), (True, -1.0, "ahead")])
async def test_a_clock_says_why_it_cannot_be_moved(virtual: bool, seconds: float, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Clock(virtual=virtual).advance(seconds)
