"""The concurrency family over the real store, called by the SDK."""

from pathlib import Path

import pytest
from tests.api.house import ARN, HERE, Lambda

from neve.clock import Clock
from neve.control.functions import Functions
from neve.domain.concurrency import UNLIMITED, FunctionLimits
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


async def test_every_change_is_told_and_told_again_after_a_restart(tmp_path: Path) -> None:
    told: list[tuple[World, str, FunctionLimits]] = []
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    verbs = verbs_on(store, tmp_path, told)
    await store.create_function(FUNCTION)
    await verbs.concurrency.reserve(HERE, "f", 3)
    assert told.pop() == (HERE, "f", FunctionLimits(3))
    await verbs.concurrency.unreserve(HERE, "f")
    assert told.pop() == (HERE, "f", UNLIMITED)
    await verbs.concurrency.reserve(HERE, "f", 4)
    await store.close()
    again = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    told.clear()
    restarted = verbs_on(again, tmp_path, told)
    await restarted.concurrency.restore()
    assert told == [(HERE, "f", FunctionLimits(4))]
    await restarted.delete(HERE, "f", None)
    assert told[1:] == [(HERE, "f", UNLIMITED)]
    await again.close()


def verbs_on(store: SqliteFunctionStore, tmp_path: Path, told: list[tuple[World, str, FunctionLimits]]) -> Functions:
    async def prepare(function: Function) -> None:
        pass

    blobs = FileBlobStore.open(tmp_path / "code")
    return Functions(store, blobs, Clock(), prepare, lambda function: None, limit=lambda *limits: told.append(limits))
