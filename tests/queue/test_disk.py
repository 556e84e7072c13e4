"""Disks that are full, locked, damaged: nothing is acknowledged that is not kept, nothing that happened is lost."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.queue.house import House, fill

from neve.domain.errors import OperatorError, StorageUnavailable
from neve.queue import lane, persist
from neve.storage.sqlite import connection


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disks are tried again at once."""
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.02)
    monkeypatch.setattr(persist, "PAUSES_S", (0.01,))
    monkeypatch.setattr(lane, "DISK_PAUSES_S", (0.01,))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program writes to the database and does not end."""
    with contextlib.closing(sqlite3.connect(path / "events.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_event_is_refused_while_the_database_is_locked(tmp_path: Path) -> None:
    house = await House.open(tmp_path)
    with locked(tmp_path), pytest.raises(StorageUnavailable, match="locked by another program"):
        await house.send()
    assert house.records == []
    (id_,) = await house.send()
    await house.wait(lambda: house.functions.runs["f"] == [id_])
    await house.close()


async def test_outcome_is_written_when_the_database_is_free_again_and_the_event_runs_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = await House.open(tmp_path)
    release = house.functions.hold("f")
    (id_,) = await house.send()
    await house.wait(lambda: house.functions.running["f"])
    with locked(tmp_path):
        release.set()
        await house.wait(lambda: "queue.settle" in caplog.text)
    while not (await house.queue.overview())[0].succeeded:  # noqa: ASYNC110 - the disk alone knows
        await asyncio.sleep(0.001)
    assert house.functions.runs["f"] == [id_]
    await house.close()


async def test_no_more_is_begun_than_can_be_written_down(tmp_path: Path) -> None:
    house = await House.open(tmp_path)
    hold = house.functions.hold("f")
    await house.send(count=1000)
    await house.wait(lambda: house.functions.running["f"])
    with locked(tmp_path):
        hold.set()
        await asyncio.sleep(0.3)
        begun = len(house.functions.runs["f"])
        assert begun <= 64 + lane.UNSETTLED
    await house.wait(lambda: len(house.functions.runs["f"]) == 1000)
    await house.close()


async def test_event_is_refused_when_the_disk_is_full_and_taken_when_it_is_not(tmp_path: Path) -> None:
    house = await House.open(tmp_path)
    await house.store._database.write(lambda db: db.execute("PRAGMA max_page_count = 400").fetchall())
    accepted: list[str] = []

    async def fill_up() -> None:
        large, later = b'"' + b"x" * 200_000 + b'"', house.clock.now_ms() + 60_000.0
        while True:
            accepted.extend(await house.send(payload=large, accepted_ms=later))

    with pytest.raises(StorageUnavailable, match="the disk is full"):
        await fill_up()
    assert accepted
    await house.store._database.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchall())
    accepted += await house.send()
    house.clock.advance(61.0)
    await house.wait(lambda: sorted(house.functions.runs["f"]) == sorted(accepted))
    await house.close()


async def test_database_that_is_none_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "events.sqlite").write_bytes(b"this is no database" * 1000)
    with pytest.raises(
        OperatorError, match=r"events\.sqlite cannot be opened .* restore it from a backup, or move it away"
    ):
        await House.open(tmp_path)


def damage(file: Path) -> None:
    """Half of it is something else."""
    size = file.stat().st_size
    with file.open("r+b") as damaged:
        damaged.seek(size // 8)
        damaged.write(b"\xa5" * (size // 2))


async def test_database_that_is_damaged_stops_the_start(tmp_path: Path) -> None:
    await fill(tmp_path, "f", 20_000)
    damage(tmp_path / "events.sqlite")
    with pytest.raises(OperatorError, match=r"events cannot be read .*damaged.* events\.sqlite"):
        await House.open(tmp_path)


async def test_database_that_is_damaged_while_it_is_used_hangs_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(tmp_path, "f", 20_000, due_in_s=3600.0)
    house = await House.open(tmp_path)
    damage(tmp_path / "events.sqlite")
    house.clock.advance(7200.0)
    await house.wait(lambda: "the database file is damaged" in caplog.text)
    async with asyncio.timeout(20):
        with contextlib.suppress(StorageUnavailable):
            await house.send("g")
        await house.close()
