"""The verbs on versions, over the real store."""

import asyncio

import pytest
from tests.control.bench import WORLD, Bench, settings, zipped

from neve.control.configuration import Given
from neve.domain.errors import (
    CallerError,
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from neve.domain.function import Function

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


async def shown(bench: Bench, qualifier: str) -> Function:
    return (await bench.functions.get(WORLD, "f", qualifier, "lambda:GetFunction")).function


async def change(bench: Bench, **given: object) -> None:
    await bench.functions.update_configuration(WORLD, "f", Given(**given), None)  # type: ignore[arg-type]
    await bench.functions.wait_idle()


async def recode(bench: Bench, text: str, publish: bool = False) -> Function:
    reply = await bench.functions.update_code(WORLD, "f", zipped(text), None, None, dry_run=False, publish=publish)
    await bench.functions.wait_idle()
    return reply


async def numbers(bench: Bench) -> list[str]:
    return [each.version for each in (await bench.functions.versions.page(WORLD, "f", -1, 50)).versions]


def stored(bench: Bench) -> int:
    return len(list((bench.directory / "code").iterdir()))


async def test_version_starts_pending_and_becomes_active(bench: Bench) -> None:
    latest = await bench.create()
    bench.ready.clear()
    version = await bench.functions.versions.publish(WORLD, "f", description="first")
    assert (version.version, version.state, version.last_update_status) == ("1", "Pending", None)
    assert await shown(bench, "1") == version
    with pytest.raises(ResourceConflict, match="currently in the following state: Pending"):
        await bench.functions.resolve(WORLD, "f", "1")
    bench.ready.set()
    await bench.functions.wait_idle()
    active = await shown(bench, "1")
    assert (active.state, active.last_update_status, active.description) == ("Active", "Successful", "first")
    assert active.revision_id != version.revision_id
    assert await shown(bench, "$LATEST") == latest, "publishing changes nothing of $LATEST"


async def test_version_stays_what_it_was(bench: Bench) -> None:
    await bench.create(text="old", timeout_s=3)
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    before = await shown(bench, "1")
    await change(bench, timeout_s=9)
    await recode(bench, "new")
    assert await shown(bench, "1") == before
    assert await bench.functions.code_archive(WORLD, "f", "1") == zipped("old")
    assert await bench.functions.code_archive(WORLD, "f", "$LATEST") == zipped("new")
    assert [each.version for each in bench.retired] == ["$LATEST", "$LATEST"]


async def test_nothing_changed_gives_the_last_version_again(bench: Bench) -> None:
    await bench.create()
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    again = await bench.functions.versions.publish(WORLD, "f", description="another")
    assert (again.version, again.state, again.description) == ("1", "Active", "")
    await change(bench, timeout_s=9)
    assert (await bench.functions.versions.publish(WORLD, "f")).version == "2"
    await bench.functions.wait_idle()
    await change(bench, timeout_s=3)
    assert (await bench.functions.versions.publish(WORLD, "f")).version == "3", "only the last one is compared"


async def test_tags_and_old_numbers_are_no_change(bench: Bench) -> None:
    await bench.create()
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.tags.add(WORLD, ARN, {"a": "1"})
    assert (await bench.functions.versions.publish(WORLD, "f")).version == "1"
    found = await bench.functions.get(WORLD, "f", "1", "lambda:GetFunction")
    assert (found.function.tags, found.tags) == ({}, {"a": "1"})


async def test_number_is_never_given_twice(bench: Bench) -> None:
    await bench.create()
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    await bench.functions.delete(WORLD, "f", "1")
    assert (await bench.functions.versions.publish(WORLD, "f")).version == "2"
    await bench.functions.wait_idle()
    await bench.functions.delete(WORLD, "f", None)
    await bench.close()
    await bench.open()
    await bench.create(text="anew")
    assert (await bench.functions.versions.publish(WORLD, "f")).version == "3"


async def test_publishing_at_once_makes_one_version(bench: Bench) -> None:
    await bench.create()
    replies = await asyncio.gather(*(bench.functions.versions.publish(WORLD, "f") for _ in range(6)))
    assert {each.version for each in replies} == {"1"}
    assert await numbers(bench) == ["$LATEST", "1"]


async def test_create_with_publish(bench: Bench) -> None:
    bench.ready.clear()
    reply = await bench.functions.create(WORLD, "f", settings(), zipped(), {"a": "1"}, publish=True)
    assert (reply.version, reply.state) == ("1", "Pending")
    bench.ready.set()
    await bench.functions.wait_idle()
    assert [(await shown(bench, each)).state for each in ("1", "$LATEST")] == ["Active", "Active"]
    assert (await bench.functions.versions.publish(WORLD, "f")).version == "1"


async def test_update_with_publish(bench: Bench) -> None:
    await bench.create(text="old")
    reply = await recode(bench, "new", publish=True)
    assert (reply.version, reply.state) == ("1", "Pending")
    assert (await shown(bench, "1")).code == (await shown(bench, "$LATEST")).code
    assert (await recode(bench, "new", publish=True)).state == "Active", "the same code: the version that there is"
    assert await numbers(bench) == ["$LATEST", "1"]


async def test_code_that_cannot_be_made_ready_fails_the_version_too(bench: Bench) -> None:
    await bench.create(text="old")
    bench.problem = OSError("disk")
    await recode(bench, "new", publish=True)
    latest, version = await shown(bench, "$LATEST"), await shown(bench, "1")
    assert (latest.last_update_status, version.state) == ("Failed", "Failed")
    with pytest.raises(ResourceConflict, match="state: Failed"):
        await bench.functions.resolve(WORLD, "f", "1")
    await bench.functions.delete(WORLD, "f", "1")
    assert stored(bench) == 1


async def test_dry_run_publishes_nothing(bench: Bench) -> None:
    await bench.create()
    await bench.functions.update_code(WORLD, "f", zipped("2"), None, None, dry_run=True, publish=True)
    assert await numbers(bench) == ["$LATEST"]


async def test_what_publish_refuses(bench: Bench) -> None:
    function = await bench.create()
    refusals: list[tuple[dict[str, str], type[CallerError]]] = [
        ({"code_sha256": "other"}, InvalidParameterValue),
        ({"revision_id": "older"}, PreconditionFailed),
    ]
    for given, kind in refusals:
        with pytest.raises(kind):
            await bench.functions.versions.publish(WORLD, "f", **given)
    with pytest.raises(ResourceNotFound) as caught:
        await bench.functions.versions.publish(WORLD, "g")
    assert caught.value.message == f"Function not found: {ARN[:-1]}g"
    seen = {"code_sha256": function.code.sha256, "revision_id": function.revision_id}
    assert (await bench.functions.versions.publish(WORLD, "f", **seen)).version == "1"


async def test_function_on_its_way_or_failed_is_not_published(bench: Bench) -> None:
    bench.ready.clear()
    await bench.functions.create(WORLD, "f", settings(), zipped(), {})
    with pytest.raises(ResourceConflict, match="following state: Pending"):
        await bench.functions.versions.publish(WORLD, "f")
    bench.problem = OSError("disk")
    bench.ready.set()
    await bench.functions.wait_idle()
    with pytest.raises(ResourceConflict, match="following state: Failed"):
        await bench.functions.versions.publish(WORLD, "f")


async def test_publish_waits_for_no_update(bench: Bench) -> None:
    await bench.create()
    bench.ready.clear()
    await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=5), None)
    with pytest.raises(ResourceConflict, match=f"An update is in progress for resource: {ARN}$"):
        await bench.functions.versions.publish(WORLD, "f")
    bench.ready.set()


async def test_pages_have_latest_first_then_numbers(bench: Bench) -> None:
    await bench.create()
    for memory in range(128, 140):
        await change(bench, memory_mb=memory)
        await bench.functions.versions.publish(WORLD, "f")
        await bench.functions.wait_idle()
    first = await bench.functions.versions.page(WORLD, "f", -1, 3)
    assert ([each.version for each in first.versions], first.after) == (["$LATEST", "1", "2"], 2)
    rest = await bench.functions.versions.page(WORLD, "f", 2, 50)
    assert ([each.version for each in rest.versions], rest.after) == ([str(number) for number in range(3, 13)], None)
    with pytest.raises(ResourceNotFound, match=r":function:g$"):
        await bench.functions.versions.page(WORLD, "g", -1, 3)


async def test_all_versions_of_all_functions(bench: Bench) -> None:
    for name in ("b", "a"):
        await bench.create(name)
        await bench.functions.versions.publish(WORLD, name)
        await bench.functions.wait_idle()
    first = await bench.functions.page(WORLD, None, 3, all_versions=True)
    assert [(each.name, each.version) for each in first.functions] == [("a", "$LATEST"), ("a", "1"), ("b", "$LATEST")]
    rest = await bench.functions.page(WORLD, first.after, 3, all_versions=True)
    assert ([(each.name, each.version) for each in rest.functions], rest.after) == ([("b", "1")], None)


# Delete


async def test_version_is_deleted_alone(bench: Bench) -> None:
    await bench.create(text="old")
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    await recode(bench, "new")
    version = await shown(bench, "1")
    assert stored(bench) == 2, "the code of a version stays"
    await bench.functions.delete(WORLD, "f:1", None)
    assert bench.retired[-1] == version
    assert (stored(bench), await numbers(bench)) == (1, ["$LATEST"])
    await bench.functions.delete(WORLD, "f", "1")  # gone already: no error
    with pytest.raises(ResourceNotFound) as caught:
        await bench.functions.resolve(WORLD, "f", "1")
    assert caught.value.message == f"Function not found: {ARN}:1"
    with pytest.raises(ResourceNotFound) as caught:
        await bench.functions.delete(WORLD, "g", "1")
    assert caught.value.message == f"Function not found: {ARN[:-1]}g:1"


async def test_function_goes_with_its_versions(bench: Bench) -> None:
    await bench.create(text="old")
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    await recode(bench, "new", publish=True)
    bench.retired.clear()
    await bench.functions.delete(WORLD, "f", None)
    assert sorted(each.version for each in bench.retired) == ["$LATEST", "1", "2"]
    assert stored(bench) == 0
    for qualifier in (None, "1", "2"):
        assert bench.functions.resolve_cached(WORLD, "f", qualifier) is None
        with pytest.raises(ResourceNotFound):
            await bench.functions.resolve(WORLD, "f", qualifier)


async def test_version_deleted_on_its_way(bench: Bench) -> None:
    await bench.create()
    bench.ready.clear()
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.delete(WORLD, "f", "1")
    bench.ready.set()
    await bench.functions.wait_idle()
    assert await numbers(bench) == ["$LATEST"]


# What an invocation means


async def test_invocation_of_a_version_during_an_update(bench: Bench) -> None:
    await bench.create(text="old")
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    version = await shown(bench, "1")
    bench.ready.clear()
    await bench.functions.update_code(WORLD, "f", zipped("new"), None, None, dry_run=False)
    for name, qualifier in (("f", "1"), ("f:1", None), (f"{ARN}:1", "1")):
        expected = (version, f"{ARN}:1")
        assert await bench.functions.resolve(WORLD, name, qualifier) == expected
        assert bench.functions.resolve_cached(WORLD, name, qualifier) == expected
    bench.ready.set()


async def test_next_start_finishes_a_version_that_was_on_its_way(bench: Bench) -> None:
    await bench.create()
    bench.ready.clear()
    await bench.functions.versions.publish(WORLD, "f")
    await bench.close()
    bench.ready.set()
    await bench.open()
    await bench.functions.finish_pending()
    assert (await shown(bench, "1")).state == "Active"
