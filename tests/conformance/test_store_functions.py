"""What every FunctionStore promises (storage/store.py)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from neve.domain.errors import PreconditionFailed, ResourceConflict, ResourceNotFound
from neve.domain.function import LATEST, Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore
from neve.storage.store import CodeUsage, FunctionStore

WORLD = World()
ELSEWHERE = World("111111111111", "eu-west-1")


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FunctionStore]:
    opened = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    yield opened
    await opened.close()


def function(name: str = "thumbs", world: World = WORLD, **members: object) -> Function:
    plain = Function(
        world=world,
        name=name,
        runtime="nodejs22.x",
        handler="index.handler",
        role="arn:aws:iam::000000000000:role/r",
        code=Code("c2hh", 100),
        logging=LoggingConfig(f"/aws/lambda/{name}"),
        last_modified_ms=1,
        revision_id="r1",
        state="Active",
        last_update_status="Successful",
    )
    return replace(plain, **members)  # type: ignore[arg-type]


async def test_created_function_is_read_as_it_was_given(store: FunctionStore) -> None:
    given = function(
        environment={"A": "ü"}, tags={"t": "1"}, architectures=("arm64",), extra={"Other": [{"Arn": "a"}], "n": None}
    )
    await store.create_function(given)
    assert await store.function(WORLD, "thumbs", LATEST) == given


async def test_missing_function_is_none(store: FunctionStore) -> None:
    assert await store.function(WORLD, "thumbs", LATEST) is None


async def test_missing_function_is_found_once_it_was_created(store: FunctionStore) -> None:
    assert await store.function(WORLD, "thumbs", LATEST) is None
    await store.create_function(function())
    assert await store.function(WORLD, "thumbs", LATEST) == function()


async def test_taken_name_is_refused_and_changes_nothing(store: FunctionStore) -> None:
    await store.create_function(function())
    with pytest.raises(ResourceConflict, match=r"^Function already exist: thumbs$"):
        await store.create_function(function(revision_id="r2"))
    assert await store.function(WORLD, "thumbs", LATEST) == function()


async def test_of_many_creations_of_one_name_exactly_one_succeeds(store: FunctionStore) -> None:
    attempts = [store.create_function(function(revision_id=f"r{i}")) for i in range(20)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [ResourceConflict] * 19
    winner = results.index(None)
    found = await store.function(WORLD, "thumbs", LATEST)
    assert found is not None
    assert found.revision_id == f"r{winner}"


async def test_worlds_do_not_see_each_other(store: FunctionStore) -> None:
    await store.create_function(function())
    assert await store.function(ELSEWHERE, "thumbs", LATEST) is None
    assert await store.functions(ELSEWHERE, None, 10) == []
    await store.create_function(function(world=ELSEWHERE))
    assert await store.delete_function(ELSEWHERE, "thumbs")
    assert await store.function(WORLD, "thumbs", LATEST) == function()


async def test_listing_is_by_name_and_goes_on_after_a_name(store: FunctionStore) -> None:
    for name in ("b", "a", "C", "d"):
        await store.create_function(function(name))
    assert [found.name for found in await store.functions(WORLD, None, 3)] == ["C", "a", "b"]
    assert [found.name for found in await store.functions(WORLD, "a", 3)] == ["b", "d"]


async def test_update_with_the_right_revision_replaces(store: FunctionStore) -> None:
    await store.create_function(function())
    changed = function(revision_id="r2", description="new")
    await store.update_function_if_revision(changed, "r1")
    assert await store.function(WORLD, "thumbs", LATEST) == changed
    assert await store.functions(WORLD, None, 10) == [changed]


async def test_update_with_an_old_revision_is_refused(store: FunctionStore) -> None:
    await store.create_function(function())
    with pytest.raises(PreconditionFailed, match="does not match the latest Revision Id"):
        await store.update_function_if_revision(function(revision_id="r3"), "r0")
    assert await store.function(WORLD, "thumbs", LATEST) == function()


async def test_update_of_a_deleted_function_is_refused(store: FunctionStore) -> None:
    with pytest.raises(
        ResourceNotFound, match=r"^Function not found: arn:aws:lambda:us-east-1:000000000000:function:thumbs$"
    ):
        await store.update_function_if_revision(function(), "r1")


async def test_of_many_updates_of_one_revision_exactly_one_succeeds(store: FunctionStore) -> None:
    await store.create_function(function())
    updates = [store.update_function_if_revision(function(revision_id=f"n{i}"), "r1") for i in range(20)]
    results = await asyncio.gather(*updates, return_exceptions=True)
    assert results.count(None) == 1
    found = await store.function(WORLD, "thumbs", LATEST)
    assert found is not None
    assert found.revision_id == f"n{results.index(None)}"


async def test_deleted_function_is_gone_and_its_name_is_free(store: FunctionStore) -> None:
    await store.create_function(function())
    assert await store.delete_function(WORLD, "thumbs")
    assert await store.function(WORLD, "thumbs", LATEST) is None
    assert not await store.delete_function(WORLD, "thumbs")
    await store.create_function(function(revision_id="again"))


async def test_versions_are_listed_by_number(store: FunctionStore) -> None:
    await store.create_function(function())
    for number in range(1, 12):
        await store.publish_version_if_next(function(version=str(number)))
    assert [each.version for each in await store.versions(WORLD, "thumbs", -1, 3)] == [LATEST, "1", "2"]
    assert [each.version for each in await store.versions(WORLD, "thumbs", 8, 9)] == ["9", "10", "11"]
    assert await store.functions(WORLD, None, 9) == [function()]
    await store.create_function(function("a"))
    everything = await store.functions_and_versions(WORLD, ("a", 0), 2)
    assert [(each.name, each.version) for each in everything] == [("thumbs", LATEST), ("thumbs", "1")]
    assert await store.functions_and_versions(ELSEWHERE, ("", 0), 2) == []


async def test_number_is_given_once_and_in_order(store: FunctionStore) -> None:
    await store.create_function(function())
    assert await store.last_version_number(WORLD, "thumbs") == 0
    for number in ("2", "0", "3"):
        with pytest.raises(ResourceConflict):
            await store.publish_version_if_next(function(version=number))
    await store.publish_version_if_next(function(version="1"))
    with pytest.raises(ResourceConflict):
        await store.publish_version_if_next(function(version="1", revision_id="r2"))
    assert await store.delete_version(WORLD, "thumbs", "1")
    with pytest.raises(ResourceConflict):
        await store.publish_version_if_next(function(version="1"))
    assert await store.last_version_number(WORLD, "thumbs") == 1
    assert await store.last_version_number(ELSEWHERE, "thumbs") == 0


async def test_number_outlives_the_function(store: FunctionStore) -> None:
    await store.create_function(function(), function(version="1"))
    gone = await store.delete_function(WORLD, "thumbs")
    assert sorted(each.version for each in gone) == [LATEST, "1"]
    with pytest.raises(ResourceNotFound):
        await store.publish_version_if_next(function(version="2"))
    assert await store.last_version_number(WORLD, "thumbs") == 1, "a refused version has no number"
    await store.create_function(function(), function(version="2"))
    assert await store.function(WORLD, "thumbs", "2") == function(version="2")


async def test_change_and_its_version_are_written_together_or_not_at_all(store: FunctionStore) -> None:
    with pytest.raises(ResourceConflict):
        await store.create_function(function(), function(version="7"))
    assert await store.function(WORLD, "thumbs", LATEST) is None
    await store.create_function(function())
    with pytest.raises(ResourceConflict):
        await store.update_function_if_revision(function(revision_id="r2"), "r1", function(version="7"))
    assert await store.function(WORLD, "thumbs", LATEST) == function()
    with pytest.raises(PreconditionFailed):
        await store.update_function_if_revision(function(revision_id="r2"), "r0", function(version="1"))
    assert await store.last_version_number(WORLD, "thumbs") == 0
    await store.update_function_if_revision(function(revision_id="r2"), "r1", function(version="1"))
    assert [each.revision_id for each in await store.versions(WORLD, "thumbs", -1, 9)] == ["r2", "r1"]


async def test_latest_is_no_version_to_delete(store: FunctionStore) -> None:
    await store.create_function(function())
    assert not await store.delete_version(WORLD, "thumbs", LATEST)
    assert not await store.delete_version(WORLD, "thumbs", "1")


async def test_code_of_a_version_is_in_use_and_counted(store: FunctionStore) -> None:
    await store.create_function(function(), function(version="1"))
    await store.update_function_if_revision(function(code=Code("bmV3", 1)), "r1")
    assert await store.code_in_use("c2hh")
    assert await store.code_usage(WORLD) == CodeUsage(101, 1)
    await store.delete_version(WORLD, "thumbs", "1")
    assert not await store.code_in_use("c2hh")


async def test_pending_are_those_that_a_start_has_to_finish(store: FunctionStore) -> None:
    await store.create_function(function("done"))
    await store.create_function(function("new", state="Pending", last_update_status=None))
    await store.create_function(function("changing", world=ELSEWHERE, last_update_status="InProgress"))
    await store.publish_version_if_next(function("done", version="1", state="Pending", last_update_status=None))
    pending = await store.pending_functions()
    assert {(each.name, each.version) for each in pending} == {("new", LATEST), ("changing", LATEST), ("done", "1")}


async def test_usage_counts_bytes_and_functions_of_one_world(store: FunctionStore) -> None:
    assert await store.code_usage(WORLD) == CodeUsage(0, 0)
    await store.create_function(function("a"))
    await store.create_function(function("b", code=Code("b3RoZXI=", 11)))
    await store.create_function(function("c", world=ELSEWHERE))
    assert await store.code_usage(WORLD) == CodeUsage(111, 2)


async def test_code_is_in_use_while_any_function_has_it(store: FunctionStore) -> None:
    await store.create_function(function("a"))
    await store.create_function(function("b", world=ELSEWHERE))
    await store.delete_function(WORLD, "a")
    assert await store.code_in_use("c2hh")
    await store.update_function_if_revision(function("b", world=ELSEWHERE, code=Code("bmV3", 1)), "r1")
    assert not await store.code_in_use("c2hh")


async def test_runtimes_in_use_are_those_of_latest_versions_each_once_changed_last_first(store: FunctionStore) -> None:
    first = function("first", memory_mb=128)
    await store.create_function(first)
    await store.create_function(function("second", ELSEWHERE, runtime="python3.12", memory_mb=512, last_modified_ms=3))
    await store.create_function(function("third", memory_mb=128, last_modified_ms=2))
    await store.publish_version_if_next(replace(first, version="1", memory_mb=1024))
    assert await store.runtimes_in_use(10) == [("python3.12", 512), ("nodejs22.x", 128)]
    assert await store.runtimes_in_use(1) == [("python3.12", 512)]
    await store.delete_function(ELSEWHERE, "second")
    assert await store.runtimes_in_use(10) == [("nodejs22.x", 128)]


async def test_reads_during_writes_never_go_back_in_time(store: FunctionStore) -> None:
    await store.create_function(function(revision_id="0"))
    ended = asyncio.Event()

    async def read() -> list[int]:
        seen: list[int] = []
        while not ended.is_set():
            found = await store.function(WORLD, "thumbs", LATEST)
            assert found is not None
            seen.append(int(found.revision_id))
            await asyncio.sleep(0)
        return seen

    readers = [asyncio.create_task(read()) for _ in range(3)]
    for number in range(1, 60):
        await store.update_function_if_revision(function(revision_id=str(number)), str(number - 1))
        found = await store.function(WORLD, "thumbs", LATEST)
        assert found is not None
        assert found.revision_id == str(number)
    ended.set()
    for seen in await asyncio.gather(*readers):
        assert len(seen) > 1
        assert seen == sorted(seen)
