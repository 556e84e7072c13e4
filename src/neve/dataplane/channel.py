"""Frames on a socket (design D5, `docs/frames.md`): Neve's end of the conversation with one of its runtime clients.

Plain non-blocking calls on the socket instead of a transport: when a process ends, what it still said must be read
before its end is believed, and a transport cannot be asked for that.

What is on the other end is not trusted: however fast it speaks, a turn of the event loop is shared; however long a frame
is, no more of it is kept than a caller may get; what is no frame ends the conversation.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from neve import log
from neve.dataplane.arrived import bytes_arrived
from neve.domain.limits import MEBIBYTE, SYNC_RESPONSE_BYTES

INVOKE = 1
NEXT = 2
RESPONSE = 3
ERROR = 4
INIT_ERROR = 5
STREAM_START = 6
CHUNK = 7
STREAM_END = 8
WAITING = 9
ASSIGN = 10
LEAK = 11
DIAGNOSE = 12
DIAGNOSIS = 13
CALLS = 14
ALL_NEXT = -1  # no frame: what `Parties` says when the runtime and every extension wait

_HEAD = struct.Struct(">IBI")
_LENGTH_BYTES = 4
_JSON = msgspec.json.Decoder()
_READ_BYTES = 65_536  # at most 6,000 frames
_MOST_HEADER_BYTES = MEBIBYTE
_MOST_BODY_BYTES = SYNC_RESPONSE_BYTES + 1
"""Of a longer body the rest is thrown away as it comes; one byte too many tells that it was longer."""

Header = Mapping[str, Any]
OnFrame = Callable[[int, Header, bytes], None]
_Whole = tuple[int, Header, bytes]


class NoFrame(Exception):
    """What came is not the frame protocol; the text says why."""


def encode(kind: int, header: bytes, body: bytes = b"") -> bytes:
    """One frame; `header` is JSON text."""
    return b"".join((_HEAD.pack(5 + len(header) + len(body), kind, len(header)), header, body))


class FrameReader:
    """Cuts what comes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._unwanted = 0  # bytes still to come of a body that is longer than anybody may get

    def feed(self, data: bytes) -> list[_Whole]:
        """The frames that `data` completes. NoFrame when it is none."""
        if not self._buffer and not self._unwanted:  # the usual case: nothing is left of before
            frames, at = self._cut_all(data)
            self._buffer += data[at:]
        else:
            unwanted = min(self._unwanted, len(data))
            self._unwanted -= unwanted
            self._buffer += data[unwanted:] if unwanted else data
            with memoryview(self._buffer) as buffer:
                frames, at = self._cut_all(buffer)
            del self._buffer[:at]
        return frames

    def _cut_all(self, data: bytes | memoryview) -> tuple[list[_Whole], int]:
        """The whole frames, and how many bytes of `data` they were."""
        frames: list[_Whole] = []
        at = 0
        while (cut := self._cut(data, at)) is not None:
            frame, length = cut
            frames.append(frame)
            at += length
        self._unwanted += max(0, at - len(data))
        return frames, min(at, len(data))

    def _cut(self, data: bytes | memoryview, at: int) -> tuple[_Whole, int] | None:
        """The frame that begins there and the bytes it takes, which may be more than there are; None when it is not whole."""
        there = len(data) - at
        if there < _HEAD.size:
            return None
        length, kind, header_length = _HEAD.unpack_from(data, at)
        body_at = _HEAD.size + header_length
        body_length = _LENGTH_BYTES + length - body_at
        if body_length < 0 or header_length > _MOST_HEADER_BYTES:
            raise NoFrame(f"a frame of {length} bytes with a header of {header_length}")
        end = body_at + min(body_length, _MOST_BODY_BYTES)
        if there < end:
            return None
        header = _header(bytes(data[at + _HEAD.size : at + body_at])) if header_length > 2 else {}
        return (kind, header, bytes(data[at + body_at : at + end])), body_at + body_length


def _header(text: bytes) -> Header:
    try:
        header = _JSON.decode(text)
    except (ValueError, RecursionError):  # msgspec.DecodeError is a ValueError, and so is what it says of no UTF-8
        header = _read_slowly(text)
    if not isinstance(header, dict):
        raise NoFrame("a header that is no JSON object")
    return header


def _read_slowly(text: bytes) -> Any:
    """Half a character, which JavaScript may have in a string, is no mistake to `json`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoFrame(f"a header that is no JSON: {type(error).__name__}") from error


class Channel:
    """One runtime's socket: `send` never blocks, `on_frame` is called for each whole frame, in order."""

    def __init__(self, ours: socket.socket, on_frame: OnFrame) -> None:
        ours.setblocking(False)
        self._socket = ours
        self._on_frame = on_frame
        self._reader = FrameReader()
        self._outgoing = bytearray()
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._loop.add_reader(ours.fileno(), self._read_once)

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

    def hold(self, held: bool) -> None:
        """Stop or continue reading; the sender waits when the socket is full."""
        if not self._open:
            return
        if held:
            self._loop.remove_reader(self._socket.fileno())
        else:
            self._loop.add_reader(self._socket.fileno(), self._read_once)

    def drain(self) -> None:
        """Read what has arrived by now and pass on the whole frames. Not what comes meanwhile: that may have no end."""
        left = bytes_arrived(self._socket.fileno()) if self._open else 0
        while left > 0 and (read := self._read_once()):
            left -= read

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

    def _read_once(self) -> int:
        """Read and pass on a share; how many bytes there were."""
        if not self._open:
            return 0
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            data = b""
        if not data:
            self._stop_reading()
        else:
            self._take(data)
        return len(data)

    def _take(self, data: bytes) -> None:
        try:
            frames = self._reader.feed(data)
        except NoFrame as error:
            self._break_off(error)
            return
        for frame in frames:
            try:
                self._on_frame(*frame)
            except Exception as error:  # noqa: BLE001 - a fault of ours: the frames that came with it may be what is waited for
                log.failure("channel.frame", error, kind=frame[0])

    def _break_off(self, error: NoFrame) -> None:
        """Our own runtime clients exit when the socket ends; one that does not runs out of time."""
        log.warn("channel.broken", reason=str(error))
        self._stop_reading()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other end is gone already
            return
