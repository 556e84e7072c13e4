"""Keeps the log file within its bound: what was written first goes first, of whatever group.

Looked at whenever some more has been written, removed in slices, so that no other write waits long. The file itself does not
shrink: what was freed is written again.
"""

import asyncio
import sqlite3
from typing import Any

from neve import log
from neve.domain.errors import StorageUnavailable
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database

_SQL = blocks.load("log_trim")

_SLICE = 500  # events removed in one transaction: their sizes are read for the counts
EVENT_OVERHEAD_BYTES = 26
"""What the service adds to the bytes of each event (PutLogEvents)."""
_PART = 64  # of the bound: what may be written between two looks, and how far below it a removal goes
_LEAST_STEP = 64 * 1024
_MOST_STEP = 16 * 1024 * 1024


class LogTrim:
    """The bound of one file; `limit_bytes` None keeps everything."""

    def __init__(self, database: Database, limit_bytes: int | None) -> None:
        self._database = database
        self._limit = limit_bytes
        self._written = 0
        self._told = False
        self._task: asyncio.Task[None] | None = None

    def count(self, written: int) -> None:
        """So many bytes were written."""
        self._written += written
        if self._limit is not None and self._written >= min(_MOST_STEP, max(_LEAST_STEP, self._limit // _PART)):
            self.look_soon()

    def look_soon(self) -> None:
        """Remove what is too much, beside everything else."""
        if self._limit is not None and (self._task is None or self._task.done()):
            self._written = 0
            self._task = asyncio.create_task(self._remove(self._limit), name="trim logs")

    async def done(self) -> None:
        """Return when what was too much is gone."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Stop; the next start goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _remove(self, limit: int) -> None:
        try:
            if await self._database.read(used_bytes) <= limit:
                return
            removed = 0
            while await self._database.read(used_bytes) > limit - limit // _PART:
                count = await self._database.write(_remove_slice)
                if not count:
                    return
                removed += count
            self._tell(removed, limit)
        except StorageUnavailable as error:
            log.failure("logs.not_trimmed", error)

    def _tell(self, removed: int, limit: int) -> None:
        if not self._told:
            text = "the oldest log events go from now on; keep more with --log-mb, or set retention on log groups"
            log.note("logs.trimmed", events=removed, limit_mb=limit // 1_048_576, text=text)
        self._told = True


def used_bytes(db: sqlite3.Connection) -> int:
    """What the content of the file takes, indexes too."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _remove_slice(db: sqlite3.Connection) -> int:
    """Remove the events that were written first, and the streams of which nothing is left; how many events."""
    removed = db.execute(_SQL["trim_events"], {"limit": _SLICE}).fetchall()
    streams: dict[int, int] = {}
    groups: dict[int, int] = {}
    for group_id, stream_id, size, _ in removed:
        streams[stream_id] = streams.get(stream_id, 0) + size + EVENT_OVERHEAD_BYTES
        groups[group_id] = groups.get(group_id, 0) + size + EVENT_OVERHEAD_BYTES
    written_ms = max((row[3] for row in removed), default=0)
    for stream_id, size in streams.items():
        members: dict[str, Any] = {"stream_id": stream_id, "bytes": size, "written_ms": written_ms}
        db.execute(_SQL["uncount_from_trimmed_stream"], members)
        db.execute(_SQL["trim_stream"], members)
    for group_id, size in groups.items():
        db.execute(_SQL["uncount_from_trimmed_group"], {"group_id": group_id, "bytes": size})
    return len(removed)
