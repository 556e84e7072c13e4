"""What every LeakStore promises (storage/store.py)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from neve.domain.diagnosis import Diagnosis, Waiting
from neve.domain.leak import Fate, Leak, LeftOverLine, Source
from neve.domain.world import World
from neve.storage.sqlite.leaks import DIAGNOSES_KEPT, LEAKS_KEPT, LINES_KEPT, SqliteLeakStore
from neve.storage.store import LeakStore

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")
SOURCE = Source("index.mjs", 3, 5)
LEAK = Leak(
    "e.1",
    WORLD,
    "f",
    "$LATEST",
    "e",
    1000.5,
    "timer",
    "timer (20 ms)",
    2,
    SOURCE,
    ("handler (index.mjs:3:5)",),
    "first",
)
LINE = LeftOverLine(WORLD, "f", 1000, "ab" * 32, "first", "second")
DIAGNOSIS = Diagnosis(
    WORLD,
    "f",
    "1",
    1000.5,
    "first",
    3.0,
    120.0,
    (Waiting("timer", "timer (1 ms)", 1, SOURCE, ("a",), None),),
    True,
    ("b",),
)


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LeakStore]:
    opened = await SqliteLeakStore.open(tmp_path / "leaks.sqlite")
    yield opened
    await opened.close()


async def test_what_is_kept_is_found_again(store: LeakStore) -> None:
    await store.keep([LEAK], [LINE], [DIAGNOSIS])
    assert [replace(each, stack=tuple(each.stack), seen_in=()) for each in await store.leaks("f", 10)] == [LEAK]
    assert await store.lines("f", 0) == [LINE]
    (diagnosis,) = await store.diagnoses("f", 10)
    assert (diagnosis.waiting[0].source, diagnosis.stack, diagnosis.answered_ms) == (SOURCE, ["b"], 120.0)


async def test_newer_news_of_a_leak_replace_the_older(store: LeakStore) -> None:
    await store.keep([LEAK])
    await store.keep([LEAK.resumed("second").finished_in("second")])
    (leak,) = await store.leaks(None, 10)
    assert (leak.fate, list(leak.seen_in), leak.finished) == (Fate.CONTINUED, ["second"], True)


async def test_newest_first_of_one_function_or_of_all(store: LeakStore) -> None:
    await store.keep(
        replace(LEAK, id=f"e.{n}", at_ms=float(n), function_name=name, world=world)
        for n, name, world in ((1, "f", WORLD), (2, "g", WORLD), (3, "f", ELSEWHERE))
    )
    assert [leak.id for leak in await store.leaks(None, 2)] == ["e.3", "e.2"]
    assert [leak.id for leak in await store.leaks("f", 10)] == ["e.3", "e.1"]
    assert list(await store.leaks("h", 10)) == []


async def test_lines_since(store: LeakStore) -> None:
    await store.keep([], [replace(LINE, time_ms=n) for n in (3, 1, 2)])
    assert [line.time_ms for line in await store.lines("f", 2)] == [2, 3]


async def test_only_the_newest_of_each_function_stay(store: LeakStore) -> None:
    await store.keep(
        [replace(LEAK, id=f"e.{n}", at_ms=float(n)) for n in range(LEAKS_KEPT + 5)]
        + [replace(LEAK, id="other", function_name="g", at_ms=0.0)],
        [replace(LINE, time_ms=n) for n in range(LINES_KEPT + 5)],
        [replace(DIAGNOSIS, at_ms=float(n)) for n in range(DIAGNOSES_KEPT + 5)],
    )
    leaks = await store.leaks("f", 10_000)
    assert (len(leaks), leaks[-1].id) == (LEAKS_KEPT, "e.5")
    assert len(await store.leaks("g", 10)) == 1
    assert len(await store.lines("f", 0)) == LINES_KEPT
    assert len(await store.diagnoses("f", 10_000)) == DIAGNOSES_KEPT


async def test_what_a_neve_that_ended_left_pending_never_continued(tmp_path: Path) -> None:
    store = await SqliteLeakStore.open(tmp_path / "leaks.sqlite")
    await store.keep([LEAK, replace(LEAK, id="done").finished_in(None), replace(LEAK, id="init", origin=None)])
    await store.close()
    again = await SqliteLeakStore.open(tmp_path / "leaks.sqlite")
    fates = {leak.id: leak.fate for leak in await again.leaks("f", 10)}
    await again.close()
    assert fates == {"e.1": Fate.NEVER, "done": Fate.FINISHED, "init": Fate.PENDING}
