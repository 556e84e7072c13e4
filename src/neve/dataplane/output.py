"""The output pipe of an environment: raw lines and the service's log frames in one stream, in the order they were written.

The format is in `docs/frames.md`: a frame begins with `a5 5a 00`, which no line of text does. Whatever a function prints,
and however fast: a turn of the event loop is shared, and memory holds no more than the longest line.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from neve.dataplane.arrived import bytes_arrived

_MAGIC = b"\xa5\x5a\x00"
_FRAME_HEAD = 16
_OLD, _OLD_HEAD = 0x01, 8  # of clients that told no time
_MARK = 0x80  # the payload is the id of the invocation that the next line or frame is left over from
_LONGEST_MARK = 64
_LEVELS = {1: "TRACE", 2: "DEBUG", 3: "INFO", 4: "WARN", 5: "ERROR", 6: "FATAL"}
_READ_BYTES = 65_536
# While a function runs: small reads, because 8 KB may be 8,000 empty lines, until this share of a turn is used up.
_SHARE_BYTES = 8_192
_SHARE_S = 0.002
_LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One log event of user code. `level` is None for raw output; text without its last newline."""

    text: str
    level: str | None = None
    left_over_from: str | None = None
    """The request id of the earlier invocation whose work printed it, where the runtime client knows."""


@dataclass(slots=True)
class _Frame:
    """A log frame whose payload is coming: `left` bytes of it."""

    left: int
    level: str | None
    left_over_from: str | None = None


class LineSplitter:
    """Cuts the stream into lines and frames; keeps what is not complete. Longer ones than 1 MiB come in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # so far there is no end of a line in the buffer
        self._frame: _Frame | None = None
        self._mark: str | None = None  # of the line or frame that begins here

    def feed(self, data: bytes) -> Iterator[Line]:
        """The lines that `data` completes."""
        self._buffer += data
        at = 0
        while at < len(self._buffer):
            end, line = self._next(at)
            if end is None:
                break
            if line is not None:
                yield line
            at = end
            self._searched = 0
        del self._buffer[:at]
        self._searched = max(0, len(self._buffer) - len(_MAGIC))

    def flush(self) -> Iterator[Line]:
        """What is left without an end: the last thing a process said. Of a frame the rest may still come."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        if rest:
            if self._frame is not None:
                self._frame.left -= len(rest)
            frame = self._frame
            yield Line(_text(rest), frame.level, frame.left_over_from) if frame else self._raw(rest)

    def _raw(self, text: bytes | bytearray) -> Line:
        mark, self._mark = self._mark, None
        return Line(_text(text), left_over_from=mark)

    def _next(self, at: int) -> tuple[int | None, Line | None]:
        """Where the next piece ends and what it says; (None, None) when it is not whole yet."""
        if self._frame is not None:
            return self._payload(self._frame, at)
        if self._buffer.startswith(_MAGIC, at):
            return self._head(at)
        if self._buffer[at] == _MAGIC[0] and _MAGIC.startswith(self._buffer[at : at + 3]):
            return None, None  # the beginning of a frame, perhaps
        return self._line(at)

    def _line(self, at: int) -> tuple[int | None, Line | None]:
        buffer = self._buffer
        begin = at + self._searched
        newline = buffer.find(b"\n", begin)
        frame = buffer.find(_MAGIC, begin, newline if newline != -1 else len(buffer))
        if frame != -1:
            return frame, self._raw(buffer[at:frame])  # an unfinished line ends where a frame begins
        if newline != -1:
            return newline + 1, self._raw(buffer[at:newline])
        if len(buffer) - at <= _LONGEST_LINE:
            return None, None
        end = _between_characters(buffer, at + _LONGEST_LINE)
        return end, self._raw(buffer[at:end])

    def _head(self, at: int) -> tuple[int | None, Line | None]:
        old = len(self._buffer) - at >= _OLD_HEAD and self._buffer[at + 3] == _OLD
        if len(self._buffer) - at < _FRAME_HEAD and not old:
            return None, None
        length = int.from_bytes(self._buffer[at + 4 : at + 8], "big")
        if self._buffer[at + 3] == _MARK and length <= _LONGEST_MARK:
            return self._take_mark(at + _FRAME_HEAD, length)
        level, mark, self._mark = _LEVELS.get(self._buffer[at + 3] >> 2), self._mark, None
        end = at + (_OLD_HEAD if old else _FRAME_HEAD)
        if length == 0:
            return end, Line("", level, mark)
        self._frame = _Frame(length, level, mark)
        return end, None

    def _take_mark(self, at: int, length: int) -> tuple[int | None, Line | None]:
        if len(self._buffer) - at < length:
            return None, None
        self._mark = _text(self._buffer[at : at + length])
        return at + length, None

    def _payload(self, frame: _Frame, at: int) -> tuple[int | None, Line | None]:
        end = at + min(frame.left, _LONGEST_LINE)
        if end > len(self._buffer):
            return None, None
        if end - at < frame.left:
            end = _between_characters(self._buffer, end)
        payload = self._buffer[at:end]
        frame.left -= len(payload)
        if frame.left == 0:
            self._frame = None
            payload = payload.removesuffix(b"\n")
        return end, Line(_text(payload), frame.level, frame.left_over_from)


def _text(line: bytes | bytearray) -> str:
    return line.decode("utf-8", "replace")


def _between_characters(buffer: bytearray, end: int) -> int:
    """The nearest place at or before `end` where no UTF-8 character is cut."""
    for back in range(4):
        if end == len(buffer) or buffer[end - back] & 0xC0 != 0x80:
            return end - back
    return end


class OutputPipe:
    """Our end of the pipe: read while the function runs and, on demand, up to what has been written by now."""

    def __init__(self, on_line: Callable[[Line], None], read_end: int | None = None) -> None:
        """A new pipe, or one whose other end a process has already."""
        self._read_end, self.write_end = os.pipe() if read_end is None else (read_end, -1)
        os.set_blocking(self._read_end, False)
        self._on_line = on_line
        self._splitter = LineSplitter()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._read_share)
        self._open = True

    def close_write_end(self) -> None:
        """Forget the end that the process has inherited."""
        if self.write_end != -1:
            os.close(self.write_end)
            self.write_end = -1

    def drain(self, flush: bool = False) -> None:
        """Read what is in the pipe now; with `flush`, an unfinished line counts as a line.

        Not what is written meanwhile: a child that prints without end would be read without end.
        """
        left = bytes_arrived(self._read_end) if self._open else 0
        while left > 0 and (read := self._read(min(left, _READ_BYTES))):
            left -= read
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

    def _read_share(self) -> None:
        """A bounded share of a turn: a function that prints without end must not starve the others."""
        over = time.perf_counter() + _SHARE_S
        while self._read(_SHARE_BYTES) == _SHARE_BYTES and time.perf_counter() < over:
            pass

    def _read(self, most: int) -> int:
        """Read and pass on at most so many bytes; how many there were."""
        try:
            data = os.read(self._read_end, most)
        except (BlockingIOError, InterruptedError):
            return 0
        if not data:
            self._stop_reading()
        for line in self._splitter.feed(data):
            self._on_line(line)
        return len(data)

    def _stop_reading(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._read_end)
