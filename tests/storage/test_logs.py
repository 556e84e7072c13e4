"""What the SQLite log store does beyond the protocol: sweeping, reopening, expiring empty streams."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from neve.clock import Clock
from neve.domain.world import World
from neve.storage.sqlite import logs
from neve.storage.sqlite.logs import DAY_MS, SqliteLogStore
from neve.storage.store import LogLine

WORLD = World()


async def count(store: SqliteLogStore, table: str = "log_events") -> int:
    read: Callable[[Any], int] = lambda db: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: E731
    return await store._database.read(read)


def fill(store: SqliteLogStore, events: int, group: str = "/g") -> None:
    for number in range(events):
        store.append_nowait(LogLine(WORLD, group, f"s{number % 2}", number, "text"))


async def test_lines_survive_a_clean_end(tmp_path: Path) -> None:
    store = await SqliteLogStore.open(tmp_path / "logs.sqlite", Clock())
    fill(store, 10)
    await store.close()
    again = await SqliteLogStore.open(tmp_path / "logs.sqlite", Clock())
    assert await count(again) == 10
    await again.close()


async def test_events_of_a_deleted_group_leave_the_disk_slice_by_slice(tmp_path: Path) -> None:
    store = await SqliteLogStore.open(tmp_path / "logs.sqlite", Clock())
    fill(store, logs.SLICE * 4 + 10)
    fill(store, 5, group="/kept")
    await store.delete_group(WORLD, "/g")
    await store.swept()
    assert await count(store) == 5
    assert await count(store, "deleted_log_streams") == 0
    await store.close()


async def test_deletion_that_a_crash_cut_short_is_finished_at_the_next_start(tmp_path: Path) -> None:
    store = await SqliteLogStore.open(tmp_path / "logs.sqlite", Clock())
    fill(store, 20)
    await store._buffer.flush()
    await store.swept()
    await store._database.write(lambda db: logs._delete_group(db, WORLD, "/g"))
    await store.close()
    again = await SqliteLogStore.open(tmp_path / "logs.sqlite", Clock())
    await again.swept()
    assert await count(again) == 0
    await again.close()


async def test_expiry_takes_many_slices_and_removes_streams_that_are_empty_and_old(tmp_path: Path) -> None:
    clock = Clock(virtual=True)
    store = await SqliteLogStore.open(tmp_path / "logs.sqlite", clock)
    fill(store, logs.SLICE * 2 + 1)
    await store.set_retention(WORLD, "/g", 1)
    assert await store.expire(int(clock.now_ms())) == logs.SLICE * 2 + 1
    assert len(await store.streams(WORLD, "/g", "", False, False, 0, 9)) == 2
    clock.advance(2 * DAY_MS / 1000)
    store.append_nowait(LogLine(WORLD, "/g", "s0", int(clock.now_ms()), "fresh"))
    assert await store.expire(int(clock.now_ms())) == 0
    assert [stream.name for stream in await store.streams(WORLD, "/g", "", False, False, 0, 9)] == ["s0"]
    group = await store.group(WORLD, "/g")
    assert group is not None
    assert group.stored_bytes == len("fresh") + 26
    await store.close()


async def test_event_ids_are_never_used_again(tmp_path: Path) -> None:
    store = await SqliteLogStore.open(tmp_path / "logs.sqlite", Clock())
    fill(store, 3)
    last = (await store.events(WORLD, "/g", None, None, None, None, None, None, True, 1))[0].id
    await store.delete_group(WORLD, "/g")
    await store.swept()
    fill(store, 1)
    assert (await store.events(WORLD, "/g", None, None, None, None, None, None, True, 1))[0].id > last
    await store.close()
