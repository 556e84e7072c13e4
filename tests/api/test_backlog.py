"""What is kept for a reader of the record stream that does not read."""

import asyncio

from neve.api.backlog import LIMIT_BYTES, Backlog

LINE = b"x" * 1_000_000


async def test_lines_come_out_in_their_order_and_in_bounded_pieces() -> None:
    backlog = Backlog()
    lines = [b"%d\n" % number for number in range(100_000)]
    for line in lines:
        backlog.put_nowait(line)
    taken = bytearray()
    while len(taken) < sum(map(len, lines)):
        piece = await backlog.take()
        assert len(piece) <= 256 * 1024
        taken += piece
    assert bytes(taken) == b"".join(lines)


async def test_a_reader_that_falls_too_far_behind_is_over_and_nothing_more_is_kept() -> None:
    backlog = Backlog()
    for _ in range(LIMIT_BYTES // len(LINE)):
        backlog.put_nowait(LINE)
        assert not backlog.over.is_set()
    backlog.put_nowait(LINE)
    assert backlog.over.is_set()
    backlog.put_nowait(b"late")
    assert not backlog._lines


async def test_one_line_may_be_longer_than_the_limit() -> None:
    backlog = Backlog()
    backlog.put_nowait(b"x" * (LIMIT_BYTES + 1))
    assert not backlog.over.is_set()
    assert len(await backlog.take()) == LIMIT_BYTES + 1


async def test_what_was_taken_counts_no_more() -> None:
    backlog = Backlog()
    for _ in range(100):
        backlog.put_nowait(LINE)
        assert await asyncio.wait_for(backlog.take(), 5) == LINE
    assert not backlog.over.is_set()
