"""Frames on a socket (design D5, `docs/frames.md`): Neve's end of the conversation with one of its runtime clients.

Plain non-blocking calls on the socket instead of a transport: when a process ends, what it still said must be read
before its end is believed, and a transport cannot be asked for that.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

INVOKE = 1
NEXT = 2
RESPONSE = 3
ERROR = 4
INIT_ERROR = 5
STREAM_START = 6
CHUNK = 7
STREAM_END = 8

_HEAD = struct.Struct(">IBI")
_LENGTH_BYTES = 4
_READ_BYTES = 262_144

OnFrame = Callable[[int, Mapping[str, Any], bytes], None]


def encode(kind: int, header: bytes, body: bytes = b"") -> bytes:
    """One frame; `header` is JSON text."""
    return b"".join((_HEAD.pack(5 + len(header) + len(body), kind, len(header)), header, body))


class Channel:
    """One runtime's socket: `send` never blocks, `on_frame` is called for each whole frame, in order."""

    def __init__(self, ours: socket.socket, on_frame: OnFrame) -> None:
        ours.setblocking(False)
        self._socket = ours
        self._on_frame = on_frame
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._loop.add_reader(ours.fileno(), self.drain)

    def send(self, kind: int, header: bytes, body: bytes = b"") -> None:
        """Send one frame; what the socket does not take now goes out as it makes room."""
        if not self._open:
            return
        frame = encode(kind, header, body)
        if not self._outgoing:
            sent = self._try_send(frame)
            if sent == len(frame):
                return
            frame = frame[sent:]
            self._loop.add_writer(self._socket.fileno(), self._flush)
        self._outgoing += frame

    def drain(self) -> None:
        """Read everything that has arrived and pass on the whole frames."""
        while self._open:
            try:
                data = self._socket.recv(_READ_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            if not data:
                self._stop_reading()
                return
            self._take(data)

    def close(self) -> None:
        """End the conversation; the runtime sees the end of the socket and exits."""
        if self._open:
            self._stop_reading()
        if self._outgoing:
            self._loop.remove_writer(self._socket.fileno())
            self._outgoing.clear()
        self._socket.close()

    def _stop_reading(self) -> None:
        self._open = False
        self._loop.remove_reader(self._socket.fileno())

    def _try_send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:  # the process is gone; its exit tells the story
            return len(data)

    def _flush(self) -> None:
        sent = self._try_send(self._outgoing)
        del self._outgoing[:sent]
        if not self._outgoing:
            self._loop.remove_writer(self._socket.fileno())

    def _take(self, data: bytes) -> None:
        if self._incoming or not self._take_whole(data):
            self._incoming += data
            self._take_buffered()

    def _take_whole(self, data: bytes) -> bool:
        """The usual case without a copy: `data` is exactly a run of whole frames."""
        ends = _frame_ends(data)
        if not ends or ends[-1] != len(data):
            return False
        start = 0
        for end in ends:
            self._pass_on(data, start, end)
            start = end
        return True

    def _take_buffered(self) -> None:
        ends = _frame_ends(self._incoming)
        if not ends:
            return
        whole = bytes(self._incoming[: ends[-1]])
        del self._incoming[: ends[-1]]
        start = 0
        for end in ends:
            self._pass_on(whole, start, end)
            start = end

    def _pass_on(self, data: bytes, start: int, end: int) -> None:
        _, kind, header_length = _HEAD.unpack_from(data, start)
        body_at = start + _HEAD.size + header_length
        header = json.loads(data[start + _HEAD.size : body_at]) if header_length > 2 else {}
        self._on_frame(kind, header, data[body_at:end])


def _frame_ends(data: bytes | bytearray) -> list[int]:
    """Where the whole frames in `data` end."""
    ends: list[int] = []
    at = 0
    while len(data) - at >= _LENGTH_BYTES:
        length = int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
        at += _LENGTH_BYTES + length
        if at > len(data):
            break
        ends.append(at)
    return ends
