"""What the function prints and logs, on descriptor 1: raw text as it comes, log events as frames (`docs/frames.md`)."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from _thread import RLock

from . import watching
from .identifier import minor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .faults import Failure

TEXT, JSON = 0x03, 0x02
WARNING, ERROR = 30, 40

_FRAME = struct.Struct(">IIQ")
_MARK = 0xA55A0000
_LEFT_OVER = _MARK | 0x80
_LEVEL_BITS = {0: 0x00, 10: 0x08, 20: 0x0C, 30: 0x10, 40: 0x14, 50: 0x18}
_INDENT = "\u00a0\u00a0"  # log viewers eat leading spaces


def write_event(text: str, level: int, form: int = TEXT) -> None:
    """Write one log event, of as many lines as it has. `level` is a number of the logging module."""
    payload = text.encode("utf-8", "backslashreplace")
    kind = _MARK | form | _LEVEL_BITS[level_step(level)]
    whose = watching.watch.left_over()
    mark = b"" if whose is None else _mark(whose)
    _write(mark + _FRAME.pack(kind, len(payload), time.time_ns() // 1000) + payload)


def _mark(request_id: str) -> bytes:
    """What says that the event after it is left over from an earlier invocation."""
    return _FRAME.pack(_LEFT_OVER, len(request_id), 0) + request_id.encode()


def level_step(level: int) -> int:
    """A level as the multiple of ten below it, 0 to 50."""
    return min(50, max(0, level)) // 10 * 10


def write_failure(failure: Failure, request_id: str) -> None:
    """Log an error that the client reports (facts §4)."""
    if wants_json():
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        members = {"timestamp": stamp, "level": "ERROR", **failure.members(request_id)}  # `log_level` in older clients
        write_event(json.dumps(members, ensure_ascii=minor() < 12) + "\n", ERROR, JSON)
        return
    lines = [_headline(failure), "Traceback (most recent call last):"]
    for entry in failure.trace:
        lines.extend(map(_indented, entry.splitlines()))
    write_event("\n".join(lines), ERROR)


def wants_json() -> bool:
    """Whether the function's log format is JSON."""
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def _headline(failure: Failure) -> str:
    return "[ERROR] " + failure.type + (": " + failure.message if failure.message else "")


def _indented(line: str) -> str:
    bare = line.lstrip(" ")
    return _INDENT * ((len(line) - len(bare)) // 2) + bare


class Unbuffered:
    """A text stream that is flushed at every write: what a frozen process has printed is not left in its memory."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write and flush."""
        whose = watching.watch.left_over()
        with _lock:
            if whose is not None:
                return self._write_marked(text, whose)
            count: int = self._stream.write(text)
            self._stream.flush()
        _note_end(text)
        return count

    def _write_marked(self, text: str, whose: str) -> int:
        """A mark before each line that begins here: it holds to the end of the line."""
        mark = _mark(whose)
        for line in text.splitlines(keepends=True):
            if _at_line_start:
                _write(mark)
            self._stream.write(line)
            self._stream.flush()
            _note_end(line)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write all."""
        with _lock:
            for text in lines:
                self.write(text)


def unbuffer() -> None:
    """Flush what is printed at once, from now on."""
    sys.stdout = Unbuffered(sys.stdout)
    sys.stderr = Unbuffered(sys.stderr)


_at_line_start = True


def _note_end(text: str) -> None:
    global _at_line_start
    if text:
        _at_line_start = text[-1] == "\n"


def _write(data: bytes) -> None:
    view = memoryview(data)
    with _lock:
        while view:
            view = view[os.write(1, view) :]


def _renew_lock() -> None:
    global _lock
    _lock = RLock()  # the parent's may have been held by a thread that the child does not have


_lock = RLock()  # reentrant: a signal handler may print while the main thread prints
os.register_at_fork(after_in_child=_renew_lock)
