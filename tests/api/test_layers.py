"""The layers family through the real door."""

import asyncio
import json
import re
from typing import Any

import pytest
from tests.api.house import HERE, HOME, Lambda, zipped

ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:l"
MISSING = "ResourceNotFoundException"
INVALID = "InvalidParameterValueException"


async def publish(aws: Lambda, name: str = "l", text: str = "layer", **members: Any) -> dict[str, Any]:
    return await aws("publish_layer_version", LayerName=name, Content={"ZipFile": zipped(text)}, **members)


async def test_published_version_is_told_and_read(aws: Lambda) -> None:
    reply = await publish(
        aws,
        Description="d",
        LicenseInfo="MIT",
        CompatibleRuntimes=["nodejs22.x", "nodejs24.x"],
        CompatibleArchitectures=["arm64"],
    )
    assert reply.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    shown = await aws("get_layer_version", LayerName="l", VersionNumber=1)
    by_arn = await aws("get_layer_version_by_arn", Arn=f"{ARN}:1")
    by_layer_arn = await aws("get_layer_version", LayerName=ARN, VersionNumber=1)
    for each in (shown, by_arn, by_layer_arn):
        assert each.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        assert each == reply
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", reply.pop("CreatedDate"))
    content = reply.pop("Content")
    assert len(content.pop("CodeSha256")) == 44
    assert content == {
        "Location": f"{HOME}/_neve/layers/123456789012/eu-west-1/l/1",
        "CodeSize": len(zipped("layer")),
    }
    assert reply == {
        "LayerArn": ARN,
        "LayerVersionArn": f"{ARN}:1",
        "Version": 1,
        "Description": "d",
        "LicenseInfo": "MIT",
        "CompatibleRuntimes": ["nodejs22.x", "nodejs24.x"],
        "CompatibleArchitectures": ["arm64"],
    }
    assert await aws.functions.layers.content(HERE, "l", 1) == zipped("layer")


async def test_lists_are_paged_and_filtered(aws: Lambda) -> None:
    for name, runtime in (("l", "nodejs22.x"), ("l", "nodejs24.x"), ("l", "nodejs24.x"), ("k", "nodejs22.x")):
        await publish(aws, name, CompatibleRuntimes=[runtime])

    async def pages(operation: str, key: str, **members: Any) -> list[list[Any]]:
        found = await asyncio.to_thread(
            lambda: list(aws.client.get_paginator(operation).paginate(**members, PaginationConfig={"PageSize": 2}))
        )
        return [page[key] for page in found]

    versions = await pages("list_layer_versions", "LayerVersions", LayerName="l")
    assert [[each["Version"] for each in page] for page in versions] == [[3, 2], [1]]
    assert "LayerArn" not in versions[0][0]
    assert "Content" not in versions[0][0]
    one = await pages("list_layer_versions", "LayerVersions", LayerName="l", CompatibleRuntime="nodejs22.x")
    assert [[each["Version"] for each in page] for page in one] == [[1]]
    assert await pages("list_layer_versions", "LayerVersions", LayerName="never") == [[]]
    (layers,) = await pages("list_layers", "Layers")
    assert [(each["LayerName"], each["LatestMatchingVersion"]["Version"]) for each in layers] == [("k", 1), ("l", 3)]
    assert layers[1]["LayerArn"] == ARN
    (matching,) = await pages("list_layers", "Layers", CompatibleRuntime="nodejs22.x")
    assert [each["LatestMatchingVersion"]["Version"] for each in matching] == [1, 1]


async def test_deleted_version_is_gone_and_its_number_with_it(aws: Lambda) -> None:
    await publish(aws)
    for _ in range(2):
        reply = await aws("delete_layer_version", LayerName="l", VersionNumber=1)
        assert reply["ResponseMetadata"]["HTTPStatusCode"] == 204
    expected = (404, MISSING, f"Layer version {ARN}:1 does not exist.")
    assert await aws.refused("get_layer_version", LayerName="l", VersionNumber=1) == expected
    assert await aws.refused("get_layer_version_by_arn", Arn=f"{ARN}:1") == expected
    assert (await publish(aws))["Version"] == 2


@pytest.mark.parametrize("operation", ["get_layer_version", "delete_layer_version", "get_layer_version_policy"])
async def test_versions_count_from_one(aws: Lambda, operation: str) -> None:
    expected = (400, INVALID, "Layer Version Cannot be less than 1")
    assert await aws.refused(operation, LayerName="l", VersionNumber=0) == expected


async def test_what_publish_refuses(aws: Lambda) -> None:
    assert await aws.refused("publish_layer_version", LayerName="l", Content={"ZipFile": b"no zip"}) == (
        400,
        INVALID,
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )
    assert (
        "NoSuchBucket"
        in (await aws.refused("publish_layer_version", LayerName="l", Content={"S3Bucket": "bucket", "S3Key": "k"}))[2]
    )


async def test_function_shows_its_layers(aws: Lambda) -> None:
    sizes = [(await publish(aws, name, name))["Content"]["CodeSize"] for name in ("l", "mm")]
    arns = [f"{ARN}:1", f"{ARN[:-1]}mm:1"]
    expected = [{"Arn": arn, "CodeSize": size} for arn, size in zip(arns, sizes, strict=True)]
    assert (await aws.create(Layers=arns))["Layers"] == expected
    assert (await aws("get_function_configuration", FunctionName="f"))["Layers"] == expected
    assert (await aws("list_functions"))["Functions"][0]["Layers"] == expected
    await aws("publish_version", FunctionName="f")
    await aws.functions.wait_idle()
    assert "Layers" not in await aws("update_function_configuration", FunctionName="f", Layers=[])
    assert (await aws("get_function_configuration", FunctionName="f:1"))["Layers"] == expected


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([f"{ARN}{number}:1" for number in range(6)], "Cannot reference more than 5 layers."),
        ([f"{ARN}:9"], f"Layer version {ARN}:9 does not exist."),
        (
            [f"{ARN}:1", f"{ARN}:2"],
            "Two different versions of the same layer are not allowed to be referenced in the same function. "
            f"{ARN}:1 and {ARN}:2 are versions of the same layer.",
        ),
        (
            ["arn:aws:lambda:us-east-1:123456789012:layer:l:1"],
            "Layers are not in the same region as the function. Layers are expected to be in region eu-west-1.",
        ),
    ],
)
async def test_layers_are_refused_in_the_words_of_the_service(aws: Lambda, layers: list[str], message: str) -> None:
    await publish(aws)
    await publish(aws, text="2")
    await aws.create()
    expected = (400, INVALID, message)
    assert await aws.refused("update_function_configuration", FunctionName="f", Layers=layers) == expected


async def test_permissions(aws: Lambda) -> None:
    await publish(aws)
    version = {"LayerName": "l", "VersionNumber": 1}
    given = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "111111111111"}
    added = await aws("add_layer_version_permission", **version, **given)
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "lambda:GetLayerVersion",
        "Resource": f"{ARN}:1",
    }
    assert json.loads(added["Statement"]) == statement
    shown = await aws("get_layer_version_policy", **version)
    assert json.loads(shown["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    assert shown["RevisionId"] == added["RevisionId"]
    removed = await aws("remove_layer_version_permission", **version, StatementId="s", RevisionId=added["RevisionId"])
    assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert await aws.refused("get_layer_version_policy", **version) == (
        404,
        MISSING,
        "No policy is associated with the given resource.",
    )


async def test_permissions_are_refused_in_the_words_of_the_service(aws: Lambda) -> None:
    await publish(aws)
    version = {"LayerName": "l", "VersionNumber": 1}
    given = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    revision = (
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetLayerPolicy API to retrieve the latest Revision Id",
    )
    assert await aws.refused("add_layer_version_permission", **version, **given, RevisionId="x") == revision
    await aws("add_layer_version_permission", **version, **given)
    assert await aws.refused("add_layer_version_permission", **version, **given) == (
        409,
        "ResourceConflictException",
        "The statement id (s) provided already exists. "
        "Please provide a new statement id, or remove the existing statement.",
    )
    assert await aws.refused("remove_layer_version_permission", **version, StatementId="X") == (
        404,
        MISSING,
        "Statement X is not found in resource policy.",
    )
    assert await aws.refused("remove_layer_version_permission", **version, StatementId="s", RevisionId="x") == revision
    missing = (404, MISSING, f"Layer version {ARN}:9 does not exist.")
    nine = {"LayerName": "l", "VersionNumber": 9}
    assert await aws.refused("add_layer_version_permission", **nine, **given) == missing
    assert await aws.refused("remove_layer_version_permission", **nine, StatementId="s") == missing
    assert await aws.refused("get_layer_version_policy", **nine) == missing
    other = given | {"StatementId": "t", "Action": "lambda:InvokeFunction"}
    assert (await aws.refused("add_layer_version_permission", **version, **other))[:2] == (400, "ValidationException")
