"""What every EventInvokeStore promises (storage/store.py)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from neve.domain.alias import Alias
from neve.domain.errors import ResourceNotFound
from neve.domain.event_invoke import EventInvokeConfig
from neve.domain.function import LATEST, Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")
FUNCTION = Function(WORLD, "f", "nodejs22.x", "i.h", "r", Code("s", 1), LoggingConfig("/g"), 1, "r1")
LIVE = Alias(WORLD, "f", "live", "1", "r1")
CONFIG = EventInvokeConfig(WORLD, "f", "live", 7, 0, 60, "arn:a", "arn:b")


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteFunctionStore]:
    """A function with the version 1 and the alias `live`."""
    opened = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    await opened.create_function(FUNCTION, replace(FUNCTION, version="1"))
    await opened.aliases.create_alias(LIVE)
    yield opened
    await opened.close()


async def qualifiers(store: SqliteFunctionStore) -> Sequence[str]:
    return list(await store.event_invoke.of_function(WORLD, "f"))


async def test_config_is_read_as_it_was_put(store: SqliteFunctionStore) -> None:
    assert await store.event_invoke.of_function(WORLD, "f") == {}
    for config in (CONFIG, replace(CONFIG, retries=None, maximum_age_s=None, on_success=None, on_failure=None)):
        await store.event_invoke.put(config)
        for _ in range(2):  # from disk and from memory
            assert await store.event_invoke.of_function(WORLD, "f") == {"live": config}
    assert await store.event_invoke.of_function(ELSEWHERE, "f") == {}


async def test_configs_are_in_the_order_of_their_qualifiers(store: SqliteFunctionStore) -> None:
    for qualifier in ("live", "1", LATEST):
        await store.event_invoke.put(replace(CONFIG, qualifier=qualifier))
    assert await qualifiers(store) == [LATEST, "1", "live"]
    assert await store.event_invoke.delete(WORLD, "f", "1")
    assert not await store.event_invoke.delete(WORLD, "f", "1")
    assert await qualifiers(store) == [LATEST, "live"]


@pytest.mark.parametrize(
    "change", [{"qualifier": "2"}, {"qualifier": "x"}, {"function_name": "g"}, {"world": ELSEWHERE}]
)
async def test_only_what_is_there_has_a_config(store: SqliteFunctionStore, change: dict[str, str]) -> None:
    with pytest.raises(ResourceNotFound, match=r"^Function not found: arn:"):
        await store.event_invoke.put(replace(CONFIG, **change))  # type: ignore[arg-type]


async def test_config_goes_with_what_has_it(store: SqliteFunctionStore) -> None:
    for qualifier in ("live", "1", LATEST):
        await store.event_invoke.put(replace(CONFIG, qualifier=qualifier))
    assert await qualifiers(store) == [LATEST, "1", "live"]
    await store.aliases.delete_alias(WORLD, "f", "live")
    assert await qualifiers(store) == [LATEST, "1"]
    await store.delete_version(WORLD, "f", "1")
    assert await qualifiers(store) == [LATEST]
    await store.delete_function(WORLD, "f")
    assert await qualifiers(store) == []


async def test_config_survives_a_restart_and_a_change_of_the_alias(store: SqliteFunctionStore, tmp_path: Path) -> None:
    await store.event_invoke.put(CONFIG)
    await store.aliases.update_alias_if_revision(replace(LIVE, version=LATEST, revision_id="r2"), "r1")
    await store.update_function_if_revision(replace(FUNCTION, revision_id="r2"), "r1")
    await store.close()
    again = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    assert await again.event_invoke.of_function(WORLD, "f") == {"live": CONFIG}
    await again.close()
