"""One at a time for each key."""

import asyncio

from neve.dataplane.turns import Turns


async def test_one_at_a_time_in_the_order_of_asking() -> None:
    turns = Turns()
    seen: list[str] = []

    async def visit(name: str) -> None:
        async with turns.take("key"):
            seen.append(f"{name} in")
            await asyncio.sleep(0)
            seen.append(f"{name} out")

    await asyncio.gather(*(visit(name) for name in "abc"))
    assert seen == ["a in", "a out", "b in", "b out", "c in", "c out"]


async def test_other_keys_do_not_wait() -> None:
    turns = Turns()
    async with turns.take("a"), asyncio.timeout(5), turns.take("b"):
        pass


async def test_who_stops_waiting_leaves_the_queue() -> None:
    turns = Turns()
    async with turns.take("key"):
        waiting = asyncio.create_task(_take(turns))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5), turns.take("key"):
        pass
    assert turns._locks == {}  # nothing is kept for keys that nobody wants


async def _take(turns: Turns) -> None:
    async with turns.take("key"):
        pass
