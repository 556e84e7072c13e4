"""What every AliasStore promises (storage/store.py)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from neve.domain.alias import Alias
from neve.domain.errors import PreconditionFailed, ResourceConflict, ResourceNotFound
from neve.domain.function import LATEST, Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")
FUNCTION = Function(WORLD, "f", "nodejs22.x", "i.h", "r", Code("s", 1), LoggingConfig("/g"), 1, "r1")
LIVE = Alias(WORLD, "f", "live", "1", "r1", "d", {"2": 0.25})


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteFunctionStore]:
    """Functions and their aliases; the function `f` has the versions 1 and 2."""
    opened = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    await opened.create_function(FUNCTION, replace(FUNCTION, version="1"))
    await opened.publish_version_if_next(replace(FUNCTION, version="2"))
    yield opened
    await opened.close()


async def test_created_alias_is_read_as_it_was_given(store: SqliteFunctionStore) -> None:
    assert await store.aliases.alias(WORLD, "f", "live") is None
    await store.aliases.create_alias(LIVE)
    assert await store.aliases.alias(WORLD, "f", "live") == LIVE
    assert await store.aliases.alias(ELSEWHERE, "f", "live") is None
    assert store.aliases.cached(WORLD, "f", "live") == LIVE


async def test_of_many_creations_of_one_name_exactly_one_succeeds(store: SqliteFunctionStore) -> None:
    attempts = [store.aliases.create_alias(replace(LIVE, revision_id=f"r{number}")) for number in range(20)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert [type(each) for each in results if each is not None] == [ResourceConflict] * 19
    found = await store.aliases.alias(WORLD, "f", "live")
    assert found is not None
    assert found.revision_id == f"r{results.index(None)}"


async def test_versions_are_there_as_long_as_an_alias_reaches_them(store: SqliteFunctionStore) -> None:
    for missing in (replace(LIVE, version="3"), replace(LIVE, weights={"3": 0.5}), replace(LIVE, world=ELSEWHERE)):
        with pytest.raises(ResourceNotFound, match=r"^Function not found: arn:.*:function:f:[13]$"):
            await store.aliases.create_alias(missing)
    await store.aliases.create_alias(LIVE)
    for version in ("1", "2"):
        with pytest.raises(ResourceConflict, match=r"aliases reference it: \[live\]$"):
            await store.delete_version(WORLD, "f", version)
    await store.aliases.update_alias_if_revision(replace(LIVE, weights={}), "r1")
    assert await store.delete_version(WORLD, "f", "2")
    with pytest.raises(ResourceNotFound, match=r":f:2$"):
        await store.aliases.update_alias_if_revision(LIVE, "r1")


async def test_alias_and_deletion_of_its_version_at_once(store: SqliteFunctionStore) -> None:
    """Whichever comes first, the alias does not dangle."""
    for name in ("a", "b", "c"):
        results = await asyncio.gather(
            store.aliases.create_alias(replace(LIVE, name=name, version=LATEST, weights={})),
            store.aliases.create_alias(replace(LIVE, name=f"{name}2", weights={})),
            store.delete_version(WORLD, "f", "1"),
            return_exceptions=True,
        )
        version = await store.function(WORLD, "f", "1")
        alias = await store.aliases.alias(WORLD, "f", f"{name}2")
        assert (version is None) == (alias is None), results


async def test_update_is_guarded_by_the_revision(store: SqliteFunctionStore) -> None:
    with pytest.raises(ResourceNotFound, match=r"^Alias not found: arn:.*:f:live$"):
        await store.aliases.update_alias_if_revision(LIVE, "r1")
    await store.aliases.create_alias(LIVE)
    changed = replace(LIVE, revision_id="r2", version="2", weights={})
    with pytest.raises(PreconditionFailed, match="does not match the latest Revision Id"):
        await store.aliases.update_alias_if_revision(changed, "r0")
    await store.aliases.update_alias_if_revision(changed, "r1")
    assert await store.aliases.alias(WORLD, "f", "live") == changed


async def test_listing_is_by_name_and_by_version(store: SqliteFunctionStore) -> None:
    for name, version, weights in (("b", "1", {}), ("a", "2", {}), ("c", "1", {"2": 0.1})):
        await store.aliases.create_alias(replace(LIVE, name=name, version=version, weights=weights))
    assert [each.name for each in await store.aliases.aliases(WORLD, "f", None, None, 2)] == ["a", "b"]
    assert [each.name for each in await store.aliases.aliases(WORLD, "f", None, "b", 2)] == ["c"]
    assert [each.name for each in await store.aliases.aliases(WORLD, "f", "2", None, 9)] == ["a", "c"]
    assert await store.aliases.aliases(ELSEWHERE, "f", None, None, 9) == []


async def test_deleted_alias_is_gone_also_with_its_function(store: SqliteFunctionStore) -> None:
    await store.aliases.create_alias(LIVE)
    assert await store.aliases.delete_alias(WORLD, "f", "live")
    assert not await store.aliases.delete_alias(WORLD, "f", "live")
    await store.aliases.create_alias(LIVE)
    await store.delete_function(WORLD, "f")
    assert store.aliases.cached(WORLD, "f", "live") is None
    assert await store.aliases.alias(WORLD, "f", "live") is None
