"""Lines on their way to disk: batches, retries, bounds."""

import asyncio
from collections.abc import Sequence

import pytest

from neve.domain.errors import StorageUnavailable
from neve.domain.world import World
from neve.storage.sqlite import log_buffer
from neve.storage.sqlite.log_buffer import LINE_BYTES, LogBuffer
from neve.storage.store import LogLine


class Disk:
    """Where batches go; refuses while `broken`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.broken = False
        self.written = asyncio.Event()

    async def write(self, lines: Sequence[LogLine]) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise StorageUnavailable("broken")
        self.batches.append([line.message for line in lines])
        self.written.set()

    @property
    def lines(self) -> list[str]:
        return [text for batch in self.batches for text in batch]


def line(message: str) -> LogLine:
    return LogLine(World(), "/g", "s", 1, message)


async def test_lines_go_out_together_by_themselves() -> None:
    disk = Disk()
    buffer = LogBuffer(disk.write)
    for number in range(3):
        buffer.append_nowait(line(str(number)))
    async with asyncio.timeout(10):
        await disk.written.wait()
    assert disk.batches == [["0", "1", "2"]]
    await buffer.close()


async def test_large_batch_does_not_wait_for_the_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_buffer, "FLUSH_SECONDS", 3600)
    disk = Disk()
    buffer = LogBuffer(disk.write)
    for _ in range(5):
        buffer.append_nowait(line("x" * 250_000))
    async with asyncio.timeout(10):
        await disk.written.wait()
    await buffer.close()


async def test_flush_returns_when_everything_before_it_is_written() -> None:
    disk = Disk()
    buffer = LogBuffer(disk.write)
    for number in range(10):
        buffer.append_nowait(line(str(number)))
        if number % 3 == 0:
            await asyncio.sleep(0)
    await buffer.flush()
    assert disk.lines == [str(number) for number in range(10)]
    await buffer.close()


async def test_lines_that_could_not_be_written_are_kept_in_order_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_buffer, "RETRY_SECONDS", 0.01)
    disk = Disk()
    disk.broken = True
    buffer = LogBuffer(disk.write)
    buffer.append_nowait(line("1"))
    with pytest.raises(StorageUnavailable):
        await buffer.flush()
    buffer.append_nowait(line("2"))
    disk.broken = False
    async with asyncio.timeout(10):
        await disk.written.wait()
    await buffer.flush()
    assert disk.lines == ["1", "2"]
    assert buffer.dropped == 0
    await buffer.close()


async def test_broken_disk_is_not_tried_for_every_line() -> None:
    disk = Disk()
    disk.broken = True
    attempts = 0

    async def count(lines: Sequence[LogLine]) -> None:
        nonlocal attempts
        attempts += 1
        await disk.write(lines)

    buffer = LogBuffer(count)
    for _ in range(20):
        buffer.append_nowait(line("x" * 250_000))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert attempts == 1
    disk.broken = False
    await buffer.close()


async def test_batch_that_can_never_be_written_does_not_stop_the_next() -> None:
    disk = Disk()

    async def refuse_poison(lines: Sequence[LogLine]) -> None:
        if any(line.message == "poison" for line in lines):
            raise ValueError("poison")
        await disk.write(lines)

    buffer = LogBuffer(refuse_poison)
    buffer.append_nowait(line("poison"))
    await buffer.flush()
    buffer.append_nowait(line("good"))
    await buffer.close()
    assert disk.lines == ["good"]
    assert buffer.dropped == 1


async def test_beyond_the_bound_new_lines_are_dropped_and_counted() -> None:
    disk = Disk()
    buffer = LogBuffer(disk.write, limit_bytes=1000)
    for number in range(10):
        buffer.append_nowait(line(str(number)))
    await buffer.flush()
    assert disk.lines == ["0", "1", "2", "3"]
    assert buffer.dropped == 6
    buffer.append_nowait(line("room again"))
    await buffer.close()
    assert disk.lines[-1] == "room again"


async def test_close_writes_what_waits_and_takes_no_more() -> None:
    disk = Disk()
    buffer = LogBuffer(disk.write)
    buffer.append_nowait(line("last"))
    await buffer.close()
    buffer.append_nowait(line("too late"))
    await asyncio.sleep(0)
    assert disk.lines == ["last"]
    assert buffer.dropped == 1


async def test_close_says_what_it_could_not_write() -> None:
    disk = Disk()
    disk.broken = True
    buffer = LogBuffer(disk.write)
    buffer.append_nowait(line("lost"))
    with pytest.raises(StorageUnavailable):
        await buffer.close()


async def test_long_line_is_cut_between_characters() -> None:
    disk = Disk()
    buffer = LogBuffer(disk.write)
    text = "€" * LINE_BYTES
    buffer.append_nowait(line(text))
    await buffer.close()
    assert "".join(disk.lines) == text
    assert len(disk.lines) == 4
    assert max(len(part.encode()) for part in disk.lines) <= LINE_BYTES


@pytest.mark.timeout(20, method="thread")  # the event loop itself would stand still: nothing inside it could say so
@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("refuses", [False, True])
async def test_a_flush_in_whatever_turn_of_an_ending_batch_comes_to_its_end(turns: int, refuses: bool) -> None:
    disk = Disk()
    buffer = LogBuffer(disk.write)

    async def flush_later() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        disk.broken = False
        buffer.append_nowait(line("second"))
        await buffer.flush()

    buffer.append_nowait(line("first"))
    disk.broken = refuses
    early = asyncio.create_task(buffer.flush())
    late = [asyncio.create_task(flush_later()) for _ in range(2)]
    await asyncio.wait([early, *late])
    await buffer.close()
    assert sorted(disk.lines) == ["first", "second", "second"]
    assert all(isinstance(task.exception(), StorageUnavailable | None) for task in (early, *late))
