"""What every LayerStore promises (storage/store.py), and what functions keep of layers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from neve.domain.errors import PreconditionFailed, ResourceConflict, ResourceNotFound
from neve.domain.function import Code, Function, LoggingConfig, UsedLayer
from neve.domain.layer import LayerVersion, content_key
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore
from neve.storage.store import CodeUsage, Compatible

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")
ALL = Compatible()
LAYER = LayerVersion(WORLD, "l", 1, Code("bGF5ZXI=", 7, 70), 5, "d", ("nodejs22.x",), ("arm64",), "MIT")
USED = UsedLayer(LAYER.arn, LAYER.code)
FUNCTION = Function(
    WORLD, "f", "nodejs22.x", "i.h", "r", Code("c2hh", 100), LoggingConfig("/g"), 1, "r1", layers=(USED,)
)


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteFunctionStore]:
    opened = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    yield opened
    await opened.close()


async def publish(store: SqliteFunctionStore, name: str, *runtimes: str) -> None:
    number = await store.layers.last_layer_number(WORLD, name) + 1
    await store.layers.publish_layer_if_next(
        replace(LAYER, name=name, number=number, compatible_runtimes=runtimes or None)
    )


async def test_layer_version_is_read_as_it_was_given(store: SqliteFunctionStore) -> None:
    statement = {"Sid": "s", "Principal": {"AWS": "x"}}
    given = replace(LAYER, statements=(statement,), policy_revision_id="r1")
    await store.layers.publish_layer_if_next(given)
    assert await store.layers.layer_version(WORLD, "l", 1) == given
    for world, name, number in ((ELSEWHERE, "l", 1), (WORLD, "m", 1), (WORLD, "l", 2), (WORLD, "l", 2**70)):
        assert await store.layers.layer_version(world, name, number) is None


async def test_number_is_given_once_and_in_order(store: SqliteFunctionStore) -> None:
    with pytest.raises(ResourceConflict):
        await store.layers.publish_layer_if_next(replace(LAYER, number=2))
    await store.layers.publish_layer_if_next(LAYER)
    assert await store.layers.delete_layer_version(WORLD, "l", 1)
    assert not await store.layers.delete_layer_version(WORLD, "l", 1)
    with pytest.raises(ResourceConflict):
        await store.layers.publish_layer_if_next(LAYER)
    assert await store.layers.last_layer_number(WORLD, "l") == 1
    assert await store.layers.last_layer_number(ELSEWHERE, "l") == 0


async def test_versions_are_listed_newest_first(store: SqliteFunctionStore) -> None:
    for runtimes in (["nodejs22.x"], [], ["nodejs22.x", "nodejs24.x"]):
        await publish(store, "l", *runtimes)
    versions = store.layers.layer_versions
    assert [each.number for each in await versions(WORLD, "l", ALL, None, 2)] == [3, 2]
    assert [each.number for each in await versions(WORLD, "l", ALL, 2, 2)] == [1]
    assert [each.number for each in await versions(WORLD, "l", Compatible("nodejs22.x"), None, 9)] == [3, 1]
    assert [each.number for each in await versions(WORLD, "l", Compatible(None, "arm64"), None, 9)] == [3, 2, 1]
    assert await versions(WORLD, "l", Compatible("nodejs22.x", "x86_64"), None, 9) == []
    assert await versions(ELSEWHERE, "l", ALL, None, 9) == []


async def test_layers_are_listed_by_name_with_the_newest_that_fits(store: SqliteFunctionStore) -> None:
    for name, runtime in (("b", "nodejs22.x"), ("b", "nodejs24.x"), ("a", "nodejs24.x"), ("c", "python3.12")):
        await publish(store, name, runtime)
    layers = store.layers.layers
    assert [(each.name, each.number) for each in await layers(WORLD, ALL, None, 2)] == [("a", 1), ("b", 2)]
    assert [(each.name, each.number) for each in await layers(WORLD, ALL, "b", 2)] == [("c", 1)]
    assert [(each.name, each.number) for each in await layers(WORLD, Compatible("nodejs22.x"), None, 9)] == [("b", 1)]
    assert await layers(ELSEWHERE, ALL, None, 9) == []


async def test_policy_is_guarded_by_its_revision(store: SqliteFunctionStore) -> None:
    with pytest.raises(ResourceNotFound, match=r"does not exist\.$"):
        await store.layers.update_layer_if_policy_revision(LAYER, None)
    await store.layers.publish_layer_if_next(LAYER)
    changed = replace(LAYER, statements=({"Sid": "s"},), policy_revision_id="r1")
    with pytest.raises(PreconditionFailed):
        await store.layers.update_layer_if_policy_revision(changed, "r0")
    await store.layers.update_layer_if_policy_revision(changed, None)
    assert await store.layers.layer_version(WORLD, "l", 1) == changed
    with pytest.raises(PreconditionFailed):
        await store.layers.update_layer_if_policy_revision(LAYER, None)
    await store.layers.update_layer_if_policy_revision(LAYER, "r1")


async def test_archive_of_a_layer_is_in_use_as_long_as_a_layer_or_a_function_has_it(
    store: SqliteFunctionStore,
) -> None:
    await store.layers.publish_layer_if_next(LAYER)
    assert await store.code_in_use("bGF5ZXI=")
    assert await store.code_usage(WORLD) == CodeUsage(7, 0)
    await store.create_function(FUNCTION, replace(FUNCTION, version="1"))
    await store.layers.delete_layer_version(WORLD, "l", 1)
    assert await store.code_usage(WORLD) == CodeUsage(200, 1)
    await store.update_function_if_revision(replace(FUNCTION, layers=()), "r1")
    assert await store.code_in_use("bGF5ZXI="), "the version has it"
    await store.delete_version(WORLD, "f", "1")
    assert not await store.code_in_use("bGF5ZXI=")


async def test_merged_layers_are_in_use_as_long_as_a_function_has_them(store: SqliteFunctionStore) -> None:
    key = content_key(FUNCTION.layers)
    assert key is not None
    assert not await store.layers_in_use(key)
    await store.create_function(FUNCTION)
    assert await store.layers_in_use(key)
    both = (USED, UsedLayer("other", Code("b3RoZXI=", 1)))
    await store.update_function_if_revision(replace(FUNCTION, layers=both), "r1")
    assert not await store.layers_in_use(key)
    assert await store.code_in_use("b3RoZXI=")
    await store.delete_function(WORLD, "f")
    assert not await store.code_in_use("b3RoZXI=")
    assert not await store.layers_in_use(content_key(both) or "")
