"""The functions family through the real door: boto3 on one side, the real store on the other."""

import asyncio

import pytest
from tests.api.house import ARN, GIVEN, HERE, HOME, ROLE, Lambda, Reply, zipped

from neve.api import functions


async def test_create_reply_has_the_members_of_the_service_in_their_order(aws: Lambda) -> None:
    reply = await aws.create()
    assert reply.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    configuration = functions.configuration((await aws.functions.get(HERE, "f", None, "")).function)
    assert list(configuration) == sorted(configuration)
    modified, revision = reply.pop("LastModified"), reply.pop("RevisionId")
    assert modified.endswith("+0000")
    assert len(modified) == len("2023-08-10T12:34:56.789+0000")
    assert len(revision) == 36
    assert len(reply.pop("RuntimeVersionConfig")["RuntimeVersionArn"]) == len("arn:aws:lambda:eu-west-1::runtime:") + 64
    assert len(reply.pop("CodeSha256")) == 44
    assert reply == {
        "Architectures": ["x86_64"],
        "CodeSize": len(zipped()),
        "Description": "",
        "EphemeralStorage": {"Size": 512},
        "FunctionArn": ARN,
        "FunctionName": "f",
        "Handler": "index.handler",
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
        "MemorySize": 128,
        "PackageType": "Zip",
        "Role": ROLE,
        "Runtime": "nodejs24.x",
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
        "Timeout": 3,
        "TracingConfig": {"Mode": "PassThrough"},
        "Version": "$LATEST",
    }


async def test_waiters_are_satisfied(aws: Lambda) -> None:
    await aws.create()
    for waiter in ("function_exists", "function_active", "function_active_v2", "function_updated_v2"):
        await asyncio.to_thread(aws.client.get_waiter(waiter).wait, FunctionName="f")


async def test_get_function_says_where_the_code_is(aws: Lambda) -> None:
    await aws.create(Tags={"team": "ice"})
    reply = await aws("get_function", FunctionName="f")
    assert reply["Code"] == {
        "RepositoryType": "S3",
        "Location": f"{HOME}/_neve/code/123456789012/eu-west-1/f?version=%24LATEST",
    }
    assert reply["Tags"] == {"team": "ice"}
    assert (reply["Configuration"]["State"], reply["Configuration"]["LastUpdateStatus"]) == ("Active", "Successful")
    assert await aws.functions.code_archive(HERE, "f", "$LATEST") == zipped()


@pytest.mark.parametrize("operation", ["get_function", "get_function_configuration"])
async def test_arn_carries_the_qualifier_that_was_asked_for(aws: Lambda, operation: str) -> None:
    await aws.create()
    for asked, arn in (
        ({"FunctionName": "f"}, ARN),
        ({"FunctionName": ARN, "Qualifier": "$LATEST"}, f"{ARN}:$LATEST"),
        ({"FunctionName": "f:$LATEST"}, f"{ARN}:$LATEST"),
    ):
        reply = await aws(operation, **asked)
        assert reply.get("Configuration", reply)["FunctionArn"] == arn
    for asked, arn in (({"FunctionName": "g"}, ARN[:-1] + "g"), ({"FunctionName": "f", "Qualifier": "7"}, f"{ARN}:7")):
        expected = (404, "ResourceNotFoundException", f"Function not found: {arn}")
        assert await aws.refused(operation, **asked) == expected


async def test_lists_are_paged_and_have_no_states(aws: Lambda) -> None:
    names = [f"f{number}" for number in range(5)]
    for name in names:
        await aws.create(FunctionName=name)
    pages = await asyncio.to_thread(
        lambda: list(aws.client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    )
    assert [[each["FunctionName"] for each in page["Functions"]] for page in pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]
    listed = pages[0]["Functions"][0]
    assert not {"State", "StateReason", "LastUpdateStatus"}.intersection(listed)
    assert listed["FunctionArn"] == ARN + "0"
    everything = await aws("list_functions", FunctionVersion="ALL", MaxItems=1)
    assert everything["Functions"][0]["FunctionArn"] == f"{ARN}0:$LATEST"


@pytest.mark.parametrize("marker", ["x", "f0", "YWZ0ZXI", "Zm9yZWlnbg==", "é"])
async def test_foreign_markers_are_refused(aws: Lambda, marker: str) -> None:
    assert (await aws.refused("list_functions", Marker=marker))[:2] == (400, "InvalidParameterValueException")


async def test_update_code(aws: Lambda) -> None:
    before = await aws.create()
    reply = await aws("update_function_code", FunctionName="f", ZipFile=zipped("2"), Architectures=["arm64"])
    assert (
        reply["State"],
        reply["LastUpdateStatus"],
        reply["LastUpdateStatusReason"],
        reply["LastUpdateStatusReasonCode"],
    ) == (
        "Active",
        "InProgress",
        "The function is being created.",
        "Creating",
    )
    await aws.functions.wait_idle()
    after = await aws("get_function_configuration", FunctionName="f")
    assert (after["LastUpdateStatus"], after["Architectures"]) == ("Successful", ["arm64"])
    assert after["CodeSha256"] != before["CodeSha256"]
    dry = await aws("update_function_code", FunctionName="f", ZipFile=zipped("3"), DryRun=True)
    assert dry["CodeSha256"] != after["CodeSha256"]
    assert (await aws("get_function_configuration", FunctionName="f"))["CodeSha256"] == after["CodeSha256"]


async def test_update_configuration_merges_replaces_and_clears(aws: Lambda) -> None:
    await aws.create(Environment={"Variables": {"A1": "1", "B1": "2"}}, Description="d")
    for given, expected in (
        ({"Environment": {"Variables": {"C1": "3"}}, "MemorySize": 256}, {"Variables": {"C1": "3"}}),
        ({"Timeout": 9}, {"Variables": {"C1": "3"}}),
        ({"Environment": {"Variables": {}}}, {"Variables": {}}),
        ({"Environment": {}}, None),
    ):
        reply = await aws("update_function_configuration", FunctionName="f", **given)
        assert reply.get("Environment") == expected
        await aws.functions.wait_idle()
    assert (reply["MemorySize"], reply["Timeout"], reply["Description"]) == (256, 9, "d")


async def test_old_revision_is_refused(aws: Lambda) -> None:
    created = await aws.create()
    members = {"FunctionName": "f", "RevisionId": created["RevisionId"], "Timeout": 4}  # it became Active since
    assert await aws.refused("update_function_configuration", **members) == (
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
    )


async def test_members_without_effect_are_given_back(aws: Lambda) -> None:
    kept = {
        "KMSKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/k",
        "FileSystemConfigs": [
            {
                "Arn": "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0",
                "LocalMountPath": "/mnt/a",
            }
        ],
    }
    vpc = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    reply = await aws.create(**kept, VpcConfig=vpc, SnapStart={"ApplyOn": "PublishedVersions"})
    assert {name: reply[name] for name in kept} == kept
    assert reply["VpcConfig"] == vpc | {"VpcId": ""}
    assert reply["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    cleared = await aws(
        "update_function_configuration",
        FunctionName="f",
        KMSKeyArn="",
        FileSystemConfigs=[],
        VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
    )
    assert not {"KMSKeyArn", "FileSystemConfigs"}.intersection(cleared)
    assert cleared["VpcConfig"] == {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""}


@pytest.mark.parametrize("cleared", [{"TargetArn": ""}, {}])
async def test_dead_letter_queue_is_set_kept_replaced_and_taken_away(aws: Lambda, cleared: dict[str, str]) -> None:
    queue, topic = (f"arn:aws:{service}:eu-west-1:123456789012:dead" for service in ("sqs", "sns"))
    assert "DeadLetterConfig" not in await aws.create(FunctionName="without")
    created = await aws.create(DeadLetterConfig={"TargetArn": queue})
    assert created["DeadLetterConfig"] == {"TargetArn": queue}
    for given, expected in (({"Timeout": 4}, queue), ({"DeadLetterConfig": {"TargetArn": topic}}, topic)):
        reply = await aws("update_function_configuration", FunctionName="f", **given)
        await aws.functions.wait_idle()
        assert reply["DeadLetterConfig"] == {"TargetArn": expected}
    version = await aws("publish_version", FunctionName="f")
    await aws.functions.wait_idle()
    await aws("update_function_configuration", FunctionName="f", DeadLetterConfig=cleared)
    assert "DeadLetterConfig" not in await aws("get_function_configuration", FunctionName="f")
    assert version["DeadLetterConfig"] == {"TargetArn": topic}  # as it was published


@pytest.mark.parametrize(
    "target",
    [
        "arn:aws:sqs:eu-west-1:123456789012:dead.fifo",
        "arn:aws:sns:eu-west-1:123456789012:dead.fifo",
        "arn:aws:sns:eu-west-1:123456789012:topic:a-subscription",
        "arn:aws:s3:::bucket",
        "arn:aws:lambda:eu-west-1:123456789012:function:g",
        "arn:aws:events:eu-west-1:123456789012:event-bus/b",
        "arn:aws:sqs:eu-west-1:123456789012:",
    ],
)
async def test_dead_letters_go_to_standard_queues_and_topics_only(aws: Lambda, target: str) -> None:
    await aws.create()
    for operation, members in (
        ("create_function", {**GIVEN, "FunctionName": "g"}),
        ("update_function_configuration", {}),
    ):
        status, code, message = await aws.refused(
            operation, **{"FunctionName": "f", **members, "DeadLetterConfig": {"TargetArn": target}}
        )
        assert (status, code) == (400, "InvalidParameterValueException")
        assert message.startswith(f"The provided dead-letter target {target} is invalid. Give the ARN of")


async def test_dead_letter_target_that_is_no_arn_is_refused_by_the_model(aws: Lambda) -> None:
    await aws.create()
    refusal = await aws.refused(
        "update_function_configuration", FunctionName="f", DeadLetterConfig={"TargetArn": "https://sqs/q"}
    )
    assert refusal == (
        400,
        "ValidationException",
        "1 validation error detected: Value 'https://sqs/q' at 'deadLetterConfig.targetArn' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()",
    )


async def test_delete_answers_204(aws: Lambda) -> None:
    await aws.create()
    assert (await aws("delete_function", FunctionName="f"))["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert (await aws.refused("delete_function", FunctionName="f"))[0] == 404


async def test_tags(aws: Lambda) -> None:
    await aws.create()
    reply = await aws("tag_resource", Resource=ARN, Tags={"a": "1", "b": "2"})
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 204
    await aws("untag_resource", Resource=ARN, TagKeys=["a"])
    assert (await aws("list_tags", Resource=ARN))["Tags"] == {"b": "2"}


BAD_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."


@pytest.mark.parametrize(
    ("members", "status", "code", "message"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, 400, "InvalidParameterValueException", BAD_ZIP),
        ({"Code": {}}, 400, "InvalidParameterValueException", "Please provide a source for function code."),
        (
            {"Code": {"S3Bucket": "bucket", "S3Key": "k"}},
            400,
            "InvalidParameterValueException",
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. "
            "S3 Error Message: The specified bucket does not exist",
        ),
        (
            {"PublishTo": "LATEST_PUBLISHED"},
            400,
            "InvalidParameterValueException",
            "Neve has no capacity providers to publish to; leave PublishTo out.",
        ),
        (
            {"FunctionName": "n" * 65},
            400,
            "InvalidParameterValueException",
            f"1 validation error detected: Value '{'n' * 65}' at 'functionName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64",
        ),
        (
            {"Timeout": 901},
            400,
            "ValidationException",
            "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: "
            "Member must have value less than or equal to 900",
        ),
        (
            {"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f"},
            404,
            "ResourceNotFoundException",
            "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
        ),
    ],
)
async def test_create_is_refused_in_the_words_of_the_service(
    aws: Lambda, members: Reply, status: int, code: str, message: str
) -> None:
    assert await aws.refused("create_function", **{**GIVEN, **members}) == (status, code, message)


async def test_taken_name_is_a_conflict(aws: Lambda) -> None:
    await aws.create()
    assert await aws.refused("create_function", **GIVEN) == (
        409,
        "ResourceConflictException",
        "Function already exist: f",
    )


async def test_image_is_refused_by_an_update(aws: Lambda) -> None:
    await aws.create()
    assert (
        await aws.refused(
            "update_function_code", FunctionName="f", ImageUri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/r:t"
        )
    )[2] == ("Please don't provide ImageUri when updating a function with packageType Zip.")
