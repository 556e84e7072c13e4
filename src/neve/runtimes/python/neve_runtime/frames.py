"""The frame protocol of `docs/frames.md` over an inherited socket, with blocking reads and writes.

Works on the bare descriptor: the `socket` module costs milliseconds of every cold start.
"""

from __future__ import annotations

import json
import os
import struct
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

INVOKE, NEXT, RESPONSE, ERROR, INIT_ERROR = 1, 2, 3, 4, 5
WAITING, ASSIGN, LEAK, DIAGNOSIS, CALLS = 9, 10, 11, 13, 14

_PREFIX = struct.Struct(">IBI")
_CHUNK = 65536


class ChannelEnded(Exception):
    """Neve closed its end, or is gone."""


class Channel:
    """Neve's end of the conversation. One reader, any writer; ChannelEnded from both when nobody is there."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self._writing = RLock()
        self.careful = False
        """Whether to read only once this thread runs again: until then `has_arrived` is true for the others."""
        os.set_blocking(descriptor, True)
        os.set_inheritable(descriptor, False)  # a child process of the function must not keep the channel open

    def receive(self) -> tuple[int, dict[str, object], bytes]:
        """Wait for one frame: kind, header, body."""
        if self.careful and not self._rest:
            self._wait()
        prefix = self._read(_PREFIX.size)
        length, kind, header_length = _PREFIX.unpack(prefix)
        rest = self._read(length - 5)
        return kind, json.loads(rest[:header_length] or b"{}"), rest[header_length:]

    def send(self, *frames: bytes) -> None:
        """Write frames at once: an answer and the request for the next event are one system call."""
        data = memoryview(b"".join(frames))
        try:
            with self._writing:
                while data:
                    data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise ChannelEnded from error

    def has_arrived(self) -> bool:
        """Whether there is something to read."""
        return self._wait(0)

    def _wait(self, limit_ms: int | None = None) -> bool:
        import select

        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(limit_ms))

    def _read(self, count: int) -> bytes:
        """Exactly `count` bytes; what came with them is kept for the next read."""
        if len(self._rest) >= count:
            taken, self._rest = self._rest[:count], self._rest[count:]
            return taken
        parts, missing = [self._rest], count - len(self._rest)
        while missing > 0:
            part = self._read_some(max(missing, _CHUNK))
            parts.append(part)
            missing -= len(part)
        data = b"".join(parts)
        self._rest = data[count:]
        return data[:count]

    def _read_some(self, most: int) -> bytes:
        try:
            part = os.read(self._descriptor, most)
        except OSError as error:
            raise ChannelEnded from error
        if not part:
            raise ChannelEnded
        return part


def frame(kind: int, header: Mapping[str, object], body: bytes = b"") -> bytes:
    """One frame as bytes."""
    head = json.dumps(header, separators=(",", ":")).encode() if header else b"{}"
    return _PREFIX.pack(5 + len(head) + len(body), kind, len(head)) + head + body


NEXT_FRAME = frame(NEXT, {})
