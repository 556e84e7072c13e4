"""What the SQLite function store does beyond the protocol: the hot path, reopening, damaged rows."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from neve.domain.errors import ResourceConflict, StorageUnavailable
from neve.domain.function import LATEST, Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore

WORLD = World()
FUNCTION = Function(WORLD, "f", "nodejs22.x", "i.h", "r", Code("s", 1), LoggingConfig("/g"), 1, "r1")


async def test_hot_path_answers_from_memory_after_a_write_and_after_a_read(tmp_path: Path) -> None:
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    assert store.cached(WORLD, "f", LATEST) is None
    await store.create_function(FUNCTION)
    assert store.cached(WORLD, "f", LATEST) is FUNCTION
    assert await store.function(WORLD, "f", LATEST) is FUNCTION
    await store.close()
    again = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    read = await again.function(WORLD, "f", LATEST)
    assert read == FUNCTION
    assert again.cached(WORLD, "f", LATEST) is read
    await again.close()


async def test_refused_creation_does_not_hide_the_function_from_the_hot_path_for_long(tmp_path: Path) -> None:
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    await store.create_function(FUNCTION)
    with pytest.raises(ResourceConflict):
        await store.create_function(FUNCTION)
    assert await store.function(WORLD, "f", LATEST) == FUNCTION
    assert store.cached(WORLD, "f", LATEST) == FUNCTION
    await store.close()


async def test_record_written_before_a_member_existed_is_read_with_its_default(tmp_path: Path) -> None:
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    await store.create_function(FUNCTION)
    await store.close()
    document = msgspec.to_builtins(FUNCTION)
    del document["tracing_mode"]
    _overwrite(tmp_path, msgspec.json.encode(document | {"of_a_later_version": 1}))
    again = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    assert await again.function(WORLD, "f", LATEST) == FUNCTION
    await again.close()


async def test_damaged_record_is_storage_unavailable(tmp_path: Path) -> None:
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    await store.create_function(FUNCTION)
    await store.close()
    _overwrite(tmp_path, b"{")
    again = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    with pytest.raises(StorageUnavailable, match="damaged"):
        await again.function(WORLD, "f", LATEST)
    await again.close()


def _overwrite(tmp_path: Path, document: bytes) -> None:
    connection = sqlite3.connect(tmp_path / "neve.sqlite")
    connection.execute("UPDATE functions SET document = ?", (document,))
    connection.commit()
    connection.close()
