"""What every FunctionUrlStore promises (storage/store.py)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from neve.domain.alias import Alias
from neve.domain.errors import ResourceConflict, ResourceNotFound
from neve.domain.function import LATEST, Code, Function, LoggingConfig
from neve.domain.function_url import AuthType, Cors, FunctionUrl, InvokeMode
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")
FUNCTION = Function(WORLD, "f", "nodejs22.x", "i.h", "r", Code("s", 1), LoggingConfig("/g"), 1, "r1")
URL = FunctionUrl(WORLD, "f", None, "a" * 32, AuthType.NONE, 1, 2)
LIVE = replace(
    URL, alias="live", id="b" * 32, invoke_mode=InvokeMode.RESPONSE_STREAM, cors=Cors(True, ("x-a",), max_age_s=5)
)


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteFunctionStore]:
    """A function with the alias `live`."""
    opened = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    await opened.create_function(FUNCTION)
    await opened.aliases.create_alias(Alias(WORLD, "f", "live", LATEST, "r1"))
    yield opened
    await opened.close()


async def test_url_is_read_as_it_was_created_by_name_and_by_id(store: SqliteFunctionStore) -> None:
    urls = store.function_urls
    assert await urls.url(WORLD, "f", None) is None
    for url in (URL, LIVE):
        await urls.create(url)
        assert await urls.url(WORLD, "f", url.alias) == await urls.by_id(url.id) == url
    assert await urls.of_function(WORLD, "f", "", 9) == [URL, LIVE]
    assert await urls.of_function(WORLD, "f", LATEST, 9) == [LIVE]
    assert await urls.url(ELSEWHERE, "f", None) is None
    assert await urls.by_id("c" * 32) is None


async def test_of_many_creations_exactly_one_succeeds(store: SqliteFunctionStore) -> None:
    creations = [store.function_urls.create(replace(URL, id=str(number))) for number in range(9)]
    results = await asyncio.gather(*creations, return_exceptions=True)
    assert [type(each) for each in results if each is not None] == [ResourceConflict] * 8
    found = await store.function_urls.url(WORLD, "f", None)
    assert found is not None
    assert found.id == str(results.index(None))


@pytest.mark.parametrize("change", [{"function_name": "g"}, {"alias": "x"}, {"world": ELSEWHERE}])
async def test_only_what_is_there_has_a_url(store: SqliteFunctionStore, change: dict[str, str]) -> None:
    with pytest.raises(ResourceNotFound, match=r"^Function does not exist$"):
        await store.function_urls.create(replace(URL, **change))  # type: ignore[arg-type]


async def test_update_is_of_that_id(store: SqliteFunctionStore) -> None:
    await store.function_urls.create(URL)
    changed = replace(URL, auth_type=AuthType.AWS_IAM, modified_ms=3)
    await store.function_urls.update(changed)
    assert await store.function_urls.by_id(URL.id) == changed
    with pytest.raises(ResourceNotFound):
        await store.function_urls.update(replace(changed, id="c" * 32))


async def test_what_was_asked_for_before_is_never_older_than_the_last_write(store: SqliteFunctionStore) -> None:
    urls = store.function_urls
    await urls.create(URL)
    assert await urls.by_id(URL.id) is await urls.by_id(URL.id)
    await urls.delete(WORLD, "f", None)
    again = replace(URL, id="d" * 32)
    await urls.create(again)
    assert (await urls.by_id(URL.id), await urls.by_id(again.id)) == (None, again)


async def test_url_goes_with_what_has_it(store: SqliteFunctionStore) -> None:
    for url in (URL, LIVE):
        await store.function_urls.create(url)
    await store.aliases.delete_alias(WORLD, "f", "live")
    assert await store.function_urls.by_id(LIVE.id) is None
    assert await store.function_urls.delete(WORLD, "f", None)
    assert not await store.function_urls.delete(WORLD, "f", None)
    await store.function_urls.create(URL)
    await store.delete_function(WORLD, "f")
    assert await store.function_urls.by_id(URL.id) is None
