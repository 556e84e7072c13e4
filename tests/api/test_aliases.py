"""The aliases family through the real door."""

import asyncio
from typing import Any

import pytest
from tests.api.house import ARN, Lambda, zipped

INVALID = "InvalidParameterValueException"
MISSING = "ResourceNotFoundException"


@pytest.fixture
async def two(aws: Lambda) -> Lambda:
    """A function with the versions 1 and 2."""
    await aws.create(Publish=True)
    await aws("update_function_code", FunctionName="f", ZipFile=zipped("2"), Publish=True)
    await aws.functions.wait_idle()
    return aws


def plain(reply: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name not in ("ResponseMetadata", "RevisionId")}


async def test_alias_is_created_read_changed_and_deleted(two: Lambda) -> None:
    created = await two("create_alias", FunctionName="f", Name="live", FunctionVersion="1")
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    expected = {"AliasArn": f"{ARN}:live", "Name": "live", "FunctionVersion": "1", "Description": ""}
    assert plain(created) == expected
    assert len(created["RevisionId"]) == 36
    routing = {"AdditionalVersionWeights": {"2": 0.5}}
    changed = await two(
        "update_alias",
        FunctionName="f",
        Name="live",
        Description="d",
        RoutingConfig=routing,
        RevisionId=created["RevisionId"],
    )
    assert plain(changed) == expected | {"Description": "d", "RoutingConfig": routing}
    shown = await two("get_alias", FunctionName="f", Name="live")
    assert plain(shown) == plain(changed)
    assert shown["RevisionId"] == changed["RevisionId"] != created["RevisionId"]
    cleared = await two("update_alias", FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert plain(cleared) == expected | {"Description": "d"}
    for _ in range(2):
        deleted = await two("delete_alias", FunctionName="f", Name="live")
        assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204


@pytest.mark.parametrize("operation", ["get_function", "get_function_configuration"])
async def test_function_is_read_by_alias(two: Lambda, operation: str) -> None:
    await two("create_alias", FunctionName="f", Name="live", FunctionVersion="1")
    reply = await two(operation, FunctionName="f", Qualifier="live")
    configuration = reply.get("Configuration", reply)
    assert (configuration["FunctionArn"], configuration["Version"]) == (f"{ARN}:live", "1")


async def test_aliases_are_listed_and_paged(two: Lambda) -> None:
    for name, version in (("b", "1"), ("a", "2"), ("c", "$LATEST")):
        await two("create_alias", FunctionName="f", Name=name, FunctionVersion=version)
    pages = await asyncio.to_thread(
        lambda: list(
            two.client.get_paginator("list_aliases").paginate(FunctionName="f", PaginationConfig={"PageSize": 2})
        )
    )
    assert [[each["Name"] for each in page["Aliases"]] for page in pages] == [["a", "b"], ["c"]]
    of_two = await two("list_aliases", FunctionName="f", FunctionVersion="2")
    assert [each["Name"] for each in of_two["Aliases"]] == ["a"]


async def test_two_versions_of_latest_are_refused_for_the_second_too(two: Lambda) -> None:
    """The model lets only numbers be second."""
    status, code, message = await two.refused(
        "create_alias",
        FunctionName="f",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"$LATEST": 0.5}},
    )
    assert (status, code) == (400, "ValidationException")
    assert "Map keys must satisfy constraint: [" in message


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"FunctionVersion": "10"}, (404, MISSING, f"Function not found: {ARN}:10")),
        ({"FunctionName": "g"}, (404, MISSING, f"Function not found: {ARN[:-1]}g:1")),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"10": 0.5}}},
            (404, MISSING, f"Function not found: {ARN}:10"),
        ),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1, "3": 0.1}}},
            (400, INVALID, "Number of items in AdditionalVersionWeights cannot be greater than 1"),
        ),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
            (
                400,
                INVALID,
                "Invalid function version 1. Function version 1 is already included in routing configuration.",
            ),
        ),
        (
            {"FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
            (400, INVALID, "$LATEST is not supported for an alias pointing to more than 1 version"),
        ),
    ],
)
async def test_create_is_refused_in_the_words_of_the_service(
    two: Lambda, members: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    given = {"FunctionName": "f", "Name": "live", "FunctionVersion": "1"} | members
    assert await two.refused("create_alias", **given) == expected


@pytest.mark.parametrize("name", ["12", "a b", "$LATEST"])
async def test_name_of_an_alias_is_no_number(two: Lambda, name: str) -> None:
    status, code, _ = await two.refused("create_alias", FunctionName="f", Name=name, FunctionVersion="1")
    assert (status, code) == (400, "ValidationException")


async def test_the_other_refusals(two: Lambda) -> None:
    live = {"FunctionName": "f", "Name": "live"}
    assert await two.refused("get_alias", **live) == (404, MISSING, f"Cannot find alias arn: {ARN}:live")
    assert await two.refused("update_alias", **live) == (404, MISSING, f"Alias not found: {ARN}:live")
    assert await two.refused("list_aliases", FunctionName="g") == (404, MISSING, f"Function not found: {ARN[:-1]}g")
    await two("create_alias", **live, FunctionVersion="1")
    assert await two.refused("create_alias", **live, FunctionVersion="2") == (
        409,
        "ResourceConflictException",
        f"Alias already exists: {ARN}:live",
    )
    status, code, message = await two.refused("update_alias", **live, RevisionId="x")
    assert (status, code) == (412, "PreconditionFailedException")
    assert message.endswith("Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
    assert await two.refused("delete_function", FunctionName="f", Qualifier="1") == (
        409,
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [live]",
    )
    assert await two.refused("delete_function", FunctionName="f:live") == (
        400,
        INVALID,
        "Deletion of aliases is not currently supported.",
    )
