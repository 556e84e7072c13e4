"""One SQLite file: one writer thread with group commit, a few reading threads, an asyncio front (design D6).

* Every write that arrives while a commit runs goes into the next transaction. A caller's future resolves after COMMIT.
* Writes of one transaction come in any order: nobody was told yet that another one's is on disk. Those that are of a kind
  (`write_together`) are done in one go.
* A failing write fails its own caller alone: each runs in a savepoint. When SQLite itself drops the whole transaction
  (disk full, I/O error), everybody in it fails: nobody is told of a write that is not on disk.
* A cancelled caller does not undo its write; `settled` still hears what became of it.
* Reads run on their own connections, one snapshot for each call, `query_only`, with a time limit.
* Foreign errors become `StorageUnavailable` here and nowhere else.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from neve.domain.errors import OperatorError, StorageUnavailable
from neve.storage.sqlite.migrate import migrate

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Together = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[T]]
"""The work for many items at once: a result for each."""
Settled = Callable[[bool], None]

READERS = 3
GROUP_LIMIT = 1024
"""Writes in one transaction: bounds how long the first of them waits."""
SOON_SECONDS = 0.002
BUSY_SECONDS = 5.0
READ_SECONDS = 10.0
CLOSE_SECONDS = 30.0
_PROGRESS_STEPS = 10_000
"""Virtual machine steps between two looks at the clock: well under a millisecond."""

_SENTENCES = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_BUSY": "the database is locked by another program",
    "SQLITE_LOCKED": "the database is locked by another program",
    "SQLITE_CORRUPT": "the database file is damaged",
    "SQLITE_NOTADB": "the database file is damaged",
    "SQLITE_IOERR": "the disk failed",
    "SQLITE_READONLY": "the database cannot be written",
    "SQLITE_CANTOPEN": "the database cannot be opened",
    "SQLITE_INTERRUPT": "the query took too long",
}


@dataclass(slots=True)
class _Write:
    """One caller's write and, once tried, what became of it. Writes with the same `work` are of a kind."""

    work: Together[Any]
    item: Any
    future: "asyncio.Future[Any]"
    settled: Settled | None
    result: Any = None
    error: BaseException | None = None


class Database:
    """An open SQLite file. Opened, used and closed on one event loop."""

    def __init__(self, path: Path, synchronous: Literal["FULL", "NORMAL"], writer: sqlite3.Connection) -> None:
        self._path = path
        self._synchronous = synchronous
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._soon: list[_Write] = []
        self._idle_readers: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix=f"{path.name}-read")
        self._closing = False
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._write_until_closed, name=f"{path.name}-write", daemon=True)
        self._thread.start()

    @classmethod
    async def open(cls, path: Path, migrations: str, synchronous: Literal["FULL", "NORMAL"]) -> Self:
        """Open or create the file and bring it to the newest of `migrations` (a folder's name). OperatorError if that fails."""
        writer = await asyncio.to_thread(_open_writer, path, migrations, synchronous)
        return cls(path, synchronous, writer)

    async def write(self, work: Work[T], settled: Settled | None = None) -> T:
        """Run `work` in the next transaction and return its result once that is on disk.

        What `work` raises rolls back this work alone and is raised here. `settled(committed)` is called on the event loop
        before this returns, also when the caller was cancelled meanwhile. StorageUnavailable when it did not happen.
        """
        result: T = await self._submit(_alone(work), None, settled, self._writes.put)
        return result

    async def write_together(self, work: Together[T], item: object) -> T:
        """As `write`, in one go with whatever else of its kind is in the transaction; `work` is the same for all of a kind."""
        result: T = await self._submit(work, item, None, self._writes.put)
        return result

    async def write_soon(self, work: Work[T], settled: Settled | None = None) -> T:
        """As `write`, for what nobody is kept waiting by: with whatever else comes within `SOON_SECONDS`, which saves commits."""
        if not self._soon:
            self._loop.call_later(SOON_SECONDS, self._put_soon)
        result: T = await self._submit(_alone(work), None, settled, self._soon.append)
        return result

    def _put_soon(self) -> None:
        soon, self._soon = self._soon, []
        for write in soon:
            self._writes.put(write)

    def _submit(
        self, work: Together[Any], item: object, settled: Settled | None, put: Callable[[_Write], None]
    ) -> "asyncio.Future[Any]":
        if self._closing and settled is not None:
            settled(False)
        self._check_open()
        future = self._loop.create_future()
        put(_Write(work, item, future, settled))
        return future

    async def read(self, work: Work[T], seconds: float = READ_SECONDS) -> T:
        """Run `work` on a reading connection, one snapshot for all its statements, at most `seconds` long."""
        self._check_open()
        return await self._loop.run_in_executor(self._readers, self._read, work, seconds)

    async def close(self) -> None:
        """Write everything that is queued, then close. StorageUnavailable when that takes longer than `CLOSE_SECONDS`."""
        if not self._closing:
            self._closing = True
            self._put_soon()
            self._writes.put(None)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.shield(self._closed)
        except TimeoutError as late:
            raise StorageUnavailable("The storage did not close in time.") from late

    def _check_open(self) -> None:
        if self._closing:
            raise StorageUnavailable("The storage is closed.")

    # Reading threads

    def _read(self, work: Work[T], seconds: float) -> T:
        try:
            connection = self._take_reader()
            try:
                return _read_snapshot(connection, work, seconds)
            finally:
                self._idle_readers.append(connection)
        except sqlite3.Error as error:
            raise unavailable(error) from error

    def _take_reader(self) -> sqlite3.Connection:
        try:
            return self._idle_readers.pop()
        except IndexError:
            return _open_reader(self._path)

    # The writing thread

    def _write_until_closed(self) -> None:
        while (group := self._take_group()) is not None:
            self._commit(group)
            self._call_on_loop(_settle, group)
        self._readers.shutdown(wait=True)
        for reader in self._idle_readers:
            reader.close()
        _close(self._writer)
        self._call_on_loop(_finish, self._closed)

    def _take_group(self) -> list[_Write] | None:
        """Wait for a write, then take all that are there; None after the last one."""
        first = self._writes.get()
        if first is None:
            return None
        group = [first]
        while len(group) < GROUP_LIMIT and not self._writes.empty():
            write = self._writes.get()
            if write is None:
                self._writes.put(None)
                break
            group.append(write)
        return group

    def _commit(self, group: Sequence[_Write]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            tried: list[_Write] = []
            for writes in _by_kind(group):
                if lost := self._attempt(writes):
                    _fail(tried, lost)
                    self._writer.execute("BEGIN IMMEDIATE")
                tried += writes
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            _fail(group, unavailable(error))

    def _attempt(self, writes: Sequence[_Write]) -> BaseException | None:
        """Run writes of a kind in a savepoint; when that fails, each in its own. An error when the whole transaction is gone."""
        self._writer.execute("SAVEPOINT attempt")
        error: BaseException | None = None
        try:
            results = writes[0].work(self._writer, [write.item for write in writes])
            for write, result in zip(writes, results, strict=True):
                write.result = result
        except sqlite3.Error as failed:
            error = unavailable(failed)
        except Exception as failed:  # noqa: BLE001  the edge of the writer's loop: the error belongs to the caller
            error = failed
        if not self._writer.in_transaction:
            error = error or StorageUnavailable("The storage is unavailable: the transaction was lost.")
            _fail(writes, error)
            return error
        if error is not None:
            self._writer.execute("ROLLBACK TO attempt")
        self._writer.execute("RELEASE attempt")
        if error is None:
            return None
        if len(writes) == 1:
            _fail(writes, error)
            return None
        return self._attempt_each(writes)

    def _attempt_each(self, writes: Sequence[_Write]) -> BaseException | None:
        for write in writes:
            if lost := self._attempt([write]):
                _fail(writes, lost)
                return lost
        return None

    def _roll_back(self) -> None:
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            # The next BEGIN meets the same trouble and reports it to its callers.
            return

    def _call_on_loop(self, callback: Callable[[Any], None], argument: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, argument)
        except RuntimeError:
            # The loop is gone, so nobody waits for the outcome; the write itself is on disk.
            return


def _by_kind(group: Sequence[_Write]) -> Sequence[list[_Write]]:
    """What is tried at once."""
    kinds: dict[Together[Any], list[_Write]] = {}
    for write in group:
        kinds.setdefault(write.work, []).append(write)
    return list(kinds.values())


def _alone(work: Work[T]) -> Together[T]:
    """A kind of its own."""
    return lambda db, items: [work(db)]


def unavailable(error: sqlite3.Error) -> StorageUnavailable:
    """What a caller may know of a failure of SQLite, cause kept: no paths, no SQL."""
    name = getattr(error, "sqlite_errorname", None) or ""
    sentence = next((text for prefix, text in _SENTENCES.items() if name.startswith(prefix)), "an unexpected failure")
    raised = StorageUnavailable(f"The storage is unavailable: {sentence}.")
    raised.__cause__ = error
    return raised


def _fail(group: Sequence[_Write], error: BaseException) -> None:
    """The transaction is gone: nobody in it was served. A write that failed by itself keeps its own reason."""
    for write in group:
        write.error = write.error or error


def _settle(group: Sequence[_Write]) -> None:
    for write in group:
        if write.settled is not None:
            write.settled(write.error is None)
        if write.future.done():
            continue
        if write.error is not None:
            write.future.set_exception(write.error)
        else:
            write.future.set_result(write.result)


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _read_snapshot(connection: sqlite3.Connection, work: Work[T], seconds: float) -> T:
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        connection.set_progress_handler(None, 0)
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )


def _open_writer(path: Path, migrations: str, synchronous: str) -> sqlite3.Connection:
    connection = None
    try:
        connection = _connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection, migrations, path)
    except sqlite3.Error as error:
        _close(connection)
        raise OperatorError(
            f"the database {path} cannot be opened ({error}); restore it from a backup, or move it away to start empty"
        ) from error
    except OperatorError:
        _close(connection)
        raise
    return connection


def _open_reader(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _close(connection: sqlite3.Connection | None) -> None:
    """Close, which also moves the write-ahead log into the file; a failure there costs nothing: the log stays."""
    try:
        if connection is not None:
            connection.close()
    except sqlite3.Error:
        return
