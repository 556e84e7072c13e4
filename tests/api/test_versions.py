"""The versions family through the real door."""

import asyncio

import pytest
from tests.api.house import ARN, GIVEN, Lambda, zipped

REVISION = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
)


async def test_published_version_is_told_pending_and_becomes_active(aws: Lambda) -> None:
    created = await aws.create(Environment={"Variables": {"AB": "1"}})
    reply = await aws("publish_version", FunctionName="f", Description="first")
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (reply["FunctionArn"], reply["Version"], reply["Description"]) == (f"{ARN}:1", "1", "first")
    assert (reply["State"], reply["StateReasonCode"], "LastUpdateStatus" in reply) == ("Pending", "Creating", False)
    assert (reply["CodeSha256"], reply["Environment"]) == (created["CodeSha256"], {"Variables": {"AB": "1"}})
    await asyncio.to_thread(aws.client.get_waiter("published_version_active").wait, FunctionName="f", Qualifier="1")
    await aws.functions.wait_idle()
    again = await aws("publish_version", FunctionName="f")
    assert (again["ResponseMetadata"]["HTTPStatusCode"], again["Version"], again["State"]) == (201, "1", "Active")
    assert again["LastUpdateStatus"] == "Successful"


async def test_create_with_publish_answers_with_version_one_and_an_unqualified_arn(aws: Lambda) -> None:
    reply = await aws.create(Publish=True)
    assert (reply["Version"], reply["FunctionArn"], reply["State"]) == ("1", ARN, "Pending")
    for qualifier in ("1", "$LATEST"):
        shown = await aws("get_function_configuration", FunctionName="f", Qualifier=qualifier)
        assert (shown["State"], shown["Version"]) == ("Active", qualifier)


async def test_update_with_publish_answers_with_the_version(aws: Lambda) -> None:
    await aws.create()
    reply = await aws("update_function_code", FunctionName="f", ZipFile=zipped("2"), Publish=True)
    assert (reply["Version"], reply["FunctionArn"], reply["State"]) == ("1", f"{ARN}:1", "Pending")
    await aws.functions.wait_idle()
    again = await aws("update_function_code", FunctionName="f", ZipFile=zipped("2"), Publish=True)
    assert (again["Version"], again["FunctionArn"], again["State"]) == ("1", f"{ARN}:1", "Active")


async def test_versions_are_listed_with_qualified_arns_and_no_states(aws: Lambda) -> None:
    await aws.create(Publish=True)
    await aws("update_function_code", FunctionName="f", ZipFile=zipped("2"), Publish=True)
    await aws.functions.wait_idle()
    pages = await asyncio.to_thread(
        lambda: list(
            aws.client.get_paginator("list_versions_by_function").paginate(
                FunctionName="f", PaginationConfig={"PageSize": 2}
            )
        )
    )
    listed = [[each["FunctionArn"] for each in page["Versions"]] for page in pages]
    assert listed == [[f"{ARN}:$LATEST", f"{ARN}:1"], [f"{ARN}:2"]]
    assert not {"State", "StateReason", "LastUpdateStatus"}.intersection(pages[0]["Versions"][0])
    everything = await aws("list_functions", FunctionVersion="ALL")
    assert [each["FunctionArn"] for each in everything["Functions"]] == [f"{ARN}:$LATEST", f"{ARN}:1", f"{ARN}:2"]
    assert [each["FunctionArn"] for each in (await aws("list_functions"))["Functions"]] == [ARN]


async def test_all_versions_are_paged(aws: Lambda) -> None:
    for name in ("f1", "f2"):
        await aws.create(FunctionName=name, Publish=True)
    pages = await asyncio.to_thread(
        lambda: list(
            aws.client.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 3})
        )
    )
    assert [[each["FunctionArn"].removeprefix(ARN) for each in page["Functions"]] for page in pages] == [
        ["1:$LATEST", "1:1", "2:$LATEST"],
        ["2:1"],
    ]


async def test_version_is_read_and_deleted_by_its_qualifier(aws: Lambda) -> None:
    await aws.create(Publish=True, Tags={"a": "1"})
    reply = await aws("get_function", FunctionName="f:1")
    assert (reply["Configuration"]["FunctionArn"], reply["Tags"]) == (f"{ARN}:1", {"a": "1"})
    assert reply["Code"]["Location"].endswith("/f?version=1")
    for _ in range(2):
        deleted = await aws("delete_function", FunctionName="f", Qualifier="1")
        assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    expected = (404, "ResourceNotFoundException", f"Function not found: {ARN}:1")
    assert await aws.refused("get_function", FunctionName="f", Qualifier="1") == expected
    assert (await aws("get_function", FunctionName="f"))["Configuration"]["Version"] == "$LATEST"


async def test_publish_is_refused_in_the_words_of_the_service(aws: Lambda) -> None:
    created = await aws.create()
    invalid = "InvalidParameterValueException"
    assert await aws.refused("publish_version", FunctionName="f", CodeSha256="x") == (
        400,
        invalid,
        f"CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ({created['CodeSha256']}). "
        "Please try again with the CodeSHA256 in $LATEST.",
    )
    assert await aws.refused("publish_version", FunctionName="f", RevisionId="x") == (
        412,
        "PreconditionFailedException",
        REVISION,
    )
    missing = (404, "ResourceNotFoundException", f"Function not found: {ARN[:-1]}g")
    assert await aws.refused("publish_version", FunctionName="g") == missing
    assert await aws.refused("list_versions_by_function", FunctionName="g") == missing
    assert await aws.refused("publish_version", FunctionName="f", PublishTo="LATEST_PUBLISHED") == (
        400,
        invalid,
        "Neve has no capacity providers to publish to; leave PublishTo out.",
    )


@pytest.mark.parametrize("operation", ["list_functions", "list_versions_by_function", "list_aliases"])
async def test_markers_of_other_lists_are_refused(aws: Lambda, operation: str) -> None:
    await aws.create()
    members = {} if operation == "list_functions" else {"FunctionName": "f"}
    for marker in ("x", "é", "YWZ0ZXI6"[:4]):
        assert (await aws.refused(operation, Marker=marker, **members))[:2] == (400, "InvalidParameterValueException")
    if operation != "list_aliases":
        foreign = "YWZ0ZXI6bGl2ZQ=="  # the alias `live`
        assert (await aws.refused(operation, Marker=foreign, **members))[0] == 400


async def test_dry_run_publishes_nothing(aws: Lambda) -> None:
    await aws.create()
    await aws("update_function_code", FunctionName="f", ZipFile=zipped("2"), Publish=True, DryRun=True)
    assert len((await aws("list_versions_by_function", FunctionName="f"))["Versions"]) == 1


async def test_function_that_is_created_again_goes_on_counting(aws: Lambda) -> None:
    await aws.create(Publish=True)
    await aws("delete_function", FunctionName="f")
    reply = await aws("create_function", **GIVEN, Publish=True)
    await aws.functions.wait_idle()
    assert reply["Version"] == "2"
