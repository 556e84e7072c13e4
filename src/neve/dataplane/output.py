"""The output pipe of an environment: raw lines and the service's log frames in one stream, in the order they were written.

The format is in `docs/frames.md`: a frame begins with `a5 5a 00`, which no line of text does.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_MAGIC = b"\xa5\x5a\x00"
_FRAME_HEAD = 16
_LEVELS = {1: "TRACE", 2: "DEBUG", 3: "INFO", 4: "WARN", 5: "ERROR", 6: "FATAL"}
_READ_BYTES = 65_536
_READS_PER_TURN = 16
_LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One log event of user code. `level` is None for raw output; text without its last newline."""

    text: str
    level: str | None = None


class LineSplitter:
    """Cuts the stream into lines and frames; keeps what is not complete."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[Line]:
        """The lines that `data` completes."""
        buffer = self._pending + data
        at = 0
        while at < len(buffer):
            end, line = self._next(buffer, at)
            if end is None:
                break
            if line is not None:
                yield line
            at = end
        self._pending = buffer[at:]
        if len(self._pending) > _LONGEST_LINE and not self._pending.startswith(_MAGIC):
            yield from self.flush()

    def flush(self) -> Iterator[Line]:
        """What is left without an end: the last thing a process said, or a line that never ends."""
        rest, self._pending = self._pending, b""
        if rest:
            yield Line(_text(rest))

    def _next(self, buffer: bytes, at: int) -> tuple[int | None, Line | None]:
        """Where the next piece ends and what it says; (None, None) when it is not whole yet."""
        if buffer.startswith(_MAGIC, at):
            return self._frame(buffer, at)
        if buffer[at] == _MAGIC[0] and _MAGIC.startswith(buffer[at : at + 3]):
            return None, None  # the beginning of a frame, perhaps
        newline = buffer.find(b"\n", at)
        frame = buffer.find(_MAGIC, at)
        if frame != -1 and (newline == -1 or frame < newline):
            return frame, Line(_text(buffer[at:frame]))  # an unfinished line ends where a frame begins
        if newline == -1:
            return None, None
        return newline + 1, Line(_text(buffer[at:newline]))

    def _frame(self, buffer: bytes, at: int) -> tuple[int | None, Line | None]:
        if len(buffer) - at < _FRAME_HEAD:
            return None, None
        end = at + _FRAME_HEAD + int.from_bytes(buffer[at + 4 : at + 8], "big")
        if end > len(buffer):
            return None, None
        payload = buffer[at + _FRAME_HEAD : end]
        text = _text(payload[:-1] if payload.endswith(b"\n") else payload)
        return end, Line(text, _LEVELS.get(buffer[at + 3] >> 2))


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")


class OutputPipe:
    """Our end of the pipe: read while the function runs and, on demand, up to what has been written by now."""

    def __init__(self, on_line: Callable[[Line], None]) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._on_line = on_line
        self._splitter = LineSplitter()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._read_some)
        self._open = True

    def close_write_end(self) -> None:
        """Forget the end that the process has inherited."""
        if self.write_end != -1:
            os.close(self.write_end)
            self.write_end = -1

    def drain(self, flush: bool = False) -> None:
        """Read what is in the pipe now; with `flush`, an unfinished line counts as a line."""
        while self._open and self._read_once():
            pass
        if flush:
            for line in self._splitter.flush():
                self._on_line(line)

    def close(self) -> None:
        """Read the rest and give the descriptors back."""
        self.drain(flush=True)
        self.close_write_end()
        self._stop_reading()
        if self._read_end != -1:
            os.close(self._read_end)
            self._read_end = -1

    def _read_some(self) -> None:
        """A bounded share of a turn: a function that prints without end must not starve the others."""
        for _ in range(_READS_PER_TURN):
            if not self._read_once():
                return

    def _read_once(self) -> bool:
        try:
            data = os.read(self._read_end, _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        if not data:
            self._stop_reading()
            return False
        for line in self._splitter.feed(data):
            self._on_line(line)
        return len(data) == _READ_BYTES

    def _stop_reading(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._read_end)
