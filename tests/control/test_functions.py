"""The verbs on functions, over the real store."""

import asyncio
import base64
import hashlib

import pytest
from tests.control.bench import WORLD, Bench, settings, zipped

from neve.control.configuration import Given, GivenLogging
from neve.domain.errors import (
    AccessDenied,
    CallerError,
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
    ServiceSpecific,
    StorageUnavailable,
)
from neve.domain.function import Function, LoggingConfig
from neve.domain.limits import Quotas
from neve.domain.world import World

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
BUSY = f"The operation cannot be performed at this time. An update is in progress for resource: {ARN}"
REVISION = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
)


def text(caught: pytest.ExceptionInfo[CallerError]) -> str:
    return caught.value.message


async def test_create_answers_pending_and_becomes_active(bench: Bench) -> None:
    bench.ready.clear()
    created = await bench.functions.create(WORLD, "f", settings(), zipped(), {"team": "ice"})
    assert (created.state, created.state_reason, created.state_reason_code) == (
        "Pending",
        "The function is being created.",
        "Creating",
    )
    assert created.last_update_status is None
    assert await bench.shown() == created
    bench.ready.set()
    await bench.functions.wait_idle()
    shown = await bench.shown()
    assert (shown.state, shown.state_reason, shown.last_update_status) == ("Active", None, "Successful")
    assert shown.revision_id != created.revision_id
    assert shown.tags == {"team": "ice"}
    assert bench.prepared == [created]


async def test_code_is_kept_by_its_content(bench: Bench) -> None:
    function = await bench.create(text="kept")
    assert function.code.sha256 == base64.b64encode(hashlib.sha256(zipped("kept")).digest()).decode()
    assert function.code.size == len(zipped("kept"))
    assert await bench.functions.code_archive(WORLD, "f", "$LATEST") == zipped("kept")


async def test_name_is_taken_once(bench: Bench) -> None:
    await bench.create()
    with pytest.raises(ResourceConflict) as caught:
        await bench.functions.create(WORLD, "f", settings(), zipped(), {})
    assert text(caught) == "Function already exist: f"


async def test_creating_one_name_at_once_succeeds_once(bench: Bench) -> None:
    creations = [bench.functions.create(WORLD, "f", settings(), zipped(str(n)), {}) for n in range(5)]
    results = await asyncio.gather(*creations, return_exceptions=True)
    assert sum(isinstance(result, ResourceConflict) for result in results) == 4


async def test_worlds_do_not_see_each_other(bench: Bench) -> None:
    await bench.create()
    elsewhere = World("123456789012", "eu-west-1")
    with pytest.raises(ResourceNotFound):
        await bench.functions.get(elsewhere, "f", None, "lambda:GetFunction")
    await bench.functions.create(elsewhere, "f", settings(), zipped(), {})
    await bench.functions.wait_idle()
    assert (await bench.functions.resolve(elsewhere, "f", None)).invoked_arn == (
        "arn:aws:lambda:eu-west-1:123456789012:function:f"
    )


async def test_code_that_cannot_be_made_ready_fails_the_function(bench: Bench) -> None:
    bench.problem = InvalidParameterValue("It is not a zip.")
    function = await bench.create()
    assert (function.state, function.state_reason, function.state_reason_code) == (
        "Failed",
        "It is not a zip.",
        "InvalidZipFileException",
    )
    with pytest.raises(ResourceConflict, match="currently in the following state: Failed"):
        await bench.functions.resolve(WORLD, "f", None)


async def test_failed_function_is_mended_by_an_update(bench: Bench) -> None:
    bench.problem = OSError("disk")
    assert (await bench.create()).state_reason_code == "InternalError"
    bench.problem = None
    await bench.functions.update_code(WORLD, "f", zipped("2"), None, None, dry_run=False)
    await bench.functions.wait_idle()
    assert (await bench.functions.resolve(WORLD, "f", None)).function.state == "Active"


@pytest.mark.parametrize("missing", [{"runtime": None}, {"handler": None}])
async def test_runtime_and_handler_are_mandatory(bench: Bench, missing: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterValue, match=r"^Runtime and Handler are mandatory parameters"):
        await bench.functions.create(WORLD, "f", settings(**missing), zipped(), {})


async def test_refused_settings_leave_nothing_behind(bench: Bench) -> None:
    for given in ({"environment": {"AWS_REGION": "x"}}, {"memory_mb": 20_000}, {"runtime": "cobol"}):
        with pytest.raises(CallerError):
            await bench.create(**given)
    with pytest.raises(InvalidParameterValue):
        await bench.functions.create(WORLD, "f", settings(), b"no zip", {})
    with pytest.raises(InvalidParameterValue):
        await bench.functions.create(WORLD, "f" * 65, settings(), zipped(), {})
    assert (await bench.functions.page(WORLD, None, 50)).functions == []
    assert list((bench.directory / "code").iterdir()) == []


async def test_deprecated_runtime_is_a_matter_of_choice(bench: Bench) -> None:
    assert (await bench.create(runtime="nodejs14.x")).runtime == "nodejs14.x"
    await bench.close()
    await bench.open(refuse_deprecated=True)
    with pytest.raises(InvalidParameterValue, match=r"^The runtime parameter of nodejs14\.x is no longer supported"):
        await bench.create("g", runtime="nodejs14.x")


async def test_full_code_storage(bench: Bench) -> None:
    await bench.create()
    await bench.close()
    await bench.open(quotas=Quotas(code_storage=len(zipped("1")) + 1))
    with pytest.raises(ServiceSpecific) as caught:
        await bench.create("g")
    assert caught.value.code == "CodeStorageExceededException"


async def test_pages_follow_names(bench: Bench) -> None:
    for name in ("c", "a", "b"):
        await bench.create(name)
    first = await bench.functions.page(WORLD, None, 2)
    assert ([each.name for each in first.functions], first.after) == (["a", "b"], ("b", 0))
    last = await bench.functions.page(WORLD, first.after, 2)
    assert ([each.name for each in last.functions], last.after) == (["c"], None)


# Updates


async def test_previous_code_serves_while_the_update_is_in_progress(bench: Bench) -> None:
    before = await bench.create(text="old")
    bench.ready.clear()
    updated = await bench.functions.update_code(WORLD, "f", zipped("new"), ("arm64",), None, dry_run=False)
    assert (updated.state, updated.last_update_status, updated.last_update_reason, updated.last_update_reason_code) == (
        "Active",
        "InProgress",
        "The function is being created.",
        "Creating",
    )
    assert updated.architectures == ("arm64",)
    assert await bench.shown() == updated
    assert (await bench.functions.resolve(WORLD, "f", None)).function == before
    target = bench.functions.resolve_cached(WORLD, "f", None)
    assert target is not None
    assert target.function == before
    bench.ready.set()
    await bench.functions.wait_idle()
    after = await bench.shown()
    assert (after.last_update_status, after.last_update_reason, after.code) == ("Successful", None, updated.code)
    assert len({before.revision_id, updated.revision_id, after.revision_id}) == 3
    assert (await bench.functions.resolve(WORLD, "f", None)).function == after
    assert bench.retired == [before]


async def test_second_update_meanwhile_is_refused(bench: Bench) -> None:
    await bench.create()
    bench.ready.clear()
    await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=5), None)
    with pytest.raises(ResourceConflict) as caught:
        await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=6), None)
    assert text(caught) == BUSY
    with pytest.raises(ResourceConflict) as caught:
        await bench.functions.update_code(WORLD, "f", zipped("2"), None, None, dry_run=False)
    assert text(caught) == BUSY
    bench.ready.set()


async def test_updates_at_once_succeed_once(bench: Bench) -> None:
    await bench.create()
    bench.ready.clear()
    updates = [bench.functions.update_configuration(WORLD, "f", Given(timeout_s=n), None) for n in range(1, 6)]
    results = await asyncio.gather(*updates, return_exceptions=True)
    assert [text_of(result) for result in results].count(BUSY) == 4
    bench.ready.set()


def text_of(result: object) -> str:
    return result.message if isinstance(result, CallerError) else "done"


async def test_pending_function_cannot_be_changed_or_invoked(bench: Bench) -> None:
    bench.ready.clear()
    await bench.functions.create(WORLD, "f", settings(), zipped(), {})
    expected = (
        "The operation cannot be performed at this time. The function is currently in the following state: Pending"
    )
    with pytest.raises(ResourceConflict) as caught:
        await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=5), None)
    assert text(caught) == expected
    with pytest.raises(ResourceConflict) as caught:
        await bench.functions.resolve(WORLD, "f", None)
    assert text(caught) == expected
    bench.ready.set()


async def test_update_that_cannot_be_made_ready_gives_the_previous_back(bench: Bench) -> None:
    before = await bench.create(text="old")
    bench.problem = OSError("disk full")
    await bench.functions.update_code(WORLD, "f", zipped("new"), None, None, dry_run=False)
    await bench.functions.wait_idle()
    after = await bench.shown()
    assert (after.state, after.last_update_status, after.last_update_reason_code) == (
        "Active",
        "Failed",
        "InternalError",
    )
    assert after.code == before.code
    assert (await bench.functions.resolve(WORLD, "f", None)).function.code == before.code
    assert await bench.functions.code_archive(WORLD, "f", "$LATEST") == zipped("old")
    assert bench.retired == []
    assert len(list((bench.directory / "code").iterdir())) == 1


async def test_replaced_code_is_forgotten_unless_another_function_has_it(bench: Bench) -> None:
    await bench.create("f", "shared")
    await bench.create("g", "shared")
    for name, kept in (("f", 2), ("g", 1)):
        await bench.functions.update_code(WORLD, name, zipped("new"), None, None, dry_run=False)
        await bench.functions.wait_idle()
        assert len(list((bench.directory / "code").iterdir())) == kept


async def test_dry_run_changes_nothing(bench: Bench) -> None:
    before = await bench.create(text="old")
    told = await bench.functions.update_code(WORLD, "f", zipped("new"), None, None, dry_run=True)
    assert told.code.size == len(zipped("new"))
    assert told.code != before.code
    assert await bench.shown() == before
    assert len(list((bench.directory / "code").iterdir())) == 1


async def test_revision_guards_changes(bench: Bench) -> None:
    function = await bench.create()
    with pytest.raises(PreconditionFailed) as caught:
        await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=5), "older")
    assert text(caught) == REVISION
    with pytest.raises(PreconditionFailed) as caught:
        await bench.functions.update_code(WORLD, "f", zipped("2"), None, "older", dry_run=True)
    assert text(caught) == REVISION
    await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=5), function.revision_id)


async def test_configuration_is_merged(bench: Bench) -> None:
    before = await bench.create(environment={"A": "1"}, description="d", extra={"KMSKeyArn": "k"})
    given = Given(memory_mb=512, logging=GivenLogging(log_format="JSON"), extra={"Layers": ["l"]})
    await bench.functions.update_configuration(WORLD, "f", given, None)
    await bench.functions.wait_idle()
    after = await bench.shown()
    assert (after.memory_mb, after.description, after.environment) == (512, "d", {"A": "1"})
    assert after.logging == LoggingConfig("/aws/lambda/f", "JSON", "INFO", "INFO")
    assert after.extra == {"KMSKeyArn": "k", "Layers": ["l"]}
    assert after.code == before.code


async def test_environment_is_replaced_and_cleared(bench: Bench) -> None:
    await bench.create(environment={"A": "1", "B": "2"})
    for given, expected in ((Given(environment={"C": "3"}), {"C": "3"}), (Given(clear_environment=True), None)):
        await bench.functions.update_configuration(WORLD, "f", given, None)
        await bench.functions.wait_idle()
        assert (await bench.shown()).environment == expected


async def test_levels_go_with_the_json_format(bench: Bench) -> None:
    with pytest.raises(InvalidParameterValue, match="can be set only with the LogFormat JSON"):
        await bench.create(logging=GivenLogging(system_log_level="WARN"))
    logging = GivenLogging(log_format="JSON", system_log_level="WARN", log_group="mine")
    assert (await bench.create(logging=logging)).logging == LoggingConfig("mine", "JSON", "INFO", "WARN")
    await bench.functions.update_configuration(WORLD, "f", Given(logging=GivenLogging(log_format="Text")), None)
    assert (await bench.shown()).logging == LoggingConfig("mine")


# A Neve that was killed, a caller that went away, a storage that refuses


async def test_next_start_finishes_what_was_on_its_way(bench: Bench) -> None:
    await bench.create("updated")
    bench.ready.clear()
    await bench.functions.update_code(WORLD, "updated", zipped("new"), None, None, dry_run=False)
    await bench.functions.create(WORLD, "created", settings(), zipped(), {})
    await bench.close()  # stops both on their way
    bench.ready.set()
    await bench.open()
    assert [(await bench.shown(name)).state for name in ("created", "updated")] == ["Pending", "Active"]
    await bench.functions.finish_pending()
    for name in ("created", "updated"):
        shown = await bench.shown(name)
        assert (shown.state, shown.last_update_status) == ("Active", "Successful")
    assert await bench.store.pending_functions() == []


async def test_change_is_whole_when_its_caller_goes_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.create()
    writing, go_on = asyncio.Event(), asyncio.Event()
    real = bench.store.update_function_if_revision

    async def slow(function: Function, revision_id: str, version: Function | None = None) -> None:
        writing.set()
        await go_on.wait()
        await real(function, revision_id, version)

    monkeypatch.setattr(bench.store, "update_function_if_revision", slow)
    caller = asyncio.create_task(bench.functions.update_configuration(WORLD, "f", Given(timeout_s=9), None))
    await writing.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    go_on.set()
    await bench.functions.wait_idle()
    shown = await bench.shown()
    assert (shown.timeout_s, shown.last_update_status) == (9, "Successful")


async def test_outcome_is_written_when_the_storage_is_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = asyncio.Event()
    real = bench.store.update_function_if_revision

    async def broken(function: Function, revision_id: str, version: Function | None = None) -> None:
        refused.set()
        raise StorageUnavailable("the disk is full")

    bench.ready.clear()
    await bench.functions.create(WORLD, "f", settings(), zipped(), {})
    monkeypatch.setattr(bench.store, "update_function_if_revision", broken)
    bench.ready.set()
    await refused.wait()
    monkeypatch.setattr(bench.store, "update_function_if_revision", real)
    async with asyncio.timeout(10):
        while (await bench.shown()).state == "Pending":
            bench.clock.advance(1)
            await asyncio.sleep(0)
    assert (await bench.shown()).state == "Active"


async def test_what_a_reader_saw_is_what_runs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk may show an outcome to a reader before the one who wrote it hears that it is there."""
    await bench.create(text="old")
    bench.ready.clear()
    await bench.functions.update_code(WORLD, "f", zipped("new"), None, None, dry_run=False)
    written, heard = asyncio.Event(), asyncio.Event()
    real = bench.store.update_function_if_revision

    async def late(function: Function, revision_id: str, version: Function | None = None) -> None:
        await real(function, revision_id, version)
        written.set()
        await heard.wait()

    monkeypatch.setattr(bench.store, "update_function_if_revision", late)
    bench.ready.set()
    await written.wait()
    shown = await bench.shown()
    assert shown.last_update_status == "Successful"
    assert (await bench.functions.resolve(WORLD, "f", None)).function == shown
    cached = bench.functions.resolve_cached(WORLD, "f", None)
    assert cached is not None
    assert cached.function == shown
    heard.set()
    await bench.functions.wait_idle()
    assert (await bench.functions.resolve(WORLD, "f", None)).function == shown


# Delete


async def test_delete_forgets_function_and_code(bench: Bench) -> None:
    function = await bench.create()
    await bench.functions.delete(WORLD, "f", None)
    assert bench.retired == [function]
    assert list((bench.directory / "code").iterdir()) == []
    assert bench.functions.resolve_cached(WORLD, "f", None) is None
    with pytest.raises(ResourceNotFound) as caught:
        await bench.functions.delete(WORLD, "f", None)
    assert text(caught) == f"Function not found: {ARN}"


async def test_latest_cannot_be_deleted_alone(bench: Bench) -> None:
    await bench.create()
    for name, qualifier in (("f", "$LATEST"), ("f:$LATEST", None)):
        with pytest.raises(InvalidParameterValue) as caught:
            await bench.functions.delete(WORLD, name, qualifier)
        assert text(caught) == "$LATEST version cannot be deleted without deleting the function."


async def test_delete_and_create_anew_during_an_update(bench: Bench) -> None:
    served = await bench.create(text="old")
    bench.ready.clear()
    await bench.functions.update_code(WORLD, "f", zipped("new"), None, None, dry_run=False)
    await bench.functions.delete(WORLD, "f", None)
    assert bench.retired == [served]
    anew = await bench.functions.create(WORLD, "f", settings(), zipped("anew"), {})
    bench.ready.set()
    await bench.functions.wait_idle()
    shown = await bench.shown()
    assert (shown.code, shown.state) == (anew.code, "Active")
    assert bench.retired == [served]
    assert len(list((bench.directory / "code").iterdir())) == 1


# What an invocation means


@pytest.mark.parametrize(
    ("name", "qualifier", "invoked"),
    [
        ("f", None, ARN),
        ("f", "$LATEST", f"{ARN}:$LATEST"),
        ("f:$LATEST", None, f"{ARN}:$LATEST"),
        ("000000000000:function:f", None, ARN),
        (ARN, "$LATEST", f"{ARN}:$LATEST"),
        (f"{ARN}:$LATEST", "$LATEST", f"{ARN}:$LATEST"),
    ],
)
async def test_invocation_finds_its_function(bench: Bench, name: str, qualifier: str | None, invoked: str) -> None:
    function = await bench.create()
    expected = (function, invoked)
    assert await bench.functions.resolve(WORLD, name, qualifier) == expected
    assert bench.functions.resolve_cached(WORLD, name, qualifier) == expected


@pytest.mark.parametrize(
    ("name", "qualifier", "kind", "message"),
    [
        ("g", None, ResourceNotFound, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g:$LATEST"),
        ("f", "7", ResourceNotFound, f"Function not found: {ARN}:7"),
        ("f:live", None, ResourceNotFound, f"Function not found: {ARN}:live"),
        (
            "f:1",
            "2",
            InvalidParameterValue,
            "The derived qualifier from the function name does not match the specified qualifier.",
        ),
        (
            "eu-west-1:000000000000:function:f",
            None,
            ResourceNotFound,
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
        (
            "123456789012:function:f",
            None,
            AccessDenied,
            "User: arn:aws:iam::000000000000:root is not authorized to perform: lambda:InvokeFunction on resource: "
            "arn:aws:lambda:us-east-1:123456789012:function:f because no resource-based policy allows the "
            "lambda:InvokeFunction action",
        ),
    ],
)
async def test_invocation_of_nothing_is_told_why(
    bench: Bench, name: str, qualifier: str | None, kind: type[CallerError], message: str
) -> None:
    await bench.create()
    with pytest.raises(kind) as caught:
        await bench.functions.resolve(WORLD, name, qualifier)
    assert text(caught) == message


# Tags


async def test_tags_are_merged_and_taken_off(bench: Bench) -> None:
    function = await bench.create()
    await bench.functions.tags.add(WORLD, ARN, {"a": "1", "b": "2"})
    await bench.functions.tags.add(WORLD, ARN, {"b": "3"})
    await bench.functions.tags.remove(WORLD, ARN, ["a", "never"])
    assert await bench.functions.tags.of(WORLD, ARN) == {"b": "3"}
    assert (await bench.shown()).revision_id == function.revision_id


async def test_tags_given_during_an_update_stay(bench: Bench) -> None:
    await bench.create()
    bench.ready.clear()
    await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=5), None)
    await bench.functions.tags.add(WORLD, ARN, {"a": "1"})
    bench.ready.set()
    await bench.functions.wait_idle()
    shown = await bench.shown()
    assert (shown.tags, shown.timeout_s, shown.last_update_status) == ({"a": "1"}, 5, "Successful")


async def test_tags_given_during_an_update_that_fails_stay(bench: Bench) -> None:
    await bench.create()
    bench.ready.clear()
    bench.problem = OSError("disk full")
    await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=5), None)
    await bench.functions.tags.add(WORLD, ARN, {"a": "1"})
    bench.ready.set()
    await bench.functions.wait_idle()
    shown = await bench.shown()
    assert (shown.tags, shown.timeout_s, shown.last_update_status) == ({"a": "1"}, 3, "Failed")


async def test_tags_that_are_refused(bench: Bench) -> None:
    await bench.create()
    with pytest.raises(InvalidParameterValue, match=r"^Tags on function aliases and versions are not supported\. "):
        await bench.functions.tags.add(WORLD, f"{ARN}:1", {"a": "1"})
    with pytest.raises(InvalidParameterValue, match=r"^An error occurred and the request cannot be processed.$"):
        await bench.functions.tags.add(WORLD, ARN, {})
    with pytest.raises(InvalidParameterValue, match=r"^Number of tags exceeds resource tag limit.$"):
        await bench.functions.tags.add(WORLD, ARN, {str(number): "" for number in range(51)})
    with pytest.raises(ResourceNotFound, match=r"^Event source mapping not found: arn"):
        await bench.functions.tags.of(WORLD, "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:x")
