"""Runtime management configs through the real door."""

import json

import pytest
from tests.api.house import ARN, Lambda

INVALID = "InvalidParameterValueException"
PATH = "/2021-07-20/functions/f/runtime-management-config"
BUILD = f"arn:aws:lambda:eu-west-1::runtime:{'0' * 64}"


async def test_each_version_has_its_own_and_it_is_auto_at_first(aws: Lambda) -> None:
    await aws.create(Publish=True)
    shown = await aws.wire("GET", PATH)
    assert json.loads(shown.body) == {"UpdateRuntimeOn": "Auto", "FunctionArn": f"{ARN}:$LATEST"}
    put = await aws(
        "put_runtime_management_config", FunctionName="f", UpdateRuntimeOn="Manual", RuntimeVersionArn=BUILD
    )
    expected = {"UpdateRuntimeOn": "Manual", "FunctionArn": f"{ARN}:$LATEST", "RuntimeVersionArn": BUILD}
    assert {name: put[name] for name in expected} == expected
    await aws("put_runtime_management_config", FunctionName="f", Qualifier="1", UpdateRuntimeOn="FunctionUpdate")
    first = await aws("get_runtime_management_config", FunctionName="f:1")
    assert (first["UpdateRuntimeOn"], first["FunctionArn"]) == ("FunctionUpdate", f"{ARN}:1")
    assert (await aws("get_runtime_management_config", FunctionName="f"))["RuntimeVersionArn"] == BUILD
    await aws("put_runtime_management_config", FunctionName=ARN, UpdateRuntimeOn="Auto")
    assert json.loads((await aws.wire("GET", PATH)).body) == json.loads(shown.body)


async def test_it_is_no_change_of_the_function(aws: Lambda) -> None:
    await aws.create(Publish=True)
    before = await aws("get_function_configuration", FunctionName="f")
    await aws("put_runtime_management_config", FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    after = await aws("get_function_configuration", FunctionName="f")
    assert before["RevisionId"] == after["RevisionId"]
    assert (await aws("publish_version", FunctionName="f"))["Version"] == "1"
    await aws("update_function_configuration", FunctionName="f", Timeout=9)
    await aws.functions.wait_idle()
    kept = await aws("get_runtime_management_config", FunctionName="f")
    assert kept["UpdateRuntimeOn"] == "FunctionUpdate"


@pytest.mark.parametrize(
    "given", [{"UpdateRuntimeOn": "Manual"}, {"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": BUILD}]
)
async def test_runtime_version_goes_with_manual(aws: Lambda, given: dict[str, str]) -> None:
    await aws.create()
    assert await aws.refused("put_runtime_management_config", FunctionName="f", **given) == (
        400,
        INVALID,
        "RuntimeVersionArn is given with UpdateRuntimeOn Manual, and only with it.",
    )


async def test_what_is_refused(aws: Lambda) -> None:
    auto = {"UpdateRuntimeOn": "Auto"}
    for operation, given in (("get", {}), ("put", auto)):
        verb = f"{operation}_runtime_management_config"
        assert (await aws.refused(verb, FunctionName="g", **given))[:2] == (404, "ResourceNotFoundException")
    await aws.create()
    for operation, given in (("get", {}), ("put", auto)):
        verb = f"{operation}_runtime_management_config"
        assert await aws.refused(verb, FunctionName="f", Qualifier="9", **given) == (
            404,
            "ResourceNotFoundException",
            f"Function not found: {ARN}:9",
        )
        assert await aws.refused(verb, FunctionName="f:live", **given) == (
            400,
            INVALID,
            "Runtime management is configured for $LATEST and for published versions, not for live.",
        )
    refusal = await aws.refused("put_runtime_management_config", FunctionName="f", UpdateRuntimeOn="Never")
    assert refusal == (
        400,
        "ValidationException",
        "1 validation error detected: Value 'Never' at 'updateRuntimeOn' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Auto, Manual, FunctionUpdate]",
    )
