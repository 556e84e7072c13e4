"""Log lines on their way to disk: taken without waiting, written in batches.

A batch goes out `FLUSH_SECONDS` after its first line, at once when it is large, and before every read. While the disk
refuses, lines are kept and tried again. Nothing is lost in ordinary operation: only when `LIMIT_BYTES` wait (a disk that
refuses, or is slower than the functions write for a long time) are new lines dropped, counted, and said in Neve's log:
functions must not stop because nobody can keep their logs, and memory must not grow without end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from neve import log
from neve.domain.errors import StorageUnavailable
from neve.storage.store import LogLine

FLUSH_SECONDS = 0.05
FLUSH_BYTES = 1024 * 1024
LIMIT_BYTES = 128 * 1024 * 1024
RETRY_SECONDS = 1.0
LINE_BYTES = 262_144 - 26
"""The service's classic limit of one event: 256 KB with 26 bytes of overhead. A longer line becomes several events, cut
between characters, as Lambda does it; nothing of it is thrown away."""
_OVERHEAD = 200
"""What a waiting line costs in memory besides its text, about."""

Write = Callable[[Sequence[LogLine]], Awaitable[None]]


class LogBuffer:
    """Used on one event loop only. `write` puts lines on disk or raises StorageUnavailable."""

    def __init__(self, write: Write, limit_bytes: int = LIMIT_BYTES) -> None:
        self._write = write
        self._limit = limit_bytes
        self._waiting: list[LogLine] = []
        self._bytes = 0
        self._taken = 0
        self._written = 0
        self._dropped = 0
        self._closed = False
        self._retrying = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def dropped(self) -> int:
        """Lines dropped since the start."""
        return self._dropped

    def append_nowait(self, line: LogLine) -> None:
        """Take a line; it is on disk soon."""
        for part in _parts(line):
            size = len(part.message) + _OVERHEAD
            if self._closed or self._bytes + size > self._limit:
                self._drop(part)
                continue
            self._waiting.append(part)
            self._bytes += size
            self._taken += 1
        self._plan()

    async def flush(self) -> None:
        """Return when every line taken until now is on disk. StorageUnavailable when they cannot be written."""
        target = self._taken
        while self._written < target:
            await asyncio.shield(self._ensure_writing())

    async def close(self) -> None:
        """Write what waits; lines that come later are dropped. StorageUnavailable, the lines counted, when that fails."""
        self._closed = True
        try:
            await self.flush()
        except StorageUnavailable:
            log.warn("logs.lost_at_close", lines=len(self._waiting))
            raise
        finally:
            self._cancel_timer()

    def _drop(self, line: LogLine) -> None:
        if self._dropped % 100_000 == 0:
            log.warn("logs.dropped", dropped=self._dropped + 1, group=line.group, waiting_bytes=self._bytes)
        self._dropped += 1

    def _plan(self) -> None:
        if self._writing is not None or self._retrying:
            return
        if self._bytes >= FLUSH_BYTES:
            self._ensure_writing()
        else:
            self._plan_in(FLUSH_SECONDS)

    def _plan_in(self, seconds: float) -> None:
        if self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._ensure_writing)

    def _ensure_writing(self) -> "asyncio.Task[None]":
        # A task that has ended is still here until the loop calls back: who waited for it would not let the loop do so.
        if self._writing is None or self._writing.done():
            self._cancel_timer()
            self._writing = asyncio.create_task(self._write_batch(), name="write log lines")
            self._writing.add_done_callback(self._batch_ended)
        return self._writing

    async def _write_batch(self) -> None:
        batch, size = self._waiting, self._bytes
        self._waiting = []
        try:
            await self._write(batch)
        except (StorageUnavailable, asyncio.CancelledError):
            self._waiting = batch + self._waiting
            raise
        except Exception as error:  # noqa: BLE001  the loop's edge: a batch that can never be written must not stop the rest
            log.failure("logs.batch_refused", error, lines=len(batch))
            self._dropped += len(batch)
        self._bytes -= size
        self._written += len(batch)

    def _batch_ended(self, task: "asyncio.Task[None]") -> None:
        if self._writing is task:
            self._writing = None
        if task.cancelled():
            return
        error = task.exception()
        self._retrying = error is not None
        if error is not None:
            log.failure("logs.not_written", error, waiting=len(self._waiting), retry_seconds=RETRY_SECONDS)
        if not self._closed:
            self._plan_in(RETRY_SECONDS if self._retrying else FLUSH_SECONDS)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _parts(line: LogLine) -> Sequence[LogLine]:
    """The line as events that the service could hold: not empty, valid UTF-8, not too long."""
    if line.message.isascii() and 0 < len(line.message) <= LINE_BYTES:
        return (line,)
    texts = _cut(line.message.encode("utf-8", "replace")) or ["\n"]
    return [msgspec.structs.replace(line, message=text) for text in texts]


def _cut(encoded: bytes) -> list[str]:
    texts = []
    start = 0
    while start < len(encoded):
        end = min(start + LINE_BYTES, len(encoded))
        while end < len(encoded) and encoded[end] & 0xC0 == 0x80:
            end -= 1
        texts.append(encoded[start:end].decode())
        start = end
    return texts
