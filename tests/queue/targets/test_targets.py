"""Deliveries arrive, exactly as the service sends them."""

import asyncio
import json
from typing import Any

import pytest
from tests.acceptance.server import NeveServer
from tests.queue.targets.conftest import FUNCTION, HERE, ID, TRACE, Invoked, to

from neve.domain.destination import DeliveryKind
from neve.domain.errors import ResourceNotFound, StorageUnavailable, TooManyRequests
from neve.domain.world import World
from neve.queue.target import TargetRejected, TargetUnreachable
from neve.queue.targets.choice import AllTargets

BODY = b'{"version":"1.0","requestPayload":{"n":1.10,"\xc3\xa4":"\\u0000"}}'


def client(town: NeveServer, service: str) -> Any:
    return town.client(service, HERE.region, HERE.account)


def make_queue(town: NeveServer, name: str) -> tuple[str, str]:
    """URL and ARN."""
    url = client(town, "sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:{HERE.region}:{HERE.account}:{name}"


def received(town: NeveServer, url: str) -> dict[str, Any]:
    """The one message of a queue."""
    answer = client(town, "sqs").receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
        WaitTimeSeconds=5,
    )
    (message,) = answer["Messages"]
    found: dict[str, Any] = message
    return found


async def test_a_queue_gets_the_record_and_the_trace(town: NeveServer, targets: AllTargets) -> None:
    url, arn = make_queue(town, "records")
    await targets.send(to(arn, body=BODY))
    message = received(town, url)
    assert message["Body"].encode() == BODY
    assert message["Attributes"]["AWSTraceHeader"] == TRACE
    assert "MessageAttributes" not in message


async def test_a_dead_letter_queue_gets_the_event_and_why(town: NeveServer, targets: AllTargets) -> None:
    url, arn = make_queue(town, "dead-letters")
    await targets.send(to(arn, DeliveryKind.DEAD_LETTER, b'{"bare": "event"}'))
    message = received(town, url)
    assert message["Body"] == '{"bare": "event"}'
    assert message["MessageAttributes"] == {
        "RequestID": {"DataType": "String", "StringValue": "request-1"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "Test exception (this is intentional)"},
    }


async def test_a_topic_gets_the_record_as_its_message(town: NeveServer, targets: AllTargets) -> None:
    url, queue = make_queue(town, "of-the-topic")
    topic = client(town, "sns").create_topic(Name="records")["TopicArn"]
    client(town, "sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"}
    )
    await targets.send(to(topic, body=BODY))
    assert received(town, url)["Body"].encode() == BODY


async def test_a_dead_letter_topic_gets_the_attributes_too(town: NeveServer, targets: AllTargets) -> None:
    url, queue = make_queue(town, "of-the-dead-topic")
    topic = client(town, "sns").create_topic(Name="dead-letters")["TopicArn"]
    client(town, "sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    await targets.send(to(topic, DeliveryKind.DEAD_LETTER, b'"event"'))
    notification = json.loads(received(town, url)["Body"])
    assert notification["Message"] == '"event"'
    attributes = notification["MessageAttributes"]
    assert {name: (each["Type"], str(each["Value"])) for name, each in attributes.items()} == {
        "RequestID": ("String", "request-1"),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "Test exception (this is intentional)"),
    }


@pytest.mark.parametrize(
    ("kind", "outcome"), [(DeliveryKind.ON_SUCCESS, "Success"), (DeliveryKind.ON_FAILURE, "Failure")]
)
async def test_a_bus_gets_an_event_about_the_outcome(
    town: NeveServer, targets: AllTargets, kind: DeliveryKind, outcome: str
) -> None:
    url, queue = make_queue(town, f"of-the-bus-{outcome}")
    bus = client(town, "events").create_event_bus(Name=f"results-{outcome}")["EventBusArn"]
    client(town, "events").put_rule(
        Name="all", EventBusName=f"results-{outcome}", EventPattern='{"source": ["lambda"]}'
    )
    client(town, "events").put_targets(
        Rule="all", EventBusName=f"results-{outcome}", Targets=[{"Id": "1", "Arn": queue}]
    )
    await targets.send(to(bus, kind, b'{"version":"1.0","requestPayload":7}'))
    event = json.loads(received(town, url)["Body"])
    assert event["source"] == "lambda"
    assert event["detail-type"] == f"Lambda Function Invocation Result - {outcome}"
    assert event["detail"] == {"version": "1.0", "requestPayload": 7}
    assert event["resources"] == [bus, FUNCTION]


async def test_a_bucket_gets_the_same_object_however_often_it_is_sent(town: NeveServer, targets: AllTargets) -> None:
    client(town, "s3").create_bucket(
        Bucket="all-the-records", CreateBucketConfiguration={"LocationConstraint": HERE.region}
    )
    for _ in range(2):
        await targets.send(to("arn:aws:s3:::all-the-records", body=BODY))
    (found,) = client(town, "s3").list_objects_v2(Bucket="all-the-records")["Contents"]
    assert found["Key"] == f"aws/lambda/async/maker/2025/11/24/2025-11-24T23.21.20-{ID}"
    assert client(town, "s3").get_object(Bucket="all-the-records", Key=found["Key"])["Body"].read() == BODY


async def test_a_function_gets_the_record_as_its_event(targets: AllTargets, invoked: Invoked) -> None:
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:taker:live"
    await targets.send(to(arn, body=BODY))
    assert invoked == [(HERE, arn, BODY, TRACE)]


async def test_deliveries_go_side_by_side(town: NeveServer, targets: AllTargets) -> None:
    url, arn = make_queue(town, "many")
    async with asyncio.timeout(20):
        await asyncio.gather(*(targets.send(to(arn, body=b"%d" % number)) for number in range(50)))
    attributes = client(town, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "50"


async def test_a_queue_that_is_made_again_is_found_again(town: NeveServer, targets: AllTargets) -> None:
    url, arn = make_queue(town, "made-again")
    await targets.send(to(arn))
    client(town, "sqs").delete_queue(QueueUrl=url)
    with pytest.raises(TargetRejected, match="does not exist"):
        await targets.send(to(arn))
    url, arn = make_queue(town, "made-again")
    await targets.send(to(arn))
    assert received(town, url)["Body"] == '{"version":"1.0"}'


@pytest.mark.parametrize(
    ("arn", "reason"),
    [
        ("arn:aws:sqs:eu-west-1:111122223333:nowhere", "NonExistentQueue|QueueDoesNotExist"),
        ("arn:aws:sns:eu-west-1:111122223333:nowhere", "NotFound"),
        ("arn:aws:events:eu-west-1:111122223333:event-bus/nowhere", "ResourceNotFoundException"),
        ("arn:aws:s3:::nowhere-at-all", "NoSuchBucket"),
        ("arn:aws:sqs:eu-west-1:111122223333:queue.fifo", "Nothing can be delivered to"),
        ("arn:aws:kinesis:eu-west-1:111122223333:stream/s", "Nothing can be delivered to"),
    ],
)
async def test_a_target_that_is_not_there_rejects_for_good(targets: AllTargets, arn: str, reason: str) -> None:
    with pytest.raises(TargetRejected, match=reason):
        await targets.send(to(arn))


async def test_a_topic_takes_no_more_than_256_kb(targets: AllTargets) -> None:
    with pytest.raises(TargetRejected, match="262145 bytes, and a topic takes 262144 at most"):
        await targets.send(to("arn:aws:sns:eu-west-1:111122223333:t", body=b'"' + b"x" * 262_143 + b'"'))


async def test_a_function_takes_no_more_than_an_event(targets: AllTargets) -> None:
    with pytest.raises(TargetRejected, match="1048577 bytes, and an event 1048576 at most"):
        await targets.send(to("arn:aws:lambda:eu-west-1:111122223333:function:f", body=b"x" * 1_048_577))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ResourceNotFound("Function not found"), TargetRejected),
        (TooManyRequests("CallerRateLimitExceeded"), TargetUnreachable),
        (StorageUnavailable("the disk is full"), TargetUnreachable),
    ],
)
async def test_what_our_own_queue_refuses(town: NeveServer, raised: Exception, expected: type[Exception]) -> None:
    async def invoke(world: World, arn: str, payload: bytes, trace: str) -> None:
        raise raised

    targets = AllTargets(town.url, invoke)
    with pytest.raises(expected):
        await targets.send(to("arn:aws:lambda:eu-west-1:111122223333:function:f"))
    targets.close()
