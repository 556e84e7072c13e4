"""The verbs on aliases, over the real store."""

import asyncio

import pytest
from tests.control.bench import WORLD, Bench

from neve.control.configuration import Given
from neve.domain.errors import (
    CallerError,
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from neve.domain.world import World

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


@pytest.fixture
async def two(bench: Bench) -> Bench:
    """A function with the versions 1 and 2."""
    await bench.create()
    for timeout in (4, 5):
        await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=timeout), None)
        await bench.functions.wait_idle()
        await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    return bench


def message(caught: pytest.ExceptionInfo[CallerError]) -> str:
    return caught.value.message


async def test_alias_is_read_as_it_was_given(two: Bench) -> None:
    aliases = two.functions.aliases
    given = await aliases.create(WORLD, "f", "live", "1", "the live one", {"2": 0.25})
    assert (given.arn, given.version, given.description, given.weights) == (
        f"{ARN}:live",
        "1",
        "the live one",
        {"2": 0.25},
    )
    assert await aliases.get(WORLD, "f", "live") == given
    await two.close()
    await two.open()
    assert await two.functions.aliases.get(WORLD, ARN, "live") == given


async def test_name_is_taken_once(two: Bench) -> None:
    attempts = [two.functions.aliases.create(WORLD, "f", "live", "1") for _ in range(4)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    refused = [each for each in results if isinstance(each, ResourceConflict)]
    assert [each.message for each in refused] == [f"Alias already exists: {ARN}:live"] * 3


@pytest.mark.parametrize(
    ("function", "version", "weights", "missing"),
    [
        ("f", "10", {}, "f:10"),
        ("f", "1", {"10": 0.5}, "f:10"),
        ("g", "1", {}, "g:1"),
        ("g", "$LATEST", {}, "g:$LATEST"),
    ],
)
async def test_version_has_to_be_there(
    two: Bench, function: str, version: str, weights: dict[str, float], missing: str
) -> None:
    with pytest.raises(ResourceNotFound) as caught:
        await two.functions.aliases.create(WORLD, function, "live", version, weights=weights)
    assert message(caught) == f"Function not found: {ARN[:-1]}{missing}"


async def test_update_changes_what_was_given(two: Bench) -> None:
    aliases = two.functions.aliases
    before = await aliases.create(WORLD, "f", "live", "1", "d", {"2": 0.5})
    told = await aliases.update(WORLD, "f", "live", description="e", revision_id=before.revision_id)
    assert (told.version, told.description, told.weights) == ("1", "e", {"2": 0.5})
    assert told.revision_id != before.revision_id
    cleared = await aliases.update(WORLD, "f", "live", version="2", weights={})
    assert (cleared.version, cleared.description, cleared.weights) == ("2", "e", {})
    assert await aliases.get(WORLD, "f", "live") == cleared


async def test_what_update_refuses(two: Bench) -> None:
    aliases = two.functions.aliases
    with pytest.raises(ResourceNotFound) as missing:
        await aliases.update(WORLD, "f", "live", version="1")
    assert message(missing) == f"Alias not found: {ARN}:live"
    before = await aliases.create(WORLD, "f", "live", "1", weights={"2": 0.5})
    with pytest.raises(PreconditionFailed):
        await aliases.update(WORLD, "f", "live", version="2", revision_id="older")
    with pytest.raises(InvalidParameterValue, match="already included in routing"):
        await aliases.update(WORLD, "f", "live", version="2")
    with pytest.raises(ResourceNotFound, match=r":10$"):
        await aliases.update(WORLD, "f", "live", version="10")
    assert await aliases.get(WORLD, "f", "live") == before


async def test_delete_is_quiet_about_what_is_not_there(two: Bench) -> None:
    aliases = two.functions.aliases
    await aliases.create(WORLD, "f", "live", "1")
    for function in ("f", "f", "g"):
        await aliases.delete(WORLD, function, "live")
    with pytest.raises(ResourceNotFound) as caught:
        await aliases.get(WORLD, "f", "live")
    assert message(caught) == f"Cannot find alias arn: {ARN}:live"


async def test_pages_and_filter(two: Bench) -> None:
    aliases = two.functions.aliases
    await aliases.create(WORLD, "f", "b", "1")
    await aliases.create(WORLD, "f", "a", "2")
    await aliases.create(WORLD, "f", "c", "1", weights={"2": 0.5})
    first = await aliases.page(WORLD, "f", None, None, 2)
    assert ([each.name for each in first.aliases], first.after) == (["a", "b"], "b")
    rest = await aliases.page(WORLD, "f", None, first.after, 2)
    assert ([each.name for each in rest.aliases], rest.after) == (["c"], None)
    assert [each.name for each in (await aliases.page(WORLD, "f", "2", None, 9)).aliases] == ["a", "c"]
    with pytest.raises(ResourceNotFound) as caught:
        await aliases.page(WORLD, "g", None, None, 2)
    assert message(caught) == f"Function not found: {ARN[:-1]}g"


async def test_version_that_an_alias_reaches_stays(two: Bench) -> None:
    await two.functions.aliases.create(WORLD, "f", "live", "1")
    await two.functions.aliases.create(WORLD, "f", "canary", "1", weights={"2": 0.1})
    for version, names in (("1", "canary, live"), ("2", "canary")):
        with pytest.raises(ResourceConflict) as caught:
            await two.functions.delete(WORLD, "f", version)
        assert message(caught) == f"Unable to delete version because the following aliases reference it: [{names}]"
    await two.functions.aliases.delete(WORLD, "f", "canary")
    await two.functions.delete(WORLD, "f", "2")


async def test_alias_is_not_deleted_as_a_function(two: Bench) -> None:
    await two.functions.aliases.create(WORLD, "f", "live", "1")
    with pytest.raises(InvalidParameterValue) as caught:
        await two.functions.delete(WORLD, "f", "live")
    assert message(caught) == "Deletion of aliases is not currently supported."


async def test_function_goes_with_its_aliases(two: Bench) -> None:
    await two.functions.aliases.create(WORLD, "f", "live", "1")
    await two.functions.resolve(WORLD, "f", "live")
    assert two.functions.resolve_cached(WORLD, "f", "live") is not None
    await two.functions.delete(WORLD, "f", None)
    await two.create()
    assert two.functions.resolve_cached(WORLD, "f", "live") is None
    with pytest.raises(ResourceNotFound):
        await two.functions.aliases.get(WORLD, "f", "live")


# What an invocation means


async def test_invocation_by_alias_keeps_the_alias_in_its_arn(two: Bench) -> None:
    await two.functions.aliases.create(WORLD, "f", "live", "1")
    found = await two.functions.get(WORLD, "f", "live", "lambda:GetFunction")
    assert (found.function.version, found.qualifier) == ("1", "live")
    for name, qualifier in (("f", "live"), ("f:live", None)):
        expected = (found.function, f"{ARN}:live")
        assert await two.functions.resolve(WORLD, name, qualifier) == expected
        assert two.functions.resolve_cached(WORLD, name, qualifier) == expected


async def test_alias_may_mean_latest(two: Bench) -> None:
    await two.functions.aliases.create(WORLD, "f", "dev", "$LATEST")
    two.ready.clear()
    before = await two.shown()
    await two.functions.update_configuration(WORLD, "f", Given(timeout_s=9), None)
    assert (await two.functions.resolve(WORLD, "f", "dev")).function == before, "an update is in progress"
    cached = two.functions.resolve_cached(WORLD, "f", "dev")
    assert cached is not None
    assert cached.function == before
    two.ready.set()


async def test_weights_are_rolled_for_each_invocation(two: Bench) -> None:
    await two.functions.aliases.create(WORLD, "f", "live", "1", weights={"2": 0.25})
    reached = []
    for roll in (0.0, 0.24, 0.25, 0.9):
        two.next_roll = roll
        awaited = await two.functions.resolve(WORLD, "f", "live")
        cached = two.functions.resolve_cached(WORLD, "f", "live")
        assert cached == awaited
        reached.append(awaited.function.version)
    assert reached == ["2", "2", "1", "1"]


async def test_update_is_seen_by_the_next_invocation(two: Bench) -> None:
    await two.functions.aliases.create(WORLD, "f", "live", "1")
    for version in ("2", "1", "2"):
        await two.functions.aliases.update(WORLD, "f", "live", version=version)
        await two.functions.resolve(WORLD, "f", version)
        target = two.functions.resolve_cached(WORLD, "f", "live")
        assert target is not None
        assert target.function.version == version


async def test_alias_that_is_not_there(two: Bench) -> None:
    for world, name in ((WORLD, "f"), (World("1" * 12), "f")):
        assert two.functions.resolve_cached(world, name, "live") is None
        with pytest.raises(ResourceNotFound, match=r"^Function not found: arn:aws:lambda:.*:function:f:live$"):
            await two.functions.resolve(world, name, "live")
        with pytest.raises(ResourceNotFound, match=r"^Function not found: arn:aws:lambda:.*:function:f:live$"):
            await two.functions.get(world, name, "live", "lambda:GetFunction")
