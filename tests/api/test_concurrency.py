"""The concurrency family over the real store, called by the SDK."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.api.house import ARN, HERE, Lambda

from neve.clock import Clock
from neve.control.functions import Functions
from neve.domain.concurrency import UNLIMITED, Allocation, FunctionLimits
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.blobs import FileBlobStore
from neve.storage.sqlite.functions import SqliteFunctionStore

FUNCTION = Function(HERE, "f", "nodejs24.x", "i.h", "r", Code("s", 1), LoggingConfig("/g"), 1, "r1", state="Active")
INVALID = "InvalidParameterValueException"
QUALIFIED = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
    "Please specify either a function name or an unqualified function ARN."
)


async def reserved(aws: Lambda, name: str = "f") -> object:
    return (await aws("get_function_concurrency", FunctionName=name)).get("ReservedConcurrentExecutions")


async def unreserved(aws: Lambda) -> object:
    return (await aws("get_account_settings"))["AccountLimit"]["UnreservedConcurrentExecutions"]


async def reserve(aws: Lambda, executions: int, name: str = "f") -> object:
    reply = await aws("put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=executions)
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 200
    return reply["ReservedConcurrentExecutions"]


async def test_reserved_concurrency_is_put_read_and_taken_away(aws: Lambda) -> None:
    await aws.create()
    assert await reserved(aws) is None
    assert "Concurrency" not in await aws("get_function", FunctionName="f")
    assert await reserve(aws, 5) == 5
    assert await reserve(aws, 7, ARN) == 7
    assert await reserved(aws) == 7
    assert (await aws("get_function", FunctionName="f"))["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    assert await unreserved(aws) == 993
    gone = await aws("delete_function_concurrency", FunctionName="f")
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert await reserved(aws) is None
    assert await unreserved(aws) == 1000
    await aws("delete_function_concurrency", FunctionName="f")


async def test_zero_turns_the_function_off_and_is_shown(aws: Lambda) -> None:
    await aws.create()
    assert await reserve(aws, 0) == 0
    assert await reserved(aws) == 0
    assert (await aws("get_function", FunctionName="f"))["Concurrency"] == {"ReservedConcurrentExecutions": 0}


async def test_a_hundred_stay_unreserved(aws: Lambda) -> None:
    await aws.create()
    await aws.create(FunctionName="g")
    await reserve(aws, 600)
    refusal = await aws.refused("put_function_concurrency", FunctionName="g", ReservedConcurrentExecutions=301)
    assert refusal == (
        400,
        INVALID,
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
        "its minimum value of [100].",
    )
    await reserve(aws, 300, "g")
    assert await unreserved(aws) == 100


@pytest.mark.parametrize("operation", ["put", "get", "delete"])
async def test_only_functions_have_reserved_concurrency(aws: Lambda, operation: str) -> None:
    await aws.create()
    given = {"ReservedConcurrentExecutions": 1} if operation == "put" else {}
    for qualifier in ("$LATEST", "1", "live"):
        name = f"{ARN}:{qualifier}"
        refusal = await aws.refused(f"{operation}_function_concurrency", FunctionName=name, **given)
        assert refusal == (400, INVALID, QUALIFIED)


@pytest.mark.parametrize(("operation", "named"), [("put", f"{ARN}:$LATEST"), ("get", ARN), ("delete", ARN)])
async def test_unknown_function(aws: Lambda, operation: str, named: str) -> None:
    given = {"ReservedConcurrentExecutions": 1} if operation == "put" else {}
    refusal = await aws.refused(f"{operation}_function_concurrency", FunctionName="f", **given)
    assert refusal == (404, "ResourceNotFoundException", f"Function not found: {named}")


async def test_a_negative_number_is_refused_by_the_model(aws: Lambda) -> None:
    await aws.create()
    refusal = await aws.refused("put_function_concurrency", FunctionName="f", ReservedConcurrentExecutions=-1)
    assert refusal[:2] == (400, "ValidationException")


async def test_a_deleted_function_gives_back_what_it_had(aws: Lambda) -> None:
    await aws.create()
    await reserve(aws, 500)
    await aws("delete_function", FunctionName="f")
    assert await unreserved(aws) == 1000
    await aws.create()
    assert await reserved(aws) is None


class Told:
    """A capacity that keeps what it was told, and has what the test gives it."""

    def __init__(self) -> None:
        self.limits: list[tuple[str, FunctionLimits, list[str]]] = []
        self.there: dict[str, Allocation] = {}

    def limit(self, world: World, name: str, limits: FunctionLimits, provisioned: Sequence[Function] = ()) -> None:
        self.limits.append((name, limits, [each.version for each in provisioned]))

    def allocation(self, world: World, name: str, version: str) -> Allocation:
        return self.there.get(version, Allocation())


async def test_every_change_is_told_and_told_again_after_a_restart(tmp_path: Path) -> None:
    told = Told()
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    verbs = verbs_on(store, tmp_path, told)
    await store.create_function(FUNCTION, replace(FUNCTION, version="1"))
    await verbs.concurrency.reserve(HERE, "f", 3)
    await verbs.concurrency.unreserve(HERE, "f")
    await verbs.concurrency.provision(HERE, "f", "1", 2)
    await verbs.concurrency.reserve(HERE, "f", 4)
    assert told.limits == [
        ("f", FunctionLimits(3), []),
        ("f", UNLIMITED, []),
        ("f", FunctionLimits(None, {"1": 2}), ["1"]),
        ("f", FunctionLimits(4, {"1": 2}), ["1"]),
    ]
    await store.close()
    again, after = await SqliteFunctionStore.open(tmp_path / "neve.sqlite"), Told()
    restarted = verbs_on(again, tmp_path, after)
    await restarted.concurrency.restore()
    assert after.limits == told.limits[3:]
    await restarted.delete(HERE, "f", "1")
    await restarted.delete(HERE, "f", None)
    assert after.limits[1:] == [("f", FunctionLimits(4), []), ("f", UNLIMITED, [])]
    await again.close()


async def test_an_alias_provisions_what_it_points_to(tmp_path: Path) -> None:
    told = Told()
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    verbs = verbs_on(store, tmp_path, told)
    await store.create_function(FUNCTION, replace(FUNCTION, version="1"))
    await store.publish_version_if_next(replace(FUNCTION, version="2"))
    await verbs.aliases.create(HERE, "f", "live", "1", weights={"2": 0.25})
    await verbs.concurrency.provision(HERE, "f", "live", 4)
    told.there = {"1": Allocation(3, 3), "2": Allocation(1, 0)}
    state = await verbs.concurrency.provisioned(HERE, "f", "live")
    assert (state.allocated, state.available, state.status) == (4, 3, "IN_PROGRESS")
    told.there["2"] = Allocation(1, 1)
    assert (await verbs.concurrency.provisioned(HERE, "f", "live")).status == "READY"
    told.there["2"] = Allocation(0, 0, failed=True)
    state = await verbs.concurrency.provisioned(HERE, "f", "live")
    assert (state.status, state.reason) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    await verbs.aliases.update(HERE, "f", "live", "2", weights={})
    await verbs.aliases.delete(HERE, "f", "live")
    assert [limits.provisioned for _, limits, _ in told.limits] == [{"1": 3, "2": 1}, {"2": 4}, {}]
    await store.close()


def verbs_on(store: SqliteFunctionStore, tmp_path: Path, told: Told) -> Functions:
    async def prepare(function: Function) -> None:
        pass

    blobs = FileBlobStore.open(tmp_path / "code")
    return Functions(store, blobs, Clock(), prepare, lambda function: None, capacity=told)


# Provisioned, by the SDK

NO_RESOURCE = "The function resource provided must be an alias or a published version."
UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."


@pytest.fixture
async def published(aws: Lambda) -> Lambda:
    """The function `f` with version 1, to which `live` points."""
    await aws.create(Publish=True)
    await aws("create_alias", FunctionName="f", Name="live", FunctionVersion="1")
    return aws


def provision(qualifier: str, executions: int = 2) -> dict[str, object]:
    return {"FunctionName": "f", "Qualifier": qualifier, "ProvisionedConcurrentExecutions": executions}


async def test_provisioned_concurrency_is_put_read_listed_and_taken_away(published: Lambda) -> None:
    reply = await published("put_provisioned_concurrency_config", **provision("1"))
    assert reply.pop("ResponseMetadata")["HTTPStatusCode"] == 202
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", reply["LastModified"])
    assert reply == {
        "RequestedProvisionedConcurrentExecutions": 2,
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
        "LastModified": reply["LastModified"],
    }
    shown = await published("get_provisioned_concurrency_config", FunctionName="f", Qualifier="1")
    shown.pop("ResponseMetadata")
    assert shown == reply
    listed = await published("list_provisioned_concurrency_configs", FunctionName="f")
    assert listed["ProvisionedConcurrencyConfigs"] == [{"FunctionArn": f"{ARN}:1", **reply}]
    assert await unreserved(published) == 998
    gone = await published("delete_provisioned_concurrency_config", FunctionName="f", Qualifier="1")
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert await unreserved(published) == 1000
    refusal = await published.refused("get_provisioned_concurrency_config", FunctionName="f", Qualifier="1")
    assert refusal == (
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )


async def test_the_list_has_pages(published: Lambda) -> None:
    for name in ("a", "b", "c"):
        await published("create_alias", FunctionName="f", Name=name, FunctionVersion="1")
        await published("put_provisioned_concurrency_config", **provision(name))
    first = await published("list_provisioned_concurrency_configs", FunctionName="f", MaxItems=2)
    assert [each["FunctionArn"] for each in first["ProvisionedConcurrencyConfigs"]] == [f"{ARN}:a", f"{ARN}:b"]
    last = await published("list_provisioned_concurrency_configs", FunctionName="f", Marker=first["NextMarker"])
    assert [each["FunctionArn"] for each in last["ProvisionedConcurrencyConfigs"]] == [f"{ARN}:c"]
    assert "NextMarker" not in last


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (provision("$LATEST"), (400, INVALID, UNPUBLISHED)),
        (provision("latest"), (400, INVALID, UNPUBLISHED)),
        (provision("9"), (400, INVALID, NO_RESOURCE)),
        (provision("nobody"), (400, INVALID, NO_RESOURCE)),
        (
            provision("1") | {"FunctionName": "g"},
            (404, "ResourceNotFoundException", f"Function not found: {ARN[:-1]}g:1"),
        ),
        (
            provision("1", 1001),
            (
                400,
                INVALID,
                "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].",
            ),
        ),
        (
            provision("1", 901),
            (
                400,
                INVALID,
                "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
                "its minimum value of [100].",
            ),
        ),
    ],
)
async def test_provisioning_is_refused(
    published: Lambda, given: dict[str, object], refusal: tuple[int, str, str]
) -> None:
    await published("create_alias", FunctionName="f", Name="latest", FunctionVersion="$LATEST")
    assert await published.refused("put_provisioned_concurrency_config", **given) == refusal


async def test_none_cannot_be_provisioned(published: Lambda) -> None:
    status, code, message = await published.refused("put_provisioned_concurrency_config", **provision("1", 0))
    assert (status, code) == (400, "ValidationException")
    assert "Member must have value greater than or equal to 1" in message


async def test_provisioned_and_reserved_bound_each_other(published: Lambda) -> None:
    await reserve(published, 3)
    assert await published.refused("put_provisioned_concurrency_config", **provision("1", 4)) == (
        400,
        INVALID,
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
    )
    await published("put_provisioned_concurrency_config", **provision("1", 2))
    await published("put_provisioned_concurrency_config", **provision("1", 3))
    refusal = await published.refused("put_function_concurrency", FunctionName="f", ReservedConcurrentExecutions=1)
    assert refusal == (
        400,
        INVALID,
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [3].",
    )
    assert await unreserved(published) == 997


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            "1",
            "live",
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
        ),
        ("live", "1", "Version is pointed by a Provisioned Concurrency alias"),
    ],
)
async def test_a_version_is_provisioned_by_itself_or_by_aliases(
    published: Lambda, first: str, second: str, message: str
) -> None:
    await published("put_provisioned_concurrency_config", **provision(first))
    refusal = await published.refused("put_provisioned_concurrency_config", **provision(second))
    assert refusal == (409, "ResourceConflictException", message)
