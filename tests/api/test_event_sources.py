"""Event source mappings through the real door."""

import asyncio
import json
import re
import time
from typing import Any

import pytest
from tests.api.house import ARN, Lambda

INVALID = "InvalidParameterValueException"
MISSING = "ResourceNotFoundException"
NONE = (404, MISSING, "The resource you requested does not exist.")
UNKNOWN = "00000000-0000-4000-8000-000000000000"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"
FIFO = f"{QUEUE}.fifo"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-01-01T00:00:00.000"
CLUSTER = "arn:aws:kafka:eu-west-1:123456789012:cluster/c/0-1"
BROKER = "arn:aws:mq:eu-west-1:123456789012:broker:b:b-1"
SERVERS = {"SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}}}
ACCESS = {
    "SourceAccessConfigurations": [
        {"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}
    ]
}
ALREADY = "already exists. Please update or delete the existing mapping with UUID"
PATH = "/2015-03-31/event-source-mappings"
CREATE = "create_event_source_mapping"


def plain(reply: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name not in ("ResponseMetadata", "LastModified", "UUID")}


async def test_mapping_of_a_queue_is_created_read_changed_and_deleted(aws: Lambda) -> None:
    await aws.create()
    created = await aws(CREATE, FunctionName="f", EventSourceArn=QUEUE)
    uuid = created["UUID"]
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid)
    assert abs(created["LastModified"].timestamp() - time.time()) < 60
    expected = {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": QUEUE,
        "EventSourceMappingArn": f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{uuid}",
        "FunctionArn": ARN,
        "FunctionResponseTypes": [],
        "StateTransitionReason": "USER_INITIATED",
    }
    assert plain(created) == expected | {"State": "Creating"}
    assert plain(await aws("get_event_source_mapping", UUID=uuid)) == expected | {"State": "Enabled"}
    filters = {"Filters": [{"Pattern": '{"body":{"a":["x"]}}'}]}
    changed = await aws(
        "update_event_source_mapping",
        UUID=uuid,
        Enabled=False,
        BatchSize=100,
        MaximumBatchingWindowInSeconds=5,
        FilterCriteria=filters,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 2},
    )
    assert changed["ResponseMetadata"]["HTTPStatusCode"] == 202
    expected |= {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 5,
        "FilterCriteria": filters,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 2},
    }
    assert plain(changed) == expected | {"State": "Disabling"}
    assert plain(await aws("get_event_source_mapping", UUID=uuid)) == expected | {"State": "Disabled"}
    cleared = await aws(
        "update_event_source_mapping",
        UUID=uuid,
        Enabled=True,
        FilterCriteria={},
        ScalingConfig={},
        FunctionResponseTypes=[],
    )
    assert cleared["State"] == "Enabling"
    assert not {"FilterCriteria", "ScalingConfig"} & set(cleared)
    assert cleared["FunctionResponseTypes"] == []
    assert (await aws("update_event_source_mapping", UUID=uuid, BatchSize=7))["State"] == "Updating"
    deleted = await aws("delete_event_source_mapping", UUID=uuid)
    assert (deleted["ResponseMetadata"]["HTTPStatusCode"], deleted["State"]) == (202, "Deleting")
    for operation in ("get", "update", "delete"):
        assert await aws.refused(f"{operation}_event_source_mapping", UUID=uuid) == NONE


async def test_mapping_of_a_stream(aws: Lambda) -> None:
    await aws.create()
    created = await aws(CREATE, FunctionName="f", EventSourceArn=STREAM, StartingPosition="TRIM_HORIZON")
    assert plain(created) == {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "EventSourceArn": STREAM,
        "EventSourceMappingArn": created["EventSourceMappingArn"],
        "FunctionArn": ARN,
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
    }
    given = {
        "DestinationConfig": {"OnFailure": {"Destination": QUEUE}},
        "MaximumRecordAgeInSeconds": 60,
        "MaximumRetryAttempts": 3,
        "ParallelizationFactor": 2,
        "BisectBatchOnFunctionError": True,
        "TumblingWindowInSeconds": 30,
    }
    changed = await aws("update_event_source_mapping", UUID=created["UUID"], **given)
    assert {name: changed[name] for name in given} == given
    kept = await aws("update_event_source_mapping", UUID=created["UUID"], DestinationConfig={"OnFailure": {}})
    assert {name: kept[name] for name in given} == given | {"DestinationConfig": {"OnFailure": {}}}


async def test_answer_on_the_wire(aws: Lambda) -> None:
    await aws.create()
    given = {"FunctionName": "f", "EventSourceArn": STREAM, "StartingPosition": "AT_TIMESTAMP"}
    created = await aws.wire("POST", f"{PATH}/", given | {"StartingPositionTimestamp": 1700000000.5})
    assert created.status == 202
    mapping = json.loads(created.body)
    assert mapping["StartingPositionTimestamp"] == 1700000000.5
    assert isinstance(mapping["LastModified"], float)
    assert "Tags" not in mapping
    shown = json.loads((await aws.wire("GET", f"{PATH}/{mapping['UUID']}")).body)
    assert shown == mapping | {"State": "Enabled"}
    assert json.loads((await aws.wire("GET", f"{PATH}/")).body) == {"EventSourceMappings": [shown]}
    for elsewhere in ({"account": "999999999999"}, {"region": "eu-west-2"}):
        assert json.loads((await aws.wire("GET", PATH, **elsewhere)).body) == {"EventSourceMappings": []}
        missing = await aws.wire("DELETE", f"{PATH}/{mapping['UUID']}", **elsewhere)
        assert (missing.status, missing.headers["x-amzn-errortype"]) == (404, MISSING)
        assert json.loads(missing.body) == {"Type": "User", "Message": NONE[2]}


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ({"EventSourceArn": TABLE, "StartingPosition": "LATEST"}, {"BatchSize": 100, "ParallelizationFactor": 1}),
        ({"EventSourceArn": FIFO, "BatchSize": 10}, {"BatchSize": 10}),
        (
            {"EventSourceArn": CLUSTER, "Topics": ["t1"], "StartingPosition": "LATEST"},
            {"Topics": ["t1"], "BatchSize": 100, "StateTransitionReason": "USER_INITIATED"},
        ),
        (
            SERVERS | ACCESS | {"Topics": ["t1"], "StartingPosition": "TRIM_HORIZON"},
            SERVERS | ACCESS | {"Topics": ["t1"]},
        ),
        ({"EventSourceArn": BROKER, "Queues": ["q1"]} | ACCESS, {"Queues": ["q1"], "BatchSize": 100}),
    ],
)
async def test_other_sources(aws: Lambda, source: dict[str, Any], shown: dict[str, Any]) -> None:
    await aws.create()
    created = await aws(CREATE, FunctionName="f", **source)
    assert {name: created[name] for name in shown} == shown
    assert plain(await aws("get_event_source_mapping", UUID=created["UUID"])) == plain(created) | {"State": "Enabled"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Unrecognized event source."),
        ({"EventSourceArn": "arn:aws:s3:::b"}, "Unrecognized event source."),
        (SERVERS | {"Topics": ["t1"]}, "Required 'sourceAccessConfigurations' parameter is missing."),
        (
            {"EventSourceArn": QUEUE, "BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ),
        ({"EventSourceArn": FIFO, "BatchSize": 11}, "The batch size of a FIFO queue is at most 10, not 11."),
        (
            {"EventSourceArn": FIFO, "MaximumBatchingWindowInSeconds": 1},
            "Batching window is not supported for FIFO queues.",
        ),
        (
            {"EventSourceArn": STREAM},
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null.",
        ),
        (
            {"EventSourceArn": TABLE, "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1},
            f"Unsupported starting position for arn type: {TABLE}",
        ),
        (
            {"EventSourceArn": QUEUE, "StartingPosition": "LATEST"},
            "StartingPosition is not valid for SQS event sources.",
        ),
        (
            {"EventSourceArn": STREAM, "StartingPosition": "AT_TIMESTAMP"},
            "StartingPositionTimestamp is given with the StartingPosition AT_TIMESTAMP, and only with it.",
        ),
        (
            {"EventSourceArn": QUEUE, "DestinationConfig": {"OnFailure": {"Destination": TABLE}}},
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            {
                "EventSourceArn": STREAM,
                "StartingPosition": "LATEST",
                "DestinationConfig": {"OnSuccess": {"Destination": QUEUE}},
            },
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            {
                "EventSourceArn": STREAM,
                "StartingPosition": "LATEST",
                "DestinationConfig": {"OnFailure": {"Destination": ARN}},
            },
            f"The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={ARN})) "
            "is invalid.",
        ),
        (
            {"EventSourceArn": QUEUE, "ParallelizationFactor": 2},
            "Unsupported ParallelizationFactor parameter for given event source mapping type.",
        ),
        (
            {"EventSourceArn": STREAM, "StartingPosition": "LATEST", "ScalingConfig": {"MaximumConcurrency": 2}},
            "Unsupported ScalingConfig parameter for given event source mapping type.",
        ),
        (
            {"EventSourceArn": STREAM, "StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": 0},
            "MaximumRecordAgeInSeconds is -1 or at least 60, not 0.",
        ),
        (
            {"EventSourceArn": QUEUE, "FilterCriteria": {"Filters": [{"Pattern": "{"}]}},
            "Invalid filter pattern definition.",
        ),
        ({"EventSourceArn": QUEUE, "FilterCriteria": {"Filters": [{}]}}, "Invalid filter pattern definition."),
        (
            {"EventSourceArn": QUEUE, "FilterCriteria": {"Filters": [{"Pattern": '{"a":["b"]}'}] * 6}},
            "An event source mapping has at most 5 filters, not 6.",
        ),
        ({"EventSourceArn": CLUSTER}, "Give the Kafka topic to read in Topics."),
        ({"EventSourceArn": BROKER}, "Give the queue of the broker to read in Queues."),
        ({"EventSourceArn": QUEUE, "FunctionName": "g"}, "Function does not exist"),
        ({"EventSourceArn": QUEUE, "FunctionName": "f:9"}, "Function does not exist"),
        ({"EventSourceArn": QUEUE, "FunctionName": "f:live"}, "Function does not exist"),
    ],
)
async def test_create_is_refused_in_the_words_of_the_service(aws: Lambda, given: dict[str, Any], message: str) -> None:
    await aws.create()
    assert await aws.refused(CREATE, **{"FunctionName": "f"} | given) == (400, INVALID, message)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"StartingPosition": "invalid"},
            "Value 'invalid' at 'startingPosition' failed to satisfy constraint: "
            "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
        ),
        (
            {"BatchSize": 10001},
            "Value '10001' at 'batchSize' failed to satisfy constraint: "
            "Member must have value less than or equal to 10000",
        ),
        (
            {"ScalingConfig": {"MaximumConcurrency": 1}},
            "Value '1' at 'scalingConfig.maximumConcurrency' failed to satisfy constraint: "
            "Member must have value greater than or equal to 2",
        ),
    ],
)
async def test_what_the_model_refuses(aws: Lambda, given: dict[str, Any], problem: str) -> None:
    await aws.create()
    refusal = await aws.refused(CREATE, FunctionName="f", EventSourceArn=QUEUE, **given)
    assert refusal == (400, "ValidationException", f"1 validation error detected: {problem}")


async def test_update_is_refused_as_create_is(aws: Lambda) -> None:
    await aws.create()
    uuid = (await aws(CREATE, FunctionName="f", EventSourceArn=QUEUE))["UUID"]
    update = "update_event_source_mapping"
    for given, message in (
        ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0 if maximum batch size"),
        ({"FunctionName": "g"}, "Function does not exist"),
        ({"TumblingWindowInSeconds": 1}, "Unsupported TumblingWindowInSeconds parameter"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "[]"}]}}, "Invalid filter pattern definition."),
    ):
        status, code, text = await aws.refused(update, UUID=uuid, **given)
        assert (status, code) == (400, INVALID)
        assert text.startswith(message)
    assert await aws.refused(update, UUID=UNKNOWN) == NONE
    await aws(update, UUID=uuid, MaximumBatchingWindowInSeconds=1)
    assert (await aws(update, UUID=uuid, BatchSize=11))["BatchSize"] == 11


async def test_function_reads_a_source_once(aws: Lambda) -> None:
    await aws.create(Publish=True)
    conflict = "ResourceConflictException"
    queue = (await aws(CREATE, FunctionName="f", EventSourceArn=QUEUE))["UUID"]
    assert await aws.refused(CREATE, FunctionName=ARN, EventSourceArn=QUEUE) == (
        409,
        conflict,
        f'An event source mapping with SQS arn (" {QUEUE} ") and function (" f ") {ALREADY} {queue}',
    )
    stream = (await aws(CREATE, FunctionName="f", EventSourceArn=STREAM, StartingPosition="LATEST"))["UUID"]
    assert await aws.refused(CREATE, FunctionName="f", EventSourceArn=STREAM, StartingPosition="TRIM_HORIZON") == (
        409,
        conflict,
        f'The event source arn (" {STREAM} ") and function (" f ") provided mapping {ALREADY} {stream}',
    )
    kafka = SERVERS | ACCESS | {"Topics": ["topic"], "StartingPosition": "LATEST"}
    own = (await aws(CREATE, FunctionName="f", **kafka))["UUID"]
    assert await aws.refused(CREATE, FunctionName="f", **kafka) == (
        409,
        conflict,
        f'An event source mapping with event source ("kafka:1000"), function ("{ARN}"), topics ("topic") {ALREADY} {own}',
    )
    await aws(CREATE, FunctionName="f", **kafka | {"Topics": ["other"]})
    version = (await aws(CREATE, FunctionName="f:1", EventSourceArn=QUEUE))["UUID"]
    refusal = await aws.refused("update_event_source_mapping", UUID=version, FunctionName="f")
    assert refusal[:2] == (409, conflict)
    moved = await aws("update_event_source_mapping", UUID=queue, FunctionName="f:$LATEST")
    assert moved["FunctionArn"] == f"{ARN}:$LATEST"


async def test_mappings_are_listed_by_function_and_by_source(aws: Lambda) -> None:
    await aws.create(Publish=True)
    await aws.create(FunctionName="g")
    arns = {}
    for name, source in (("f", QUEUE), ("f:1", QUEUE), ("g", QUEUE), ("f", STREAM)):
        position = {"StartingPosition": "LATEST"} if source == STREAM else {}
        created = await aws(CREATE, FunctionName=name, EventSourceArn=source, **position)
        arns[created["UUID"]] = (name, source)

    async def listed(**filters: str) -> list[tuple[str, str]]:
        reply = await aws("list_event_source_mappings", **filters)
        return sorted(arns[each["UUID"]] for each in reply["EventSourceMappings"])

    assert await listed() == sorted(arns.values())
    assert await listed(FunctionName="f") == [("f", STREAM), ("f", QUEUE)]
    assert await listed(FunctionName="f:1") == [("f:1", QUEUE)]
    assert await listed(EventSourceArn=QUEUE) == [("f", QUEUE), ("f:1", QUEUE), ("g", QUEUE)]
    assert await listed(EventSourceArn=QUEUE, FunctionName=ARN) == [("f", QUEUE)]
    pages = await asyncio.to_thread(
        lambda: list(aws.client.get_paginator("list_event_source_mappings").paginate(PaginationConfig={"PageSize": 3}))
    )
    assert [len(page["EventSourceMappings"]) for page in pages] == [3, 1]
    assert [each["UUID"] for page in pages for each in page["EventSourceMappings"]] == sorted(arns)
    assert await aws.refused("list_event_source_mappings", FunctionName="h") == (
        404,
        MISSING,
        "Function does not exist",
    )


async def test_mapping_outlives_its_function(aws: Lambda) -> None:
    await aws.create()
    uuid = (await aws(CREATE, FunctionName="f", EventSourceArn=QUEUE))["UUID"]
    await aws("delete_function", FunctionName="f")
    assert (await aws("get_event_source_mapping", UUID=uuid))["FunctionArn"] == ARN
    assert len((await aws("list_event_source_mappings", FunctionName="f"))["EventSourceMappings"]) == 1


async def test_mappings_have_tags(aws: Lambda) -> None:
    await aws.create()
    created = await aws(CREATE, FunctionName="f", EventSourceArn=QUEUE, Tags={"a": "1"})
    arn = created["EventSourceMappingArn"]
    await aws("tag_resource", Resource=arn, Tags={"b": "2"})
    await aws("untag_resource", Resource=arn, TagKeys=["a"])
    assert (await aws("list_tags", Resource=arn))["Tags"] == {"b": "2"}
    after = await aws("get_event_source_mapping", UUID=created["UUID"])
    assert after["LastModified"] == created["LastModified"]
    unknown = arn.replace(created["UUID"], UNKNOWN)
    for missing in (unknown, arn.replace("eu-west-1", "eu-west-2")):
        refusal = await aws.refused("list_tags", Resource=missing)
        assert refusal == (404, MISSING, f"Event source mapping not found: {missing}")


async def test_a_mapping_that_is_created_disabled(aws: Lambda) -> None:
    await aws.create()
    created = await aws(CREATE, FunctionName="f", EventSourceArn=QUEUE, Enabled=False)
    assert created["State"] == "Creating"
    assert (await aws("get_event_source_mapping", UUID=created["UUID"]))["State"] == "Disabled"
