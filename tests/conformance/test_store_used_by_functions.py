"""What every CodeSigningStore and CapacityProviderStore promises: what a function uses stays (storage/store.py)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from neve.domain.capacity_provider import CapacityProvider
from neve.domain.code_signing import CodeSigningConfig, UntrustedCode
from neve.domain.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound, ServiceSpecific
from neve.domain.function import LATEST, Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")
FUNCTION = Function(WORLD, "f", "nodejs22.x", "i.h", "r", Code("s", 1), LoggingConfig("/g"), 1, "r1")
CONFIG = CodeSigningConfig(WORLD, "csc-0", ("arn:p",), 1, UntrustedCode.ENFORCE, "d", {"a": "1"})
PROVIDER = CapacityProvider(WORLD, "p", {"VpcConfig": {"SubnetIds": ["s"]}}, 1, {"a": "1"})


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteFunctionStore]:
    opened = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    yield opened
    await opened.close()


async def test_config_is_kept_changed_and_forgotten(store: SqliteFunctionStore) -> None:
    configs = store.code_signing
    await configs.create(CONFIG)
    assert await configs.config(WORLD, CONFIG.arn) == CONFIG
    assert await configs.config(ELSEWHERE, CONFIG.arn) is None
    changed = replace(CONFIG, description=None, tags={})
    await configs.update(changed)
    await configs.create(replace(CONFIG, id="csc-1"))
    assert [each.id for each in await configs.configs(WORLD, "", 9)] == ["csc-0", "csc-1"]
    assert [each.id for each in await configs.configs(WORLD, CONFIG.arn, 9)] == ["csc-1"]
    assert await configs.configs(ELSEWHERE, "", 9) == []
    assert not await configs.delete(ELSEWHERE, CONFIG.arn)
    assert await configs.delete(WORLD, CONFIG.arn)
    assert not await configs.delete(WORLD, CONFIG.arn)
    with pytest.raises(ResourceNotFound):
        await configs.update(changed)


async def test_provider_is_kept_changed_and_forgotten(store: SqliteFunctionStore) -> None:
    providers = store.capacity_providers
    results = await asyncio.gather(*(providers.create(PROVIDER) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, ResourceConflict) for each in results) == 4
    assert await providers.provider(WORLD, "p") == PROVIDER
    assert await providers.provider(ELSEWHERE, "p") is None
    changed = replace(PROVIDER, settings={}, last_modified_ms=2)
    await providers.update(changed)
    await providers.create(replace(PROVIDER, name="q"))
    assert await providers.providers(WORLD, "", 1) == [changed]
    assert [each.name for each in await providers.providers(WORLD, "p", 9)] == ["q"]
    assert await providers.providers(ELSEWHERE, "", 9) == []
    assert await providers.delete(WORLD, "p")
    assert not await providers.delete(WORLD, "p")
    with pytest.raises(ResourceNotFound):
        await providers.update(changed)


async def test_config_that_a_function_uses_stays(store: SqliteFunctionStore) -> None:
    signed = replace(FUNCTION, code_signing_arn=CONFIG.arn)
    with pytest.raises(ServiceSpecific) as caught:
        await store.create_function(signed)
    assert caught.value.code == "CodeSigningConfigNotFoundException"
    assert await store.function(WORLD, "f", LATEST) is None
    await store.code_signing.create(CONFIG)
    await store.create_function(signed)
    assert await store.code_signing.functions(CONFIG.arn, "", 9) == ["f"]
    with pytest.raises(ResourceConflict):
        await store.code_signing.delete(WORLD, CONFIG.arn)
    await store.update_function_if_revision(FUNCTION, "r1")
    assert await store.code_signing.functions(CONFIG.arn, "", 9) == []
    assert await store.code_signing.delete(WORLD, CONFIG.arn)
    with pytest.raises(ServiceSpecific):
        await store.update_function_if_revision(signed, "r1")


async def test_provider_that_a_version_uses_stays(store: SqliteFunctionStore) -> None:
    provided = replace(FUNCTION, capacity_provider_arn=PROVIDER.arn)
    with pytest.raises(InvalidParameterValue, match=r"^The capacity provider arn:.*:p does not exist\.$"):
        await store.create_function(provided)
    await store.capacity_providers.create(PROVIDER)
    await store.create_function(provided, replace(provided, version="1"))
    users = await store.capacity_providers.functions(WORLD, "p", ("", -1), 9)
    assert [each.version for each in users] == [LATEST, "1"]
    assert await store.capacity_providers.functions(WORLD, "p", ("f", 0), 9) == users[1:]
    await store.update_function_if_revision(FUNCTION, "r1")
    with pytest.raises(ResourceConflict):
        await store.capacity_providers.delete(WORLD, "p")
    await store.delete_version(WORLD, "f", "1")
    assert await store.capacity_providers.delete(WORLD, "p")


async def test_deletion_and_use_at_once_leave_nothing_dangling(store: SqliteFunctionStore) -> None:
    await store.code_signing.create(CONFIG)
    results = await asyncio.gather(
        store.create_function(replace(FUNCTION, code_signing_arn=CONFIG.arn)),
        store.code_signing.delete(WORLD, CONFIG.arn),
        return_exceptions=True,
    )
    there = await store.function(WORLD, "f", LATEST) is not None
    assert there == (await store.code_signing.config(WORLD, CONFIG.arn) is not None), results
