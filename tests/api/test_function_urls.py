"""The configuration of function URLs through the real door."""

import asyncio
import json
import re
from typing import Any

import pytest
from tests.api.house import ARN, HERE, Lambda

MISSING = "ResourceNotFoundException"
NONE = (404, MISSING, "The resource you requested does not exist.")
NO_FUNCTION = (404, MISSING, "Function does not exist")
PATH = "/2021-10-31/functions/f/url"
URL = re.compile(r"http://([a-z0-9]{32})\.lambda-url\.eu-west-1\.localhost:4566/")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CORS = {
    "AllowCredentials": True,
    "AllowHeaders": ["x-a", "x-b"],
    "AllowMethods": ["GET", "POST"],
    "AllowOrigins": ["https://a.example"],
    "ExposeHeaders": ["x-c"],
    "MaxAge": 60,
}


def plain(reply: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name != "ResponseMetadata"}


@pytest.fixture
async def live(aws: Lambda) -> Lambda:
    """A function with the version 1 and the alias `live`."""
    await aws.create(Publish=True)
    await aws("create_alias", FunctionName="f", Name="live", FunctionVersion="1")
    return aws


async def test_url_is_created_read_changed_and_deleted(aws: Lambda) -> None:
    await aws.create()
    created = await aws("create_function_url_config", FunctionName="f", AuthType="NONE")
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert set(plain(created)) == {"FunctionUrl", "FunctionArn", "AuthType", "CreationTime"}
    assert URL.fullmatch(created["FunctionUrl"])
    assert TIME.fullmatch(created["CreationTime"])
    assert (created["FunctionArn"], created["AuthType"]) == (ARN, "NONE")
    shown = plain(await aws("get_function_url_config", FunctionName=ARN))
    assert shown == plain(created) | {"LastModifiedTime": created["CreationTime"], "InvokeMode": "BUFFERED"}
    changed = await aws(
        "update_function_url_config", FunctionName="f", AuthType="AWS_IAM", Cors=CORS, InvokeMode="RESPONSE_STREAM"
    )
    assert plain(changed) == shown | {
        "AuthType": "AWS_IAM",
        "Cors": CORS,
        "InvokeMode": "RESPONSE_STREAM",
        "LastModifiedTime": changed["LastModifiedTime"],
    }
    kept = await aws("update_function_url_config", FunctionName="f", AuthType="NONE")
    assert (kept["Cors"], kept["InvokeMode"]) == (CORS, "RESPONSE_STREAM")
    assert "Cors" not in await aws("update_function_url_config", FunctionName="f", Cors={})
    deleted = await aws("delete_function_url_config", FunctionName="f")
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert await aws.refused("get_function_url_config", FunctionName="f") == NONE
    again = await aws("create_function_url_config", FunctionName="f", AuthType="NONE", InvokeMode="BUFFERED")
    assert again["FunctionUrl"] != created["FunctionUrl"]
    assert again["InvokeMode"] == "BUFFERED"


async def test_answer_on_the_wire(aws: Lambda) -> None:
    await aws.create()
    created = await aws.wire("POST", PATH, {"AuthType": "NONE", "Cors": {"MaxAge": 0, "AllowOrigins": ["*"]}})
    assert created.status == 201
    assert list(json.loads(created.body)) == ["FunctionUrl", "FunctionArn", "AuthType", "Cors", "CreationTime"]
    assert json.loads(created.body)["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 0}
    shown = json.loads((await aws.wire("GET", PATH)).body)
    assert list(shown)[-2:] == ["LastModifiedTime", "InvokeMode"]
    assert json.loads((await aws.wire("GET", f"{PATH}s")).body) == {"FunctionUrlConfigs": [shown]}
    assert (await aws.wire("DELETE", PATH))[::2] == (204, b"")
    missing = await aws.wire("DELETE", PATH)
    assert (missing.status, missing.headers["x-amzn-errortype"]) == (404, MISSING)
    assert json.loads(missing.body) == {"Type": "User", "Message": NONE[2]}


async def test_function_and_alias_have_one_each(live: Lambda) -> None:
    for members, arn in (({}, ARN), ({"Qualifier": "live"}, f"{ARN}:live")):
        created = await live("create_function_url_config", FunctionName="f", AuthType="NONE", **members)
        assert created["FunctionArn"] == arn
        refusal = await live.refused("create_function_url_config", FunctionName="f", AuthType="AWS_IAM", **members)
        assert refusal == (
            409,
            "ResourceConflictException",
            f"Failed to create function url config for [functionArn = {arn}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function",
        )
    by_name = await live("get_function_url_config", FunctionName="f:live")
    assert by_name["FunctionArn"] == f"{ARN}:live"
    pages = await asyncio.to_thread(
        lambda: list(
            live.client.get_paginator("list_function_url_configs").paginate(
                FunctionName="f", PaginationConfig={"PageSize": 1}
            )
        )
    )
    assert [[each["FunctionArn"] for each in page["FunctionUrlConfigs"]] for page in pages] == [[ARN], [f"{ARN}:live"]]


async def test_url_is_found_by_its_id_in_whatever_world(aws: Lambda) -> None:
    await aws.create()
    created = await aws("create_function_url_config", FunctionName="f", AuthType="NONE")
    found = URL.fullmatch(created["FunctionUrl"])
    assert found is not None
    url = await aws.functions.urls.find(found[1])
    assert url is not None
    assert (url.world, url.function_name, url.alias) == (HERE, "f", None)
    assert await aws.functions.urls.find("0" * 32) is None


async def test_url_goes_with_what_has_it(live: Lambda) -> None:
    for qualified in ({}, {"Qualifier": "live"}):
        await live("create_function_url_config", FunctionName="f", AuthType="NONE", **qualified)
    await live("delete_alias", FunctionName="f", Name="live")
    assert len((await live("list_function_url_configs", FunctionName="f"))["FunctionUrlConfigs"]) == 1
    await live("delete_function", FunctionName="f")
    await live.create()
    assert (await live("list_function_url_configs", FunctionName="f"))["FunctionUrlConfigs"] == []


async def test_what_is_not_there(live: Lambda) -> None:
    create, update = "create_function_url_config", "update_function_url_config"
    assert await live.refused(create, FunctionName="g", AuthType="NONE") == NO_FUNCTION
    assert await live.refused(create, FunctionName="f:x", AuthType="NONE") == NO_FUNCTION
    assert await live.refused(update, FunctionName="g") == NO_FUNCTION
    assert await live.refused(update, FunctionName="f", Qualifier="x") == NO_FUNCTION
    assert await live.refused("list_function_url_configs", FunctionName="g") == NO_FUNCTION
    assert await live.refused(update, FunctionName="f:live") == NONE
    for operation in ("get_function_url_config", "delete_function_url_config"):
        for name in ("g", "f", "f:live", "f:x"):
            assert await live.refused(operation, FunctionName=name) == NONE


@pytest.mark.parametrize("qualifier", ["1", "$LATEST"])
async def test_versions_have_no_url(live: Lambda, qualifier: str) -> None:
    for operation, given in (("create", {"AuthType": "NONE"}), ("get", {}), ("update", {}), ("delete", {})):
        refusal = await live.refused(f"{operation}_function_url_config", FunctionName="f", Qualifier=qualifier, **given)
        assert refusal == (
            400,
            "ValidationException",
            f"1 validation error detected: Value '{qualifier}' at 'qualifier' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)",
        )


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (
            {"InvokeMode": "UNKNOWN"},
            "Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: "
            "Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]",
        ),
        (
            {"AuthType": "SOME"},
            "Value 'SOME' at 'authType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [NONE, AWS_IAM]",
        ),
        (
            {"Cors": {"MaxAge": 86401}},
            "Value '86401' at 'cors.maxAge' failed to satisfy constraint: "
            "Member must have value less than or equal to 86400",
        ),
    ],
)
async def test_what_the_model_refuses(aws: Lambda, members: dict[str, Any], problem: str) -> None:
    await aws.create()
    refusal = await aws.refused("create_function_url_config", FunctionName="f", **{"AuthType": "NONE"} | members)
    assert refusal == (400, "ValidationException", f"1 validation error detected: {problem}")


async def test_qualifiers_that_differ(live: Lambda) -> None:
    assert (await live.refused("get_function_url_config", FunctionName="f:live", Qualifier="other"))[2] == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


async def test_other_accounts_and_regions_have_their_own(aws: Lambda) -> None:
    await aws.create()
    await aws("create_function_url_config", FunctionName="f", AuthType="NONE")
    for elsewhere in ({"account": "999999999999"}, {"region": "eu-west-2"}):
        assert (await aws.wire("GET", PATH, **elsewhere)).status == 404
        assert (await aws.wire("DELETE", PATH, **elsewhere)).status == 404
    assert (await aws("get_function_url_config", FunctionName="f"))["AuthType"] == "NONE"
