"""What every EventSourceStore promises (storage/store.py)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from neve.domain.errors import ResourceConflict
from neve.domain.event_source import (
    EventSourceMapping,
    Source,
    SourceKind,
    SourceSettings,
    StartingPosition,
    defaults,
    merged,
)
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")
QUEUE = Source(SourceKind.QUEUE, "arn:aws:sqs:us-east-1:000000000000:q")
STREAM = Source(
    SourceKind.STREAM,
    "arn:aws:kinesis:us-east-1:000000000000:stream/s",
    position=StartingPosition.AT_TIMESTAMP,
    timestamp_s=1.5,
)
MAPPING = EventSourceMapping(
    WORLD,
    "u1",
    "f",
    None,
    QUEUE,
    merged(defaults(SourceKind.QUEUE), SourceSettings(filters=('{"a":["b"]}',), extra={"KMSKeyArn": "k"})),
    1,
    {"a": "1"},
)


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteFunctionStore]:
    opened = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    yield opened
    await opened.close()


async def test_mapping_is_kept_replaced_and_forgotten(store: SqliteFunctionStore) -> None:
    sources = store.event_sources
    await sources.put_if_alone(MAPPING)
    assert await sources.mapping(WORLD, "u1") == MAPPING
    assert await sources.mapping(ELSEWHERE, "u1") is None
    changed = replace(MAPPING, function_name="g", last_modified_ms=2)
    await sources.put_if_alone(changed)
    assert await sources.mapping(WORLD, "u1") == changed
    assert not await sources.delete(ELSEWHERE, "u1")
    assert await sources.delete(WORLD, "u1")
    assert not await sources.delete(WORLD, "u1")


async def test_function_reads_a_source_once(store: SqliteFunctionStore) -> None:
    mappings = [replace(MAPPING, uuid=f"u{number}") for number in range(9)]
    results = await asyncio.gather(*map(store.event_sources.put_if_alone, mappings), return_exceptions=True)
    assert sum(isinstance(each, ResourceConflict) for each in results) == 8
    winner = mappings[results.index(None)].uuid
    assert all(str(each).endswith(f"with UUID {winner}") for each in results if each is not None)


async def test_mappings_are_found_by_function_and_by_source(store: SqliteFunctionStore) -> None:
    sources = store.event_sources
    stream = replace(MAPPING, uuid="u2", source=STREAM, settings=defaults(SourceKind.STREAM))
    others = (stream, replace(MAPPING, uuid="u3", qualifier="live"), replace(MAPPING, uuid="u4", world=ELSEWHERE))
    for mapping in (MAPPING, *others):
        await sources.put_if_alone(mapping)

    async def found(function_arn: str | None, source_arn: str | None, after: str = "", limit: int = 9) -> list[str]:
        return [each.uuid for each in await sources.mappings(WORLD, function_arn, source_arn, after, limit)]

    arn = MAPPING.function_arn
    assert await found(None, None) == ["u1", "u2", "u3"]
    assert await found(None, None, "u1", 1) == ["u2"]
    assert await found(arn, None) == ["u1", "u2"]
    assert await found(f"{arn}:live", None) == ["u3"]
    assert await found(None, QUEUE.arn) == ["u1", "u3"]
    assert await found(arn, QUEUE.arn) == ["u1"]
    assert await sources.mapping(WORLD, "u2") == stream
