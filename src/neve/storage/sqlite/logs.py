"""Log groups, streams and events in `logs.sqlite` (`synchronous=NORMAL`: a power cut may cost the last batches).

* Reads follow one order, (timestamp, id), and two indexes: by group and by stream. Cost grows with the events returned.
* Deleting a group or a stream is one small transaction; its events are out of sight then and are removed in slices
  after, so that no other write waits for a million deletions. A crash between is made good at the next start.
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from neve import log
from neve.clock import Clock
from neve.domain.errors import ResourceNotFound, StorageUnavailable
from neve.domain.world import World
from neve.storage.sqlite import blocks, many
from neve.storage.sqlite.connection import Database
from neve.storage.sqlite.log_buffer import LogBuffer
from neve.storage.sqlite.log_trim import EVENT_OVERHEAD_BYTES, LogTrim
from neve.storage.store import LogEvent, LogGroup, LogLine, LogStream

_SQL = blocks.load("logs")

SLICE = 2_000
"""Events removed in one transaction: some ten milliseconds."""
DAY_MS = 86_400_000
_LEAST, _MOST = -(2**63), 2**63 - 1

NO_STREAM = "The specified log stream does not exist."

_Destination = tuple[World, str, str]


class _Share(NamedTuple):
    """What a batch holds for one stream."""

    first_ms: int
    last_ms: int
    bytes: int


class SqliteLogStore:
    """A `LogStore` on one SQLite file. `close` writes what waits and closes the file."""

    def __init__(self, database: Database, clock: Clock, limit_bytes: int | None = None) -> None:
        self._database = database
        self._clock = clock
        self._trim = LogTrim(database, limit_bytes)
        self._buffer = LogBuffer(self._write_lines)
        self._sweeping: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: Path, clock: Clock, limit_bytes: int | None = None) -> Self:
        """Open or create the file and go on removing what was deleted. OperatorError when it cannot be opened.

        Beyond `limit_bytes` the oldest events go (`log_trim`).
        """
        store = cls(await Database.open(path, "logs", "NORMAL"), clock, limit_bytes)
        store._sweep_soon()
        store._trim.look_soon()
        return store

    async def close(self) -> None:
        """Write the lines that wait, then close."""
        try:
            await self._buffer.close()
        finally:
            await self._trim.close()
            await self._stop_sweeping()
            await self._database.close()

    @property
    def dropped_lines(self) -> int:
        """Lines lost since the start because the disk did not keep up (`log_buffer`); 0 in ordinary operation."""
        return self._buffer.dropped

    # Events in

    def append_nowait(self, line: LogLine) -> None:
        """Take a line; any later read sees it. From the event loop only."""
        self._buffer.append_nowait(line)

    async def append(self, lines: Sequence[LogLine]) -> None:
        """Write lines of streams that exist. ResourceNotFound, and nothing written, when one does not."""
        now = int(self._clock.now_ms())
        self._trim.count(await self._database.write(lambda db: _insert(db, lines, now, make=False)))

    async def _write_lines(self, lines: Sequence[LogLine]) -> None:
        now = int(self._clock.now_ms())
        self._trim.count(await self._database.write(lambda db: _insert(db, lines, now, make=True)))

    # Groups

    async def create_group(self, group: LogGroup) -> bool:
        """False when it exists."""
        await self._buffer.flush()
        members = _key(group.world, group.name) | {
            "created_ms": group.created_ms,
            "retention_days": group.retention_days,
        }
        return await self._database.write(lambda db: db.execute(_SQL["insert_group"], members).rowcount > 0)

    async def group(self, world: World, name: str) -> LogGroup | None:
        """One group, or None."""
        row = await self._one("group", _key(world, name))
        return None if row is None else _group(row)

    async def groups(
        self, world: World, prefix: str, pattern: str, after: str | None, limit: int
    ) -> Sequence[LogGroup]:
        """Groups by name."""
        members = _world(world) | {"prefix": prefix, "pattern": pattern, "after": after or "", "limit": limit}
        return [_group(row) for row in await self._all("groups_after", members)]

    async def set_retention(self, world: World, name: str, days: int | None) -> bool:
        """False when there is no such group."""
        await self._buffer.flush()
        members = _key(world, name) | {"retention_days": days}
        return await self._database.write(lambda db: db.execute(_SQL["set_retention"], members).rowcount > 0)

    async def delete_group(self, world: World, name: str) -> bool:
        """With its streams and events; False when there is none."""
        await self._buffer.flush()
        deleted = await self._database.write(lambda db: _delete_group(db, world, name))
        self._sweep_soon()
        return deleted

    # Streams

    async def create_stream(self, stream: LogStream) -> bool:
        """False when it exists. ResourceNotFound when its group does not."""
        await self._buffer.flush()
        return await self._database.write(lambda db: _create_stream(db, stream))

    async def stream(self, world: World, group: str, name: str) -> LogStream | None:
        """One stream, or None."""
        row = await self._one("stream", _world(world) | {"group": group, "name": name})
        return None if row is None else _stream(world, group, row)

    async def streams(
        self, world: World, group: str, prefix: str, by_last_event: bool, descending: bool, offset: int, limit: int
    ) -> Sequence[LogStream]:
        """Streams of a group, by name or by the time of their last event; streams without events are the oldest."""
        block = "streams_by_last_event" if by_last_event else "streams_by_name"
        members = {"prefix": prefix, "offset": offset, "limit": limit}

        def read(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            group_id = _group_id(db, world, group)
            return _rows(db, _directed(block, descending), members | {"group_id": group_id})

        return [_stream(world, group, row) for row in await self._read(read)]

    async def delete_stream(self, world: World, group: str, name: str) -> bool:
        """With its events; False when there is none."""
        await self._buffer.flush()
        deleted = await self._database.write(lambda db: _delete_stream(db, world, group, name))
        self._sweep_soon()
        return deleted

    # Events out

    async def events(
        self,
        world: World,
        group: str,
        streams: Sequence[str] | None,
        stream_prefix: str | None,
        start_ms: int | None,
        end_ms: int | None,
        after: tuple[int, int] | None,
        before: tuple[int, int] | None,
        descending: bool,
        limit: int,
    ) -> Sequence[LogEvent]:
        """Events of a group, of some of its streams, or of those with a prefix, in the order (timestamp, id)."""
        bounds = _bounds(start_ms, end_ms, after, before) | {"limit": limit}

        def read(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            members = bounds | {"group_id": _group_id(db, world, group)}
            block = _choose_streams(db, members, streams, stream_prefix)
            return [] if block is None else _rows(db, _directed(block, descending), members)

        rows = await self._read(read)
        return [LogEvent(row[0], group, row[1], row[2], row[3], row[4]) for row in rows]

    # What goes away by itself

    async def expire(self, now_ms: int) -> int:
        """Delete events past their group's retention, and streams that are empty and as old; how many events."""
        await self._buffer.flush()
        expired = 0
        for group_id, days in await self._database.read(lambda db: _rows(db, "retained_groups", {})):
            expired += await self._expire_group(group_id, now_ms - days * DAY_MS)
        return expired

    async def _expire_group(self, group_id: int, before_ms: int) -> int:
        members = {"group_id": group_id, "before_ms": before_ms, "limit": SLICE}
        expired = 0
        while (removed := await self._database.write(lambda db: _expire_slice(db, members))) > 0:
            expired += removed
        await self._database.write(lambda db: db.execute(_SQL["expire_empty_streams"], members).rowcount)
        return expired

    def _sweep_soon(self) -> None:
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep(), name="sweep deleted log events")

    async def _sweep(self) -> None:
        try:
            while await self._database.write(_sweep_slice):
                continue
        except StorageUnavailable as error:
            # The list of what is to be removed is on disk: the next deletion or the next start goes on.
            log.failure("logs.not_swept", error)

    async def _stop_sweeping(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])

    async def swept(self) -> None:
        """Return when everything deleted until now, and what was too much, is off the disk."""
        await self._trim.done()
        while self._sweeping is not None and not self._sweeping.done():
            await asyncio.wait([self._sweeping])

    async def _read(self, work: Callable[[sqlite3.Connection], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
        await self._buffer.flush()
        return await self._database.read(work)

    async def _all(self, block: str, members: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return await self._read(lambda db: _rows(db, block, members))

    async def _one(self, block: str, members: Mapping[str, Any]) -> tuple[Any, ...] | None:
        rows = await self._all(block, members)
        return rows[0] if rows else None


# Inside a transaction


def _insert(db: sqlite3.Connection, lines: Sequence[LogLine], now_ms: int, make: bool) -> int:
    """How many bytes that is."""
    shares = _shares(lines)
    places = {destination: _place(db, destination, now_ms, make) for destination in shares}
    many.insert(db, _SQL["insert_event"], list(_event_rows(lines, places, now_ms)))
    for destination, share in shares.items():
        group_id, stream_id = places[destination]
        db.execute(_SQL["count_into_group"], {"group_id": group_id, "bytes": share.bytes})
        db.execute(_SQL["count_into_stream"], _stream_counts(stream_id, share, now_ms))
    return sum(share.bytes for share in shares.values())


def _shares(lines: Sequence[LogLine]) -> dict[_Destination, _Share]:
    by_destination: dict[_Destination, list[LogLine]] = {}
    for line in lines:
        by_destination.setdefault((line.world, line.group, line.stream), []).append(line)
    return {destination: _share(own) for destination, own in by_destination.items()}


def _share(lines: Sequence[LogLine]) -> _Share:
    times = [line.timestamp_ms for line in lines]
    size = len("".join([line.message for line in lines]).encode()) + EVENT_OVERHEAD_BYTES * len(lines)
    return _Share(min(times), max(times), size)


def _place(db: sqlite3.Connection, destination: _Destination, now_ms: int, make: bool) -> tuple[int, int]:
    """The ids of group and stream, made when they are not there (also when they were deleted a moment ago)."""
    world, group, stream = destination
    members = _world(world) | {"group": group, "name": stream}
    found = db.execute(_SQL["stream"], members).fetchone()
    if found is None and make:
        db.execute(_SQL["insert_group"], _key(world, group) | {"created_ms": now_ms, "retention_days": None})
        group_id = _group_id(db, world, group)
        db.execute(_SQL["insert_stream"], {"group_id": group_id, "name": stream, "created_ms": now_ms})
        found = db.execute(_SQL["stream"], members).fetchone()
    if found is None:
        raise ResourceNotFound(NO_STREAM)
    return found[1], found[0]


def _event_rows(
    lines: Sequence[LogLine], places: Mapping[_Destination, tuple[int, int]], now_ms: int
) -> Iterator[tuple[int, int, int, int, str]]:
    for line in lines:
        group_id, stream_id = places[line.world, line.group, line.stream]
        yield group_id, stream_id, line.timestamp_ms, now_ms, line.message


def _stream_counts(stream_id: int, share: _Share, now_ms: int) -> dict[str, int]:
    return {
        "stream_id": stream_id,
        "first_ms": share.first_ms,
        "last_ms": share.last_ms,
        "ingestion_ms": now_ms,
        "bytes": share.bytes,
    }


def _create_stream(db: sqlite3.Connection, stream: LogStream) -> bool:
    group_id = _group_id(db, stream.world, stream.group)
    if group_id is None:
        raise ResourceNotFound("The specified log group does not exist.")
    members = {"group_id": group_id, "name": stream.name, "created_ms": stream.created_ms}
    return db.execute(_SQL["insert_stream"], members).rowcount > 0


def _delete_group(db: sqlite3.Connection, world: World, name: str) -> bool:
    group_id = _group_id(db, world, name)
    if group_id is None:
        return False
    for block in ("mark_group_streams_deleted", "delete_group_streams", "delete_group"):
        db.execute(_SQL[block], {"group_id": group_id})
    return True


def _delete_stream(db: sqlite3.Connection, world: World, group: str, name: str) -> bool:
    found = db.execute(_SQL["stream"], _world(world) | {"group": group, "name": name}).fetchone()
    if found is None:
        return False
    db.execute(_SQL["count_into_group"], {"group_id": found[1], "bytes": -found[7]})
    db.execute(_SQL["mark_stream_deleted"], {"stream_id": found[0]})
    db.execute(_SQL["delete_stream"], {"stream_id": found[0]})
    return True


def _expire_slice(db: sqlite3.Connection, members: Mapping[str, Any]) -> int:
    removed = db.execute(_SQL["expire_events"], members).fetchall()
    by_stream: dict[int, int] = {}
    for stream_id, size in removed:
        by_stream[stream_id] = by_stream.get(stream_id, 0) + size + EVENT_OVERHEAD_BYTES
    for stream_id, size in by_stream.items():
        db.execute(_SQL["uncount_from_stream"], {"stream_id": stream_id, "bytes": size})
    db.execute(_SQL["count_into_group"], {"group_id": members["group_id"], "bytes": -sum(by_stream.values())})
    return len(removed)


def _sweep_slice(db: sqlite3.Connection) -> bool:
    """Remove some events of a deleted stream; False when there is nothing left to remove."""
    row = db.execute(_SQL["next_deleted_stream"]).fetchone()
    if row is None:
        return False
    members = {"stream_id": row[0], "limit": SLICE}
    if db.execute(_SQL["sweep_events"], members).rowcount < SLICE:
        db.execute(_SQL["forget_deleted_stream"], members)
    return True


# Rows and members


def _rows(db: sqlite3.Connection, block: str, members: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return db.execute(_SQL[block], members).fetchall()


def _directed(block: str, descending: bool) -> str:
    return f"{block}_descending" if descending else block


def _choose_streams(
    db: sqlite3.Connection, members: dict[str, Any], streams: Sequence[str] | None, prefix: str | None
) -> str | None:
    """Which query answers, its stream ids put into `members`; None when no stream is chosen."""
    if streams is not None:
        chosen = _rows(db, "chosen_streams", members | {"names": json.dumps(list(streams))})
    elif prefix:
        chosen = _rows(db, "prefixed_streams", members | {"prefix": prefix})
    else:
        return "group_events"
    if not chosen:
        return None
    if len(chosen) == 1:
        members["stream_id"] = chosen[0][0]
        return "stream_events"
    members["stream_ids"] = json.dumps([row[0] for row in chosen])
    return "streams_events"


def _bounds(
    start_ms: int | None, end_ms: int | None, after: tuple[int, int] | None, before: tuple[int, int] | None
) -> dict[str, int]:
    """One pair of bounds, both excluded. Ids begin at 1: (t, 0) is before every event of t."""
    low = max((_LEAST if start_ms is None else start_ms, 0), after or (_LEAST, 0))
    high = min((_MOST if end_ms is None else end_ms, 0), before or (_MOST, 0))
    return {"low_ms": low[0], "low_id": low[1], "high_ms": high[0], "high_id": high[1]}


def _group_id(db: sqlite3.Connection, world: World, name: str) -> int | None:
    row = db.execute(_SQL["group"], _key(world, name)).fetchone()
    return None if row is None else row[0]


def _world(world: World) -> dict[str, Any]:
    return {"account": world.account, "region": world.region}


def _key(world: World, name: str) -> dict[str, Any]:
    return _world(world) | {"name": name}


def _group(row: Sequence[Any]) -> LogGroup:
    return LogGroup(World(row[1], row[2]), row[3], row[4], row[5], row[6])


def _stream(world: World, group: str, row: Sequence[Any]) -> LogStream:
    return LogStream(world, group, row[2], row[3], row[4], row[5], row[6])
