"""Group commit, savepoints, snapshots, translated failures, a clean end."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from neve.domain.errors import OperatorError, StorageUnavailable
from neve.storage.sqlite.connection import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "t.sqlite", "neve", "FULL")
    await opened.write(lambda db: db.execute("CREATE TABLE t (x INTEGER UNIQUE)").rowcount)
    yield opened
    await opened.close()


def insert(value: int) -> Callable[[sqlite3.Connection], int]:
    def work(db: sqlite3.Connection) -> int:
        return db.execute("INSERT INTO t VALUES (?)", (value,)).rowcount

    return work


async def values(database: Database) -> list[int]:
    return await database.read(lambda db: [row[0] for row in db.execute("SELECT x FROM t ORDER BY x")])


class Gate:
    """A write that holds the writer until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def work(self, db: sqlite3.Connection) -> None:
        self.entered.set()
        assert self.opened.wait(10)


async def held(database: Database) -> tuple[Gate, "asyncio.Task[None]"]:
    gate = Gate()
    task = asyncio.create_task(database.write(gate.work))
    assert await asyncio.to_thread(gate.entered.wait, 10)
    return gate, task


async def in_one_transaction(database: Database, *writes: Coroutine[Any, Any, Any]) -> list[Any]:
    """What became of each, in the order in which they were asked for."""
    gate, first = await held(database)
    waiting = [asyncio.create_task(write) for write in writes]
    await asyncio.sleep(0)  # all of them wait for the writer now
    gate.opened.set()
    await first
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_writes_that_wait_share_one_transaction(database: Database) -> None:
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    gate, first = await held(database)
    waiting = [asyncio.create_task(database.write(insert(value))) for value in range(50)]
    await asyncio.sleep(0)
    database._writer.set_trace_callback(count)
    gate.opened.set()
    await asyncio.gather(first, *waiting)
    database._writer.set_trace_callback(None)
    assert commits == 2
    assert await values(database) == list(range(50))


async def test_failing_write_fails_alone(database: Database) -> None:
    def fail_halfway(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES (100)")
        raise KeyError("mine")

    writes = [insert(1), fail_halfway, insert(1), insert(2)]
    results = await in_one_transaction(database, *map(database.write, writes))
    assert [type(result) for result in results] == [int, KeyError, StorageUnavailable, int]
    assert await values(database) == [1, 2]


class Together:
    """A kind of write: what came in one go, by turns."""

    def __init__(self) -> None:
        self.goes: list[list[int]] = []

    def insert(self, db: sqlite3.Connection, items: Sequence[int]) -> Sequence[int]:
        self.goes.append(list(items))
        db.executemany("INSERT INTO t VALUES (?)", [(item,) for item in items])
        return [item * 10 for item in items]

    def lose(self, db: sqlite3.Connection, items: Sequence[int]) -> Sequence[int]:
        if 2 in items:
            db.execute("ROLLBACK")
            raise sqlite3.OperationalError("the transaction went away")
        return self.insert(db, items)


async def test_writes_of_a_kind_are_done_in_one_go_and_each_has_its_result(database: Database) -> None:
    kind = Together()
    work = kind.insert
    writes = [database.write_together(work, 1), database.write(insert(2)), database.write_together(work, 3)]
    assert await in_one_transaction(database, *writes) == [10, 1, 30]
    assert kind.goes == [[1, 3]]
    assert await values(database) == [1, 2, 3]


async def test_one_of_a_kind_that_fails_fails_alone(database: Database) -> None:
    kind = Together()
    work = kind.insert
    results = await in_one_transaction(database, *(database.write_together(work, item) for item in (1, 2, 2, 3)))
    assert [type(result) for result in results] == [int, int, StorageUnavailable, int]
    assert kind.goes == [[1, 2, 2, 3], [1], [2], [2], [3]]
    assert await values(database) == [1, 2, 3]


async def test_a_kind_that_loses_the_transaction_fails_with_everybody_before(database: Database) -> None:
    work = Together().lose
    writes = [
        database.write(insert(7)),
        database.write_together(work, 1),
        database.write_together(work, 2),
        database.write(insert(8)),
    ]
    results = await in_one_transaction(database, *writes)
    assert [type(result) for result in results] == [StorageUnavailable, StorageUnavailable, StorageUnavailable, int]
    assert await values(database) == [8]


async def test_lost_transaction_fails_everybody_before_and_nobody_after(database: Database) -> None:
    def lose(db: sqlite3.Connection) -> None:
        db.execute("ROLLBACK")
        raise sqlite3.OperationalError("the transaction went away")

    results = await in_one_transaction(database, *map(database.write, [insert(1), lose, insert(2)]))
    assert [type(result) for result in results] == [StorageUnavailable, StorageUnavailable, int]
    assert await values(database) == [2]


async def test_write_of_a_cancelled_caller_is_settled_all_the_same(database: Database) -> None:
    settled = asyncio.Event()
    gate, first = await held(database)
    caller = asyncio.create_task(database.write(insert(7), lambda committed: settled.set() if committed else None))
    await asyncio.sleep(0)
    caller.cancel()
    gate.opened.set()
    await first
    async with asyncio.timeout(10):
        await settled.wait()
    assert caller.cancelled() or await asyncio.wait({caller})
    assert await values(database) == [7]


async def test_full_disk_is_storage_unavailable_and_passes(database: Database) -> None:
    pages = await database.read(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await database.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 4}").fetchone())

    def fill(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE big AS SELECT randomblob(1000000) AS x")

    with pytest.raises(StorageUnavailable, match="the disk is full") as raised:
        await database.write(fill)
    assert isinstance(raised.value.__cause__, sqlite3.Error)
    await database.write(insert(1))
    assert await values(database) == [1]


async def test_lock_of_another_program_is_storage_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neve.storage.sqlite.connection.BUSY_SECONDS", 0.05)
    database = await Database.open(tmp_path / "t.sqlite", "neve", "FULL")
    other = sqlite3.connect(tmp_path / "t.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable, match="locked by another program"):
        await database.write(lambda db: db.execute("CREATE TABLE t (x)").rowcount)
    other.execute("ROLLBACK")
    other.close()
    await database.write(lambda db: db.execute("CREATE TABLE t (x)").rowcount)
    await database.close()


async def test_page_that_went_bad_is_storage_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    database = await Database.open(path, "neve", "FULL")
    await database.write(lambda db: db.execute("CREATE TABLE t AS SELECT randomblob(200000) AS x").rowcount)
    await database.close()
    intact = path.read_bytes()
    path.write_bytes(intact[:-100_000] + b"\xff" * 100_000)  # of the table's pages, however many the schema has
    database = await Database.open(path, "neve", "FULL")
    with pytest.raises(StorageUnavailable, match="damaged"):
        await database.read(lambda db: db.execute("SELECT x FROM t").fetchall())
    await database.close()


async def test_endless_query_is_stopped(database: Database) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(StorageUnavailable, match="took too long"):
        await database.read(lambda db: db.execute(endless).fetchone(), seconds=0.05)
    assert await values(database) == []


async def test_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StorageUnavailable):
        await database.read(insert(1))
    assert await values(database) == []


async def test_one_read_sees_one_snapshot(database: Database) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def read_twice(db: sqlite3.Connection) -> tuple[int, int]:
        first = db.execute("SELECT count(*) FROM t").fetchone()[0]
        entered.set()
        assert go_on.wait(10)
        return first, db.execute("SELECT count(*) FROM t").fetchone()[0]

    reading = asyncio.create_task(database.read(read_twice))
    assert await asyncio.to_thread(entered.wait, 10)
    await database.write(insert(1))
    go_on.set()
    assert await reading == (0, 0)


async def test_close_writes_everything_that_is_queued(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "t.sqlite", "neve", "FULL")
    await database.write(lambda db: db.execute("CREATE TABLE t (x INTEGER UNIQUE)").rowcount)
    waiting = [asyncio.create_task(database.write(insert(value))) for value in range(3000)]
    await asyncio.sleep(0)
    await database.close()
    assert sum(await asyncio.gather(*waiting)) == 3000
    again = await Database.open(tmp_path / "t.sqlite", "neve", "FULL")
    assert len(await values(again)) == 3000
    await again.close()


async def test_closed_database_refuses_and_closing_twice_is_harmless(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "t.sqlite", "neve", "FULL")
    await database.close()
    await database.close()
    heard: list[bool] = []
    with pytest.raises(StorageUnavailable, match="closed"):
        await database.write(insert(1), heard.append)
    with pytest.raises(StorageUnavailable, match="closed"):
        await values(database)
    assert heard == [False]


async def test_close_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neve.storage.sqlite.connection.CLOSE_SECONDS", 0.05)
    database = await Database.open(tmp_path / "t.sqlite", "neve", "FULL")
    gate, task = await held(database)
    with pytest.raises(StorageUnavailable, match="did not close in time"):
        await database.close()
    gate.opened.set()
    await task
    monkeypatch.undo()
    await database.close()


@pytest.mark.parametrize(
    "content", [b"this is no database, it is a text of some length" * 10, b"SQLite format 3\x00" + b"\xff" * 4080]
)
async def test_damaged_file_is_refused_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.sqlite").write_bytes(content)
    with pytest.raises(OperatorError, match=r"t\.sqlite cannot be opened .* restore it from a backup"):
        await Database.open(tmp_path / "t.sqlite", "neve", "FULL")


async def test_unusable_place_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be opened"):
        await Database.open(tmp_path / "missing" / "t.sqlite", "neve", "FULL")
