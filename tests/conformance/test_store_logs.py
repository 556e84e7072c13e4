"""What every LogStore promises (storage/store.py)."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from neve.clock import Clock
from neve.domain.errors import ResourceNotFound
from neve.domain.world import World
from neve.storage.sqlite.logs import DAY_MS, SqliteLogStore
from neve.storage.store import LogEvent, LogGroup, LogLine, LogStore, LogStream

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")
GROUP = "/aws/lambda/thumbs"


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LogStore]:
    opened = await SqliteLogStore.open(tmp_path / "logs.sqlite", Clock())
    yield opened
    await opened.close()


def line(
    message: str, timestamp_ms: int = 1000, stream: str = "s", group: str = GROUP, world: World = WORLD
) -> LogLine:
    return LogLine(world, group, stream, timestamp_ms, message)


async def read(store: LogStore, **members: Any) -> Sequence[LogEvent]:
    asked: dict[str, Any] = {
        "world": WORLD,
        "group": GROUP,
        "streams": None,
        "stream_prefix": None,
        "start_ms": None,
        "end_ms": None,
        "after": None,
        "before": None,
        "descending": False,
        "limit": 100,
    }
    return await store.events(**(asked | members))


async def texts(store: LogStore, **members: Any) -> list[str]:
    return [event.message for event in await read(store, **members)]


async def test_appended_line_is_read_at_once_and_makes_group_and_stream(store: LogStore) -> None:
    store.append_nowait(line("hello"))
    assert await texts(store) == ["hello"]
    group = await store.group(WORLD, GROUP)
    assert group is not None
    assert group.stored_bytes == 5 + 26
    stream = await store.stream(WORLD, GROUP, "s")
    assert stream is not None
    assert (stream.first_event_ms, stream.last_event_ms) == (1000, 1000)
    assert stream.last_ingestion_ms is not None


async def test_events_come_by_time_and_then_as_they_were_appended(store: LogStore) -> None:
    for message, timestamp in (("b1", 2), ("a", 1), ("b2", 2), ("c", 3)):
        store.append_nowait(line(message, timestamp, stream=message[0]))
    assert await texts(store) == ["a", "b1", "b2", "c"]
    assert await texts(store, descending=True) == ["c", "b2", "b1", "a"]
    ids = [event.id for event in sorted(await read(store), key=lambda event: event.id)]
    assert len(set(ids)) == 4


async def test_start_is_included_and_end_is_not(store: LogStore) -> None:
    for timestamp in range(5):
        store.append_nowait(line(str(timestamp), timestamp))
    assert await texts(store, start_ms=1, end_ms=3) == ["1", "2"]


async def test_reading_goes_on_strictly_after_and_before_a_place(store: LogStore) -> None:
    for number in range(6):
        store.append_nowait(line(str(number), 10 + number // 3))
    events = await read(store)
    place = (events[2].timestamp_ms, events[2].id)
    assert await texts(store, after=place) == ["3", "4", "5"]
    assert await texts(store, before=place) == ["0", "1"]
    assert await texts(store, before=place, descending=True, limit=1) == ["1"]
    assert await texts(store, after=place, start_ms=0, end_ms=11) == []


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [
        ({"streams": ["x"]}, ["x1"]),
        ({"streams": ["y", "x"]}, ["x1", "y1"]),
        ({"streams": ["none"]}, []),
        ({"streams": []}, []),
        ({"stream_prefix": "y"}, ["y1", "yy1"]),
        ({"stream_prefix": "%"}, []),
        ({"stream_prefix": ""}, ["x1", "y1", "yy1"]),
    ],
)
async def test_events_of_chosen_streams(store: LogStore, chosen: dict[str, Any], wanted: list[str]) -> None:
    for number, stream in enumerate(("x", "y", "yy")):
        store.append_nowait(line(f"{stream}1", number, stream=stream))
    assert await texts(store, **chosen) == wanted


async def test_worlds_do_not_see_each_other(store: LogStore) -> None:
    store.append_nowait(line("ours"))
    store.append_nowait(line("theirs", world=ELSEWHERE))
    assert await texts(store) == ["ours"]
    assert await texts(store, world=ELSEWHERE) == ["theirs"]
    await store.delete_group(ELSEWHERE, GROUP)
    assert await texts(store) == ["ours"]


async def test_lines_after_a_deletion_make_the_group_again_without_the_old_events(store: LogStore) -> None:
    store.append_nowait(line("old"))
    assert await store.delete_group(WORLD, GROUP)
    assert await store.group(WORLD, GROUP) is None
    store.append_nowait(line("new"))
    assert await texts(store) == ["new"]


async def test_line_taken_before_a_deletion_is_deleted_with_the_group(store: LogStore) -> None:
    await store.create_group(LogGroup(WORLD, GROUP, 1))
    store.append_nowait(line("pending"))
    await store.delete_group(WORLD, GROUP)
    assert await store.group(WORLD, GROUP) is None


async def test_deleted_stream_takes_its_events_and_bytes_along(store: LogStore) -> None:
    store.append_nowait(line("keep", stream="a"))
    store.append_nowait(line("drop", stream="b"))
    assert await store.delete_stream(WORLD, GROUP, "b")
    assert not await store.delete_stream(WORLD, GROUP, "b")
    assert await texts(store) == ["keep"]
    group = await store.group(WORLD, GROUP)
    assert group is not None
    assert group.stored_bytes == 4 + 26


async def test_group_and_stream_are_created_once(store: LogStore) -> None:
    assert await store.create_group(LogGroup(WORLD, GROUP, 5, 7))
    assert not await store.create_group(LogGroup(WORLD, GROUP, 6))
    assert await store.group(WORLD, GROUP) == LogGroup(WORLD, GROUP, 5, 7)
    assert await store.create_stream(LogStream(WORLD, GROUP, "s", 8))
    assert not await store.create_stream(LogStream(WORLD, GROUP, "s", 9))
    assert await store.stream(WORLD, GROUP, "s") == LogStream(WORLD, GROUP, "s", 8)


async def test_stream_of_a_missing_group_is_refused(store: LogStore) -> None:
    with pytest.raises(ResourceNotFound):
        await store.create_stream(LogStream(WORLD, GROUP, "s", 8))


async def test_append_writes_nothing_when_a_stream_is_missing(store: LogStore) -> None:
    await store.create_group(LogGroup(WORLD, GROUP, 5))
    await store.create_stream(LogStream(WORLD, GROUP, "s", 8))
    with pytest.raises(ResourceNotFound, match="The specified log stream does not exist"):
        await store.append([line("there"), line("nowhere", stream="none")])
    assert await texts(store) == []
    await store.append([line("there")])
    assert await texts(store) == ["there"]


async def test_groups_by_prefix_pattern_and_page(store: LogStore) -> None:
    for name in ("/a/one", "/a/two", "/b/one", "/a%"):
        await store.create_group(LogGroup(WORLD, name, 1))

    async def names(prefix: str = "", pattern: str = "", after: str | None = None, limit: int = 9) -> list[str]:
        return [group.name for group in await store.groups(WORLD, prefix, pattern, after, limit)]

    assert await names() == ["/a%", "/a/one", "/a/two", "/b/one"]
    assert await names(prefix="/a/") == ["/a/one", "/a/two"]
    assert await names(pattern="one") == ["/a/one", "/b/one"]
    assert await names(pattern="ONE") == []
    assert await names(after="/a/one", limit=1) == ["/a/two"]


async def test_streams_by_name_and_by_last_event(store: LogStore) -> None:
    await store.create_group(LogGroup(WORLD, GROUP, 1))
    await store.create_stream(LogStream(WORLD, GROUP, "empty", 8))
    for stream, timestamp in (("a", 30), ("b", 10), ("c", 20)):
        store.append_nowait(line("x", timestamp, stream=stream))

    async def names(
        by_last_event: bool, descending: bool, prefix: str = "", offset: int = 0, limit: int = 9
    ) -> list[str]:
        found = await store.streams(WORLD, GROUP, prefix, by_last_event, descending, offset, limit)
        return [stream.name for stream in found]

    assert await names(False, False) == ["a", "b", "c", "empty"]
    assert await names(False, True, offset=1, limit=2) == ["c", "b"]
    assert await names(True, True) == ["a", "c", "b", "empty"]
    assert await names(True, False, limit=2) == ["empty", "b"]
    assert await names(False, False, prefix="e") == ["empty"]


async def test_retention_is_set_and_taken_away(store: LogStore) -> None:
    assert not await store.set_retention(WORLD, GROUP, 7)
    await store.create_group(LogGroup(WORLD, GROUP, 1))
    assert await store.set_retention(WORLD, GROUP, 7)
    group = await store.group(WORLD, GROUP)
    assert group is not None
    assert group.retention_days == 7
    assert await store.set_retention(WORLD, GROUP, None)
    assert await store.group(WORLD, GROUP) == LogGroup(WORLD, GROUP, 1)


async def test_expiry_removes_what_is_older_than_the_retention_and_nothing_else(store: LogStore) -> None:
    now = 100 * DAY_MS
    for message, age_days in (("old", 8), ("exact", 7), ("young", 1)):
        store.append_nowait(line(message, now - age_days * DAY_MS))
    store.append_nowait(line("kept for ever", 1, group="/other"))
    await store.set_retention(WORLD, GROUP, 7)
    assert await store.expire(now) == 1
    assert await texts(store) == ["exact", "young"]
    assert await texts(store, group="/other") == ["kept for ever"]
    stream = await store.stream(WORLD, GROUP, "s")
    assert stream is not None
    assert stream.first_event_ms == now - 7 * DAY_MS
    group = await store.group(WORLD, GROUP)
    assert group is not None
    assert group.stored_bytes == len("exact") + len("young") + 2 * 26


@pytest.mark.parametrize(
    "message", ["", "ü€😀", "nul\x00inside", "lone \ud800 surrogate", "line\nbreak\n", "a" * 300_000, "ü" * 200_000]
)
async def test_any_text_is_kept(store: LogStore, message: str) -> None:
    store.append_nowait(line(message))
    events = await texts(store)
    assert "".join(events) == (message or "\n").replace("\ud800", "?")
    assert all(len(text.encode()) <= 262_144 - 26 for text in events)
