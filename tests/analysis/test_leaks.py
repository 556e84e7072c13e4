"""From the records of the stream to the fate of each leak."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from neve.analysis.leaks import MOST_OF_ONE_ENVIRONMENT, LeakBook
from neve.domain import record as kinds
from neve.domain.diagnosis import Diagnosis
from neve.domain.errors import StorageUnavailable
from neve.domain.leak import Fate, Leak, LeftOverLine
from neve.domain.leak_groups import by_line
from neve.domain.record import Origin, Record
from neve.domain.world import World
from neve.storage.sqlite.leaks import SqliteLeakStore

WORLD = World()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteLeakStore]:
    opened = await SqliteLeakStore.open(tmp_path / "leaks.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
def book(store: SqliteLeakStore) -> LeakBook:
    return LeakBook(store)


def tell(book: LeakBook, type_: str, environment: str = "e", request_id: str | None = None, **members: Any) -> None:
    origin = Origin(WORLD, "f", "$LATEST", environment, "g", "s")
    book(Record(type_, 1_000.0, origin, request_id, members), None)


def leave(
    book: LeakBook, leak: str = "e.1", environment: str = "e", origin: str | None = "first", line: int = 3
) -> None:
    tell(
        book,
        kinds.LEAK,
        environment,
        leakId=leak,
        kind="timer",
        description="timer (20 ms)",
        count=1,
        source={"file": "index.mjs", "line": line, "column": 5},
        stack=["handler (index.mjs:3:5)"],
        origin=origin,
    )


async def only(book: LeakBook) -> Leak:
    (leak,) = await book.leaks("f")
    return leak


async def test_leak_is_pending_until_something_is_heard(book: LeakBook) -> None:
    leave(book)
    leak = await only(book)
    assert (leak.fate, leak.origin, leak.environment_id, leak.function_name) == (Fate.PENDING, "first", "e", "f")


async def test_leak_that_goes_on_in_others(book: LeakBook) -> None:
    leave(book)
    for request_id in ("second", "third"):
        tell(book, kinds.LEAK_RESUMED, leakId="e.1", requestId=request_id)
    tell(book, kinds.LEAK_FINISHED, leakId="e.1", requestId="third")
    tell(book, kinds.ENVIRONMENT_STOPPED)
    leak = await only(book)
    assert (leak.fate, list(leak.seen_in), leak.finished) == (Fate.CONTINUED, ["second", "third"], True)


async def test_leak_that_finishes_before_the_freeze(book: LeakBook) -> None:
    leave(book)
    tell(book, kinds.LEAK_FINISHED, leakId="e.1", requestId=None)
    tell(book, kinds.FREEZE)
    assert (await only(book)).fate is Fate.FINISHED


@pytest.mark.parametrize("end", [kinds.ENVIRONMENT_STOPPED, kinds.FAULT, kinds.INIT_RUNTIME_DONE])
async def test_leak_whose_processes_end_never_continues(book: LeakBook, end: str) -> None:
    leave(book)
    leave(book, "o.1", environment="other")
    tell(book, end, text="", invocations=1)
    assert {leak.id: leak.fate for leak in await book.leaks(None)} == {"e.1": Fate.NEVER, "o.1": Fate.PENDING}


async def test_leak_that_ends_another_invocation(book: LeakBook) -> None:
    leave(book)
    tell(book, kinds.LEAK_FAILED, leakId="e.1", requestId="second", error="Error: boom", fatal=True)
    tell(book, kinds.FAULT, text="")
    leak = await only(book)
    assert (leak.fate, leak.failed, leak.error) == (Fate.CONTINUED, "second", "Error: boom")


async def test_news_of_leaks_that_nobody_opened_are_left_out(book: LeakBook) -> None:
    tell(book, kinds.LEAK_RESUMED, leakId="e.9", requestId="second")
    leave(book)
    tell(book, kinds.LEAK_RESUMED, environment="other", leakId="e.1", requestId="second")
    assert (await only(book)).fate is Fate.PENDING


async def test_environment_that_leaks_without_end_is_followed_no_further_than_its_newest(book: LeakBook) -> None:
    for number in range(MOST_OF_ONE_ENVIRONMENT + 1):
        leave(book, f"e.{number}")
    tell(book, kinds.LEAK_RESUMED, leakId="e.0", requestId="second")
    tell(book, kinds.LEAK_RESUMED, leakId="e.1", requestId="second")
    continued = [leak.id for leak in await book.leaks("f") if leak.fate is Fate.CONTINUED]
    assert continued == ["e.1"]


async def test_lines_of_left_over_work_are_known_by_their_text(book: LeakBook) -> None:
    tell(book, kinds.FUNCTION, request_id="second", text="mine", level="INFO")
    tell(book, kinds.FUNCTION, request_id="second", text="löte", level="INFO", leftOverFrom="first")
    digest = hashlib.sha256("löte".encode()).hexdigest()
    assert await book.lines("f", 0) == [LeftOverLine(WORLD, "f", 1000, digest, "first", "second")]


async def test_leaks_of_one_line_are_one_group(book: LeakBook) -> None:
    for number, line in ((1, 3), (2, 3), (3, 9)):
        leave(book, f"e.{number}", line=line)
    tell(book, kinds.LEAK_FINISHED, leakId="e.1", requestId=None)
    groups = by_line(await book.leaks("f"))
    assert {(group.source.line if group.source else 0): (group.count, dict(group.fates)) for group in groups} == {
        3: (2, {Fate.PENDING: 1, Fate.FINISHED: 1}),
        9: (1, {Fate.PENDING: 1}),
    }


class Refusing:
    """A store whose disk is full for the first time."""

    def __init__(self) -> None:
        self.kept: list[Leak] = []
        self.tries = 0

    async def keep(
        self, leaks: Iterable[Leak], lines: Iterable[LeftOverLine] = (), diagnoses: Iterable[Diagnosis] = ()
    ) -> None:
        self.tries += 1
        if self.tries == 1:
            raise StorageUnavailable("The storage is unavailable: the disk is full.")
        self.kept += leaks

    async def leaks(self, function_name: str | None, limit: int) -> list[Leak]:
        return self.kept

    async def diagnoses(self, function_name: str | None, limit: int) -> list[Diagnosis]:
        return []

    async def lines(self, function_name: str, since_ms: int) -> list[LeftOverLine]:
        return []


async def test_what_the_disk_refuses_is_tried_again() -> None:
    book = LeakBook(Refusing())
    leave(book)
    with pytest.raises(StorageUnavailable):
        await book.leaks(None)
    assert (await only(book)).id == "e.1"


async def test_news_are_written_without_being_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neve.analysis.leaks.FLUSH_SECONDS", 0.0)
    kept = asyncio.Event()

    class Telling(Refusing):
        async def keep(self, *_: Any) -> None:
            kept.set()

    book = LeakBook(Telling())
    writing = asyncio.create_task(book.keep_written())
    leave(book)
    async with asyncio.timeout(10):
        await kept.wait()
    writing.cancel()
