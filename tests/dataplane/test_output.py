"""Raw lines and log frames in one stream, however the pipe cuts them."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neve.dataplane.output import Line, LineSplitter


def frame(text: str, level: int = 0b01100, kind: int = 0x03) -> bytes:
    payload = text.encode()
    return struct.pack(">IIQ", 0xA55A0000 | kind | level, len(payload), 1_700_000_000_000_000) + payload


def mark(request_id: str) -> bytes:
    return struct.pack(">IIQ", 0xA55A0080, len(request_id), 0) + request_id.encode()


def lines(*chunks: bytes) -> list[Line]:
    splitter = LineSplitter()
    found = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*found, *splitter.flush()]


MIXED = (
    b"raw one\n"
    + frame("two\nlines\n")
    + mark("first")
    + frame("left\n")
    + mark("second")
    + b"left raw\nraw two\n"
    + b"cut"
    + frame("error\n", 0b10100)
    + struct.pack(">II", 0xA55A0001, 4)
    + b"old\n"
    + "¥Z raw\n".encode()
    + b"unfinished"
)
EXPECTED = [
    Line("raw one"),
    Line("two\nlines", "INFO"),
    Line("left", "INFO", "first"),
    Line("left raw", None, "second"),
    Line("raw two"),
    Line("cut"),
    Line("error", "ERROR"),
    Line("old"),
    Line("¥Z raw"),
    Line("unfinished"),
]


def test_raw_lines_and_frames_keep_their_order() -> None:
    assert lines(MIXED) == EXPECTED


@given(st.lists(st.integers(0, len(MIXED)), max_size=12))
def test_however_the_stream_is_cut_the_lines_are_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(MIXED)]
    assert lines(*(MIXED[a:b] for a, b in itertools.pairwise(edges))) == EXPECTED


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_no_bytes_break_the_splitter(chunks: list[bytes]) -> None:
    lines(*chunks)


@pytest.mark.parametrize(
    ("level", "name"), [(0b00100, "TRACE"), (0b01000, "DEBUG"), (0b10000, "WARN"), (0b11000, "FATAL")]
)
def test_levels(level: int, name: str) -> None:
    assert lines(frame("x\n", level)) == [Line("x", name)]


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    splitter = LineSplitter()
    found = [line for _ in range(20) for line in splitter.feed(b"x" * 100_000)]
    assert found
    assert sum(len(line.text) for line in [*found, *splitter.flush()]) == 2_000_000
