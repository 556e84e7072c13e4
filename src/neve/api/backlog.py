"""What a reader of the record stream has not read yet. Functions do not wait for it, and memory does not grow for it."""

import asyncio
from collections import deque

LIMIT_BYTES = 16 * 1024 * 1024
"""A reader that falls behind by so much is cut off."""
_PIECE_BYTES = 256 * 1024


class Backlog:
    """For one reader, on one event loop."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        """Set once something did not fit: from then on nothing is kept."""
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._some = asyncio.Event()

    def put_nowait(self, line: bytes) -> None:
        """Keep a line until it is taken; a single one may be of any length."""
        if self.over.is_set():
            return
        if self._lines and self._bytes + len(line) > LIMIT_BYTES:
            self.over.set()
            self._lines.clear()
            return
        self._lines.append(line)
        self._bytes += len(line)
        self._some.set()

    async def take(self) -> bytes:
        """Wait for lines; the oldest ones, in a piece of a bounded size."""
        while not self._lines:
            self._some.clear()
            await self._some.wait()
        piece = bytearray(self._lines.popleft())
        while self._lines and len(piece) + len(self._lines[0]) <= _PIECE_BYTES:
            piece += self._lines.popleft()
        self._bytes -= len(piece)
        return bytes(piece)
