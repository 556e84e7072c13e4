"""What a runtime may do to the channel and the output pipe without harm to Neve: floods, garbage, sizes without end."""

import asyncio
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from neve.dataplane.channel import ERROR, NEXT, RESPONSE, Channel, FrameReader, NoFrame, encode
from neve.dataplane.output import Line, LineSplitter, OutputPipe
from neve.domain.limits import MEBIBYTE, SYNC_RESPONSE_BYTES

pytestmark = pytest.mark.timeout(20)  # most of what is tried here would never end


@contextmanager
def writing_without_end(descriptor: int, data: bytes) -> Iterator[None]:
    """A thread that writes whenever there is room, as a child of a function may, until nobody can read any more."""
    ours = os.dup(descriptor)
    began = threading.Event()

    def write() -> None:
        while True:
            try:
                os.write(ours, data)
            except OSError:
                break
            began.set()
        os.close(ours)

    thread = threading.Thread(target=write)
    thread.start()
    began.wait()
    try:
        yield
    finally:
        thread.join()


# The output pipe


async def test_draining_ends_while_somebody_prints_without_end() -> None:
    lines: list[Line] = []
    pipe = OutputPipe(lines.append)
    with writing_without_end(pipe.write_end, b"y\n" * 2048):
        pipe.drain(flush=True)
        assert lines
        pipe.close()


async def test_one_turn_reads_a_bounded_share_of_what_is_printed() -> None:
    lines: list[Line] = []

    def slow_at_first(line: Line) -> None:
        lines.append(line)
        if len(lines) == 1:
            time.sleep(0.01)

    pipe = OutputPipe(slow_at_first)
    os.write(pipe.write_end, b"y\n" * 32_000)
    for _ in range(3):  # the turn that finds the pipe readable, and the one that reads it
        await asyncio.sleep(0)
        if lines:
            break
    assert 0 < len(lines) < 32_000
    pipe.drain()
    assert len(lines) == 32_000
    pipe.close()


def log_frame(length: int) -> bytes:
    return struct.pack(">IIQ", 0xA55A0003 | 0b10100, length, 1_700_000_000_000_000)


def test_a_log_frame_without_end_comes_in_pieces() -> None:
    splitter = LineSplitter()
    lines = list(splitter.feed(log_frame(0xFFFFFFFF)))
    for _ in range(64):
        lines.extend(splitter.feed(b"x" * 65_536))
    assert [(len(line.text), line.level) for line in lines] == [(MEBIBYTE, "ERROR")] * 4


def test_a_long_log_frame_is_cut_between_characters_and_loses_nothing() -> None:
    text = "né" * MEBIBYTE
    data = log_frame(len(text.encode()) + 1) + text.encode() + b"\n" + b"after\n"
    splitter = LineSplitter()
    lines = [line for at in range(0, len(data), 65_536) for line in splitter.feed(data[at : at + 65_536])]
    assert "".join(line.text for line in lines[:-1]) == text
    assert {line.level for line in lines[:-1]} == {"ERROR"}
    assert lines[-1] == Line("after")


def test_a_line_without_end_is_cut_between_characters() -> None:
    text = "x" + "é" * MEBIBYTE
    splitter = LineSplitter()
    lines = [*splitter.feed(text.encode()), *splitter.flush()]
    assert len(lines) > 1
    assert "".join(line.text for line in lines) == text


def test_the_rest_of_a_flushed_frame_still_belongs_to_it() -> None:
    splitter = LineSplitter()
    assert list(splitter.feed(log_frame(10) + b"half ")) == []
    assert list(splitter.flush()) == [Line("half ", "ERROR")]
    assert list(splitter.feed(b"done\nraw\n")) == [Line("done", "ERROR"), Line("raw")]


def test_a_hundred_thousand_lines_are_cut_in_the_time_of_one_look_at_each() -> None:
    began = time.process_time()
    assert sum(1 for _ in LineSplitter().feed(b"y\n" * 500_000)) == 500_000
    assert time.process_time() - began < 5.0  # looking on to the end for a frame at each line took minutes


# The channel


class Ends:
    """A channel and the socket of the process at its other end."""

    def __init__(self) -> None:
        ours, self.process = socket.socketpair()
        self.frames: list[tuple[int, Mapping[str, Any], bytes]] = []
        self.channel = Channel(ours, lambda *frame: self.frames.append(frame))

    def close(self) -> None:
        self.channel.close()
        self.process.close()


async def test_draining_ends_while_frames_come_without_end() -> None:
    ends = Ends()
    with writing_without_end(ends.process.fileno(), encode(NEXT, b"{}") * 1000):
        ends.channel.drain()
        assert ends.frames
        await asyncio.sleep(0)
        ends.close()


@pytest.mark.parametrize(
    "garbage",
    [
        encode(RESPONSE, b"{nope"),
        encode(RESPONSE, b"[1,2]"),
        encode(RESPONSE, b'"\xff"'),
        encode(RESPONSE, b"[" * 100_000),
        b"\x00\x00\x00\x00" * 3,
        struct.pack(">IBI", 5, NEXT, 100),
        struct.pack(">IBI", 0xFFFFFFFF, ERROR, 0xFFFFFF00),
    ],
    ids=["no JSON", "a list", "no UTF-8", "deep", "empty", "header past the end", "endless header"],
)
async def test_what_is_no_frame_ends_the_conversation_after_what_was_one(garbage: bytes) -> None:
    ends = Ends()
    ends.process.sendall(encode(NEXT, b"{}"))
    ends.channel.drain()
    ends.process.sendall(garbage)
    ends.channel.drain()
    assert ends.frames == [(NEXT, {}, b"")]
    assert ends.process.recv(1) == b""  # the process sees the end
    ends.channel.drain()
    ends.close()


def test_no_more_is_kept_of_a_body_than_a_caller_may_get() -> None:
    reader = FrameReader()
    size = 40 * MEBIBYTE
    whole = struct.pack(">IBI", 5 + 2 + size, RESPONSE, 2) + b"{}"
    frames = reader.feed(whole)
    for _ in range(size // 65_536):
        frames += reader.feed(b"x" * 65_536)
        assert len(reader._buffer) < SYNC_RESPONSE_BYTES + MEBIBYTE
    ((kind, _, body),) = frames
    assert (kind, len(body)) == (RESPONSE, SYNC_RESPONSE_BYTES + 1)
    assert reader.feed(encode(NEXT, b"{}")) == [(NEXT, {}, b"")]


def test_a_frame_that_is_none_is_refused() -> None:
    with pytest.raises(NoFrame, match="header of 4294967295"):
        FrameReader().feed(struct.pack(">IBI", 5, NEXT, 0xFFFFFFFF))
