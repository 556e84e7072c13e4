"""The bound of the log file: the oldest events go, the counts stay true, and writers do not wait."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from neve.clock import Clock
from neve.domain.world import World
from neve.storage.sqlite.log_trim import used_bytes
from neve.storage.sqlite.logs import SqliteLogStore
from neve.storage.store import LogLine, LogStream

LIMIT = 1_048_576
LINE = "x" * 1_000
GROUP = "/aws/lambda/f"

Open = Callable[..., Awaitable[SqliteLogStore]]


class MovingClock(Clock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        super().__init__(virtual=True)
        self.at = 1_800_000_000.0

    def now(self) -> float:
        return self.at


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def opened(tmp_path: Path, clock: MovingClock) -> AsyncIterator[Open]:
    """Opens the same file, with a bound or without."""
    stores: list[SqliteLogStore] = []

    async def store(limit: int | None = LIMIT) -> SqliteLogStore:
        for before in stores:
            await before.close()
        stores[:] = [await SqliteLogStore.open(tmp_path / "logs.sqlite", clock, limit)]
        return stores[0]

    yield store
    for last in stores:
        await last.close()


async def write(store: SqliteLogStore, clock: MovingClock, lines: int, stream: str = "s") -> None:
    """So many lines a millisecond apart, in batches as functions write them; what is too much is gone afterwards."""
    for number in range(lines):
        clock.at += 0.001
        store.append_nowait(LogLine(World(), GROUP, stream, int(clock.now_ms()), f"{number:06d} {LINE}"))
        if number % 50 == 49:
            await store.group(World(), GROUP)
    await store.group(World(), GROUP)
    await store.swept()


async def kept(store: SqliteLogStore) -> list[int]:
    """The numbers of the lines that are there."""
    events = await store.events(World(), GROUP, None, None, None, None, None, None, False, 100_000)
    return [int(event.message[:6]) for event in events]


def used(path: Path) -> int:
    with sqlite3.connect(path) as db:
        return used_bytes(db)


async def test_the_oldest_go_when_it_is_too_much(opened: Open, clock: MovingClock, tmp_path: Path) -> None:
    store = await opened()
    await write(store, clock, 5_000)
    numbers = await kept(store)
    assert numbers == list(range(numbers[0], 5_000))
    assert 100 < len(numbers) < 1_100
    assert used(tmp_path / "logs.sqlite") <= LIMIT
    size = (tmp_path / "logs.sqlite").stat().st_size
    await write(store, clock, 5_000)
    assert (tmp_path / "logs.sqlite").stat().st_size < size * 1.5  # what was freed is used again


async def test_nothing_goes_below_the_bound(opened: Open, clock: MovingClock) -> None:
    store = await opened()
    await write(store, clock, 500)
    assert len(await kept(store)) == 500


async def test_counts_are_those_of_what_is_left(opened: Open, clock: MovingClock) -> None:
    store = await opened()
    await write(store, clock, 3_000)
    left = len(await kept(store)) * (len(LINE) + 7 + 26)
    group = await store.group(World(), GROUP)
    stream = await store.stream(World(), GROUP, "s")
    assert group is not None
    assert stream is not None
    assert group.stored_bytes == left
    first = (await store.events(World(), GROUP, None, None, None, None, None, None, False, 1))[0]
    assert stream.first_event_ms == first.timestamp_ms


async def test_streams_of_which_nothing_is_left_go_and_others_stay(opened: Open, clock: MovingClock) -> None:
    store = await opened()
    await write(store, clock, 100, "old")
    await store.create_stream(LogStream(World(), GROUP, "never used", int(clock.now_ms())))
    await write(store, clock, 3_000, "new")
    names = [each.name for each in await store.streams(World(), GROUP, "", False, False, 0, 10)]
    assert names == ["never used", "new"]


async def test_a_smaller_bound_holds_from_the_next_start(opened: Open, clock: MovingClock, tmp_path: Path) -> None:
    store = await opened(None)
    await write(store, clock, 3_000)
    assert len(await kept(store)) == 3_000
    store = await opened()
    await store.swept()
    assert used(tmp_path / "logs.sqlite") <= LIMIT
    assert (await kept(store))[-1] == 2_999


async def test_lines_of_other_groups_that_are_older_go_first(opened: Open, clock: MovingClock) -> None:
    store = await opened()
    store.append_nowait(LogLine(World(), "/quiet", "s", int(clock.now_ms()), "000000 quiet"))
    await write(store, clock, 3_000)
    assert await store.events(World(), "/quiet", None, None, None, None, None, None, False, 10) == []
    group = await store.group(World(), "/quiet")
    assert group is not None
    assert group.stored_bytes == 0
