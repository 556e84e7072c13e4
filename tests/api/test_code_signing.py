"""Code signing configs, and the functions that use them, through the real door."""

import asyncio
import json
import re
from typing import Any

import pytest
from tests.api.house import ARN, GIVEN, Lambda

MISSING = "ResourceNotFoundException"
PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/p/abc"
NO_CONFIG = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-00000000000000000"
NOT_FOUND = (404, MISSING, f"The Lambda code signing configuration {NO_CONFIG} can not be found.")
NOT_USABLE = (
    404,
    "CodeSigningConfigNotFoundException",
    "The code signing configuration cannot be found. "
    f"Check that the provided configuration is not deleted: {NO_CONFIG}.",
)
NO_FUNCTION = (404, MISSING, f"Function not found: {ARN}")
PATH = "/2020-04-22/code-signing-configs"


async def create(aws: Lambda, **members: Any) -> dict[str, Any]:
    given = {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]}} | members
    config: dict[str, Any] = (await aws("create_code_signing_config", **given))["CodeSigningConfig"]
    return config


async def test_config_is_created_read_changed_and_deleted(aws: Lambda) -> None:
    created = await create(aws, Description="d", CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"})
    arn = created["CodeSigningConfigArn"]
    assert re.fullmatch(r"csc-[a-z0-9]{17}", created["CodeSigningConfigId"])
    assert arn == NO_CONFIG[:-21] + created["CodeSigningConfigId"]
    assert created == {
        "CodeSigningConfigId": created["CodeSigningConfigId"],
        "CodeSigningConfigArn": arn,
        "Description": "d",
        "AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Enforce"},
        "LastModified": created["LastModified"],
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", created["LastModified"])
    assert (await aws("get_code_signing_config", CodeSigningConfigArn=arn))["CodeSigningConfig"] == created
    changed = await aws(
        "update_code_signing_config",
        CodeSigningConfigArn=arn,
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"},
    )
    assert changed["CodeSigningConfig"] == created | {
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"},
        "LastModified": changed["CodeSigningConfig"]["LastModified"],
    }
    deleted = await aws("delete_code_signing_config", CodeSigningConfigArn=arn)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert (await aws.refused("get_code_signing_config", CodeSigningConfigArn=arn))[:2] == (404, MISSING)


async def test_answer_on_the_wire(aws: Lambda) -> None:
    given = {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]}}
    created = await aws.wire("POST", f"{PATH}/", given)  # with the slash of old SDKs
    assert created.status == 201
    config = json.loads(created.body)["CodeSigningConfig"]
    assert list(config) == [
        "CodeSigningConfigId",
        "CodeSigningConfigArn",
        "AllowedPublishers",
        "CodeSigningPolicies",
        "LastModified",
    ]
    assert config["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    assert json.loads((await aws.wire("GET", PATH)).body) == {"CodeSigningConfigs": [config]}
    for elsewhere in ({"account": "999999999999"}, {"region": "eu-west-2"}):
        assert json.loads((await aws.wire("GET", PATH, **elsewhere)).body) == {"CodeSigningConfigs": []}
        theirs = await aws.wire("GET", f"{PATH}/{config['CodeSigningConfigArn']}", **elsewhere)
        assert theirs.status == 404


async def test_configs_are_listed_and_paged(aws: Lambda) -> None:
    arns = sorted([(await create(aws))["CodeSigningConfigArn"] for _ in range(3)])
    pages = await asyncio.to_thread(
        lambda: list(aws.client.get_paginator("list_code_signing_configs").paginate(PaginationConfig={"PageSize": 2}))
    )
    found = [[each["CodeSigningConfigArn"] for each in page["CodeSigningConfigs"]] for page in pages]
    assert found == [arns[:2], arns[2:]]


async def test_function_uses_a_config(aws: Lambda) -> None:
    first, second = [(await create(aws))["CodeSigningConfigArn"] for _ in range(2)]
    await aws.create(CodeSigningConfigArn=first, Publish=True)
    await aws.create(FunctionName="g")
    expected = {"CodeSigningConfigArn": first, "FunctionName": "f"}
    shown = await aws("get_function_code_signing_config", FunctionName=ARN)
    assert {name: shown[name] for name in expected} == expected
    put = await aws("put_function_code_signing_config", FunctionName="g", CodeSigningConfigArn=first)
    assert (put["CodeSigningConfigArn"], put["FunctionName"]) == (first, "g")
    pages = await asyncio.to_thread(
        lambda: list(
            aws.client.get_paginator("list_functions_by_code_signing_config").paginate(
                CodeSigningConfigArn=first, PaginationConfig={"PageSize": 1}
            )
        )
    )
    assert [page["FunctionArns"] for page in pages] == [[ARN], [ARN[:-1] + "g"]]
    status, code, message = await aws.refused("delete_code_signing_config", CodeSigningConfigArn=first)
    assert (status, code) == (409, "ResourceConflictException")
    assert message.startswith(f"The code signing configuration {first} is used by functions and cannot be deleted.")
    await aws("put_function_code_signing_config", FunctionName="f", CodeSigningConfigArn=second)
    for _ in range(2):
        gone = await aws("delete_function_code_signing_config", FunctionName="g")
        assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "CodeSigningConfigArn" not in await aws("get_function_code_signing_config", FunctionName="g")
    await aws("delete_code_signing_config", CodeSigningConfigArn=first)
    await aws("delete_function", FunctionName="f")
    await aws("delete_code_signing_config", CodeSigningConfigArn=second)


async def test_use_stays_through_changes_and_is_not_published(aws: Lambda) -> None:
    arn = (await create(aws))["CodeSigningConfigArn"]
    created = await aws.create(CodeSigningConfigArn=arn)
    await aws("update_function_configuration", FunctionName="f", Timeout=9)
    await aws.functions.wait_idle()
    version = await aws("publish_version", FunctionName="f")
    await aws.functions.wait_idle()
    assert version["Version"] == "1"
    assert (await aws("get_function_code_signing_config", FunctionName="f"))["CodeSigningConfigArn"] == arn
    users = await aws("list_functions_by_code_signing_config", CodeSigningConfigArn=arn)
    assert users["FunctionArns"] == [ARN]
    before = await aws("get_function_configuration", FunctionName="f")
    await aws("delete_function_code_signing_config", FunctionName="f")
    after = await aws("get_function_configuration", FunctionName="f")
    assert before["RevisionId"] == after["RevisionId"] != created["RevisionId"]


async def test_what_is_not_there(aws: Lambda) -> None:
    for operation in ("get", "update", "delete"):
        refusal = await aws.refused(f"{operation}_code_signing_config", CodeSigningConfigArn=NO_CONFIG)
        assert refusal == NOT_FOUND
    listed = await aws.refused("list_functions_by_code_signing_config", CodeSigningConfigArn=NO_CONFIG)
    assert listed == NOT_FOUND
    put = "put_function_code_signing_config"
    assert await aws.refused(put, FunctionName="f", CodeSigningConfigArn=NO_CONFIG) == NOT_USABLE
    assert await aws.refused("create_function", **GIVEN, CodeSigningConfigArn=NO_CONFIG) == NOT_USABLE
    arn = (await create(aws))["CodeSigningConfigArn"]
    assert await aws.refused(put, FunctionName="f", CodeSigningConfigArn=arn) == NO_FUNCTION
    assert await aws.refused("get_function_code_signing_config", FunctionName="f") == NO_FUNCTION
    assert await aws.refused("delete_function_code_signing_config", FunctionName="f") == NO_FUNCTION


@pytest.mark.parametrize(
    ("members", "at"),
    [
        ({"AllowedPublishers": {"SigningProfileVersionArns": []}}, "allowedPublishers.signingProfileVersionArns"),
        ({"AllowedPublishers": {"SigningProfileVersionArns": ["p"]}}, "allowedPublishers.signingProfileVersionArns"),
        (
            {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Maybe"}},
            "codeSigningPolicies.untrustedArtifactOnDeployment",
        ),
    ],
)
async def test_what_the_model_refuses(aws: Lambda, members: dict[str, Any], at: str) -> None:
    given = {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]}} | members
    status, code, message = await aws.refused("create_code_signing_config", **given)
    assert (status, code) == (400, "ValidationException")
    assert f"at '{at}' failed to satisfy constraint" in message


async def test_configs_have_tags(aws: Lambda) -> None:
    arn = (await create(aws, Tags={"a": "1"}))["CodeSigningConfigArn"]
    await aws("tag_resource", Resource=arn, Tags={"b": "2", "c": "3"})
    await aws("untag_resource", Resource=arn, TagKeys=["a"])
    assert (await aws("list_tags", Resource=arn))["Tags"] == {"b": "2", "c": "3"}
    too_many = {str(number): "" for number in range(49)}
    assert await aws.refused("tag_resource", Resource=arn, Tags=too_many) == (
        400,
        "InvalidParameterValueException",
        "Number of tags exceeds resource tag limit.",
    )
    assert await aws.refused("list_tags", Resource=NO_CONFIG) == NOT_FOUND
