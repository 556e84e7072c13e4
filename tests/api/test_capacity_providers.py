"""Capacity providers, and the function versions that are to run on them, through the real door."""

import asyncio
import json
from typing import Any

import pytest
from tests.api.house import ARN, GIVEN, Lambda

INVALID = "InvalidParameterValueException"
MISSING = "ResourceNotFoundException"
PROVIDER = "arn:aws:lambda:eu-west-1:123456789012:capacity-provider:p"
NOT_FOUND = (404, MISSING, f"Capacity provider not found: {PROVIDER}")
PATH = "/2025-11-30/capacity-providers"
CREATE = "create_capacity_provider"
NEEDED: dict[str, Any] = {
    "CapacityProviderName": "p",
    "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    "PermissionsConfig": {"CapacityProviderOperatorRoleArn": "arn:aws:iam::123456789012:role/r"},
}
USED = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": PROVIDER}}


async def test_provider_is_created_read_changed_and_deleted(aws: Lambda) -> None:
    reply = await aws(CREATE, **NEEDED, CapacityProviderScalingConfig={"MaxVCpuCount": 8})
    created = reply["CapacityProvider"]
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert created == {
        "CapacityProviderArn": PROVIDER,
        "State": "Pending",
        "VpcConfig": NEEDED["VpcConfig"],
        "PermissionsConfig": NEEDED["PermissionsConfig"],
        "CapacityProviderScalingConfig": {"MaxVCpuCount": 8},
        "LastModified": created["LastModified"],
    }
    for name in ("p", PROVIDER):
        shown = await aws("get_capacity_provider", CapacityProviderName=name)
        assert shown["CapacityProvider"] == created | {"State": "Active"}
    changed = await aws(
        "update_capacity_provider", CapacityProviderName="p", CapacityProviderScalingConfig={"MaxVCpuCount": 4}
    )
    assert changed["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert changed["CapacityProvider"]["CapacityProviderScalingConfig"] == {"MaxVCpuCount": 4}
    assert changed["CapacityProvider"]["VpcConfig"] == NEEDED["VpcConfig"]
    deleted = await aws("delete_capacity_provider", CapacityProviderName="p")
    assert deleted["CapacityProvider"]["State"] == "Deleting"
    for operation in ("get", "update", "delete"):
        assert await aws.refused(f"{operation}_capacity_provider", CapacityProviderName="p") == NOT_FOUND


async def test_providers_are_listed_paged_and_apart_by_world(aws: Lambda) -> None:
    for name in ("b", "a", "c"):
        await aws(CREATE, **NEEDED | {"CapacityProviderName": name})
    pages = await asyncio.to_thread(
        lambda: list(aws.client.get_paginator("list_capacity_providers").paginate(PaginationConfig={"PageSize": 2}))
    )
    found = [[each["CapacityProviderArn"][-1] for each in page["CapacityProviders"]] for page in pages]
    assert found == [["a", "b"], ["c"]]
    assert (await aws("list_capacity_providers", State="Failed"))["CapacityProviders"] == []
    assert len((await aws("list_capacity_providers", State="Active"))["CapacityProviders"]) == 3
    for elsewhere in ({"account": "999999999999"}, {"region": "eu-west-2"}):
        assert json.loads((await aws.wire("GET", PATH, **elsewhere)).body) == {"CapacityProviders": []}
        assert (await aws.wire("GET", f"{PATH}/a", **elsewhere)).status == 404


async def test_function_versions_use_a_provider(aws: Lambda) -> None:
    await aws(CREATE, **NEEDED)
    created = await aws.create(CapacityProviderConfig=USED, Publish=True)
    assert created["CapacityProviderConfig"] == USED
    await aws.create(FunctionName="g")
    using = await aws("list_function_versions_by_capacity_provider", CapacityProviderName="p")
    assert using["CapacityProviderArn"] == PROVIDER
    expected = [{"FunctionArn": f"{ARN}:{version}", "State": "Active"} for version in ("$LATEST", "1")]
    assert using["FunctionVersions"] == expected
    first = await aws("list_function_versions_by_capacity_provider", CapacityProviderName="p", MaxItems=1)
    assert first["FunctionVersions"] == expected[:1]
    second = await aws(
        "list_function_versions_by_capacity_provider", CapacityProviderName="p", Marker=first["NextMarker"]
    )
    assert second["FunctionVersions"] == expected[1:]
    status, code, message = await aws.refused("delete_capacity_provider", CapacityProviderName="p")
    assert (status, code) == (409, "ResourceConflictException")
    assert message.startswith(f"The capacity provider {PROVIDER} is used by function versions and cannot be deleted.")
    await aws("delete_function", FunctionName="f")
    await aws("delete_capacity_provider", CapacityProviderName="p")


async def test_version_says_how_far_it_spreads(aws: Lambda) -> None:
    await aws(CREATE, **NEEDED)
    await aws.create(CapacityProviderConfig=USED, Publish=True)
    version = {"FunctionName": "f", "Qualifier": "1"}
    assert (await aws("get_function_scaling_config", **version))["RequestedFunctionScalingConfig"] == {}
    limits = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 9}
    put = await aws("put_function_scaling_config", **version, FunctionScalingConfig=limits)
    assert (put["ResponseMetadata"]["HTTPStatusCode"], put["FunctionState"]) == (202, "Active")
    shown = await aws("get_function_scaling_config", **version)
    assert shown["FunctionArn"] == f"{ARN}:1"
    assert shown["AppliedFunctionScalingConfig"] == shown["RequestedFunctionScalingConfig"] == limits


async def test_what_is_refused(aws: Lambda) -> None:
    assert await aws.refused("create_function", **GIVEN, CapacityProviderConfig=USED) == (
        400,
        INVALID,
        f"The capacity provider {PROVIDER} does not exist.",
    )
    listed = await aws.refused("list_function_versions_by_capacity_provider", CapacityProviderName="p")
    assert listed == NOT_FOUND
    await aws(CREATE, **NEEDED)
    assert await aws.refused(CREATE, **NEEDED) == (
        409,
        "ResourceConflictException",
        f"Capacity provider already exists: {PROVIDER}",
    )
    await aws.create(Publish=True)
    update = await aws.refused(
        "update_function_configuration",
        FunctionName="f",
        CapacityProviderConfig={
            "LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": f"{PROVIDER}2"}
        },
    )
    assert update == (400, INVALID, f"The capacity provider {PROVIDER}2 does not exist.")
    scaling: dict[str, Any] = {"FunctionScalingConfig": {}}
    for operation, given in (("get", {}), ("put", scaling)):
        verb = f"{operation}_function_scaling_config"
        assert await aws.refused(verb, FunctionName="f", Qualifier="1", **given) == (
            400,
            INVALID,
            f"{ARN}:1 has no capacity provider to scale on: it was published without a CapacityProviderConfig.",
        )
        for qualifier in ("9", "$LATEST.PUBLISHED"):
            missing = await aws.refused(verb, FunctionName="f", Qualifier=qualifier, **given)
            assert missing == (404, MISSING, f"Function not found: {ARN}:{qualifier}")


@pytest.mark.parametrize(
    ("members", "at"),
    [
        ({"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}}, "vpcConfig.subnetIds"),
        ({"CapacityProviderScalingConfig": {"MaxVCpuCount": 1}}, "capacityProviderScalingConfig.maxVCpuCount"),
        ({"CapacityProviderName": "a b"}, "capacityProviderName"),
    ],
)
async def test_what_the_model_refuses(aws: Lambda, members: dict[str, Any], at: str) -> None:
    status, code, message = await aws.refused(CREATE, **NEEDED | members)
    assert (status, code) == (400, "ValidationException")
    assert f"at '{at}' failed to satisfy constraint" in message


async def test_providers_have_tags(aws: Lambda) -> None:
    await aws(CREATE, **NEEDED, Tags={"a": "1"})
    await aws("tag_resource", Resource=PROVIDER, Tags={"b": "2"})
    await aws("untag_resource", Resource=PROVIDER, TagKeys=["a"])
    assert (await aws("list_tags", Resource=PROVIDER))["Tags"] == {"b": "2"}
    assert (await aws.refused("list_tags", Resource=f"{PROVIDER}2"))[:2] == (404, MISSING)
    connector = PROVIDER.replace("capacity-provider", "network-connector")
    assert await aws.refused("list_tags", Resource=connector) == (
        404,
        MISSING,
        f"Neve has no network-connector that could have tags: {connector}",
    )
