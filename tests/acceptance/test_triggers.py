"""Topics, buckets and rules that invoke functions, with the events that AWS sends."""

import itertools
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
from tests.acceptance.machine import until
from tests.acceptance.server import NeveServer

_NUMBERS = itertools.count(1)
ACCOUNT = "000000000000"
TAKES = {"index.js": "exports.handler = async (event) => console.log('took', JSON.stringify(event))\n"}
MS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
SECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture
def taker(deployed: Deploy) -> Deployed:
    """A function that logs what it gets."""
    return deployed(TAKES, "nodejs22.x")


def name_of(kind: str) -> str:
    return f"{kind}-{os.getpid()}-{next(_NUMBERS)}"


def arn_of(function: Deployed) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function.name}"


def all_taken(function: Deployed) -> list[Any]:
    """The events that came."""
    return [json.loads(line.partition("took ")[2]) for line in function.log_lines() if "took " in line]


def taken(function: Deployed, count: int = 1) -> Any:
    """The last event, once there are so many."""
    until(lambda: len(all_taken(function)) >= count, f"{function.name} did not get {count} events")
    events = all_taken(function)
    assert len(events) == count
    return events[-1]


def make_bucket(neve: NeveServer, function: Deployed, *events: str, **filtering: Any) -> str:
    """A bucket that tells the function."""
    name = name_of("bucket")
    neve.client("s3").create_bucket(Bucket=name)
    neve.client("s3").put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"Id": "tell", "LambdaFunctionArn": arn_of(function), "Events": list(events), **filtering}
            ]
        },
    )
    return name


# SNS


def subscribe(neve: NeveServer, function: Deployed, **attributes: str) -> tuple[str, str]:
    """Topic and subscription."""
    topic = neve.client("sns").create_topic(Name=name_of("topic"))["TopicArn"]
    made = neve.client("sns").subscribe(
        TopicArn=topic, Protocol="lambda", Endpoint=arn_of(function), Attributes=attributes, ReturnSubscriptionArn=True
    )
    return topic, made["SubscriptionArn"]


def test_a_topic_invokes_its_subscriber(neve: NeveServer, taker: Deployed) -> None:
    topic, subscription = subscribe(neve, taker)
    attributes = {
        "colour": {"DataType": "String", "StringValue": "white"},
        "size": {"DataType": "Number", "StringValue": "12"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = neve.client("sns").publish(TopicArn=topic, Message='{"a": 1}', Subject="news", MessageAttributes=attributes)
    event = taken(taker)
    (record,) = event["Records"]
    told = record.pop("Sns")
    assert record == {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription}
    assert re.fullmatch(MS, told.pop("Timestamp"))
    assert told.pop("SigningCertUrl").startswith("https://sns.us-east-1.amazonaws.com/")
    assert told.pop("UnsubscribeUrl").endswith(f"?Action=Unsubscribe&SubscriptionArn={subscription}")
    assert told.pop("Signature")
    assert told == {
        "Type": "Notification",
        "MessageId": sent["MessageId"],
        "TopicArn": topic,
        "Subject": "news",
        "Message": '{"a": 1}',
        "SignatureVersion": "1",
        "MessageAttributes": {
            "colour": {"Type": "String", "Value": "white"},
            "size": {"Type": "Number", "Value": "12"},
            "raw": {"Type": "Binary", "Value": "AP8="},
        },
    }


def test_a_topic_invokes_for_what_its_filter_lets_pass(neve: NeveServer, taker: Deployed) -> None:
    topic, _ = subscribe(neve, taker, FilterPolicy='{"colour": ["white"]}')
    for colour in ("black", "white"):
        given = {"colour": {"DataType": "String", "StringValue": colour}}
        neve.client("sns").publish(TopicArn=topic, Message=colour, MessageAttributes=given)
    assert taken(taker)["Records"][0]["Sns"]["Message"] == "white"


def test_a_message_for_each_protocol_has_one_for_functions(neve: NeveServer, taker: Deployed) -> None:
    topic, _ = subscribe(neve, taker)
    message = json.dumps({"default": "for all", "lambda": "for functions"})
    neve.client("sns").publish(TopicArn=topic, Message=message, MessageStructure="json")
    told = taken(taker)["Records"][0]["Sns"]
    assert (told["Message"], told["Subject"], told["MessageAttributes"]) == ("for functions", None, {})


# S3


def test_a_bucket_tells_of_a_new_object(neve: NeveServer, taker: Deployed) -> None:
    bucket = make_bucket(neve, taker, "s3:ObjectCreated:*")
    neve.client("s3").put_object(Bucket=bucket, Key="in box/ü+1.txt", Body=b"12345")
    event = taken(taker)
    (record,) = event["Records"]
    assert re.fullmatch(MS, record.pop("eventTime"))
    assert list(record.pop("responseElements")) == ["x-amz-request-id", "x-amz-id-2"]
    assert re.fullmatch(r"[0-9A-F]{18}", record["s3"]["object"].pop("sequencer"))
    assert record == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": f"AWS:{ACCOUNT}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "tell",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": ACCOUNT}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": "in+box/%C3%BC%2B1.txt", "size": 5, "eTag": "827ccb0eea8a706c4c34a16891f84e7b"},
        },
    }


def test_a_bucket_tells_of_what_its_filter_names(neve: NeveServer, taker: Deployed) -> None:
    rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]}}
    bucket = make_bucket(neve, taker, "s3:ObjectCreated:Put", Filter=rules)
    for key in ("in/a.txt", "out/a.jpg", "in/a.jpg"):
        neve.client("s3").put_object(Bucket=bucket, Key=key, Body=b"")
    assert taken(taker)["Records"][0]["s3"]["object"]["key"] == "in/a.jpg"


def test_a_bucket_with_versions_tells_them(neve: NeveServer, taker: Deployed) -> None:
    bucket = make_bucket(neve, taker, "s3:ObjectRemoved:*", "s3:ObjectCreated:Copy")
    s3 = neve.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")["VersionId"]
    record = taken(taker)["Records"][0]
    assert (record["eventName"], record["s3"]["object"]["versionId"]) == ("ObjectCreated:Copy", copied)
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    record = taken(taker, 2)["Records"][0]
    assert (record["eventName"], record["s3"]["object"]["versionId"]) == ("ObjectRemoved:DeleteMarkerCreated", marker)


def test_an_object_that_is_gone_has_no_size(neve: NeveServer, taker: Deployed) -> None:
    bucket = make_bucket(neve, taker, "s3:ObjectRemoved:*")
    neve.client("s3").put_object(Bucket=bucket, Key="k", Body=b"1")
    neve.client("s3").delete_object(Bucket=bucket, Key="k")
    record = taken(taker)["Records"][0]
    assert record["eventName"] == "ObjectRemoved:Delete"
    assert list(record["s3"]["object"]) == ["key", "sequencer"]


def test_a_bucket_tells_the_default_bus(neve: NeveServer, taker: Deployed) -> None:
    bucket = name_of("bucket")
    neve.client("s3").create_bucket(Bucket=bucket)
    neve.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    make_rule(neve, "default", pattern, {"Arn": arn_of(taker)})
    neve.client("s3").put_object(Bucket=bucket, Key="a b", Body=b"1")
    neve.client("s3").put_object_tagging(Bucket=bucket, Key="a b", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    taken(taker, 2)
    events = {each["detail-type"]: each for each in all_taken(taker)}  # in any order
    assert set(events) == {"Object Created", "Object Tags Added"}
    event = events["Object Created"]
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]
    assert (event["detail"]["object"]["key"], event["detail"]["reason"]) == ("a b", "PutObject")


# EventBridge


def make_rule(neve: NeveServer, bus: str, pattern: object, *targets: dict[str, Any]) -> str:
    name = name_of("rule")
    events = neve.client("events")
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    given = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    events.put_targets(Rule=name, EventBusName=bus, Targets=given)
    return name


def put_event(neve: NeveServer, source: str, **more: Any) -> str:
    entry = {"Source": source, "DetailType": "order placed", "Detail": '{"id": 7, "by": {"name": "Ada"}}', **more}
    answer = neve.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0
    event_id: str = answer["Entries"][0]["EventId"]
    return event_id


def test_a_rule_invokes_its_target(neve: NeveServer, taker: Deployed) -> None:
    source = name_of("shop")
    make_rule(neve, "default", {"source": [source], "detail": {"id": [{"numeric": [">", 5]}]}}, {"Arn": arn_of(taker)})
    event_id = put_event(neve, source, Resources=["arn:aws:s3:::x"])
    event = taken(taker)
    assert re.fullmatch(SECONDS, event.pop("time"))
    assert event == {
        "version": "0",
        "id": event_id,
        "detail-type": "order placed",
        "source": source,
        "account": ACCOUNT,
        "region": "us-east-1",
        "resources": ["arn:aws:s3:::x"],
        "detail": {"id": 7, "by": {"name": "Ada"}},
    }


@pytest.mark.parametrize(
    ("input_", "expected"),
    [
        ({"Input": '{"fixed": [1]}'}, {"fixed": [1]}),
        ({"InputPath": "$.detail.by"}, {"name": "Ada"}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"who": "$.detail.by.name", "number": "$.detail.id"},
                    "InputTemplate": '{"text": "<who> ordered", "number": <number>}',
                }
            },
            {"text": "Ada ordered", "number": 7},
        ),
    ],
    ids=["constant", "part", "template"],
)
def test_a_target_gets_what_it_wants_of_an_event(
    neve: NeveServer, taker: Deployed, input_: dict[str, Any], expected: object
) -> None:
    source = name_of("shop")
    make_rule(neve, "default", {"source": [source]}, {"Arn": arn_of(taker), **input_})
    put_event(neve, source)
    assert taken(taker) == expected


def test_a_rule_writes_to_a_log_group_of_neve(neve: NeveServer) -> None:
    source, group = name_of("shop"), f"/aws/events/{name_of('group')}"
    neve.client("logs").create_log_group(logGroupName=group)
    make_rule(neve, "default", {"source": [source]}, {"Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"})
    event_id = put_event(neve, source)

    def logged() -> list[Any]:
        return [
            json.loads(each["message"]) for each in neve.client("logs").filter_log_events(logGroupName=group)["events"]
        ]

    until(lambda: bool(logged()), "nothing is logged")
    assert [each["id"] for each in logged()] == [event_id]


def test_a_rule_of_another_bus_and_a_disabled_one_say_nothing(neve: NeveServer, taker: Deployed) -> None:
    source, bus = name_of("shop"), name_of("bus")
    neve.client("events").create_event_bus(Name=bus)
    make_rule(neve, bus, {"source": [source]}, {"Arn": arn_of(taker), "Input": '"by the other bus"'})
    disabled = make_rule(neve, "default", {"source": [source]}, {"Arn": arn_of(taker), "Input": '"disabled"'})
    neve.client("events").disable_rule(Name=disabled)
    make_rule(neve, "default", {"source": [source]}, {"Arn": arn_of(taker), "Input": '"enabled"'})
    put_event(neve, source)
    assert taken(taker) == "enabled"


def test_a_target_that_fails_spoils_nothing_for_the_others(neve: NeveServer, taker: Deployed) -> None:
    source = name_of("shop")
    topic, _ = subscribe(neve, taker)
    targets = [
        {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:nowhere"},
        {"Arn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:unsupported"},
        {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:nobody"},
        {"Arn": topic},
    ]
    make_rule(neve, "default", {"source": [source]}, *targets)
    put_event(neve, source)
    assert json.loads(taken(taker)["Records"][0]["Sns"]["Message"])["detail"]["id"] == 7
    log = neve.data_dir.with_name(f"{neve.data_dir.name}.stderr")
    expected = ("nowhere did not get an event", "moto does not deliver to", "nobody did not get an event: 404")
    until(lambda: all(any(said in line for line in warnings(log)) for said in expected), "not all is said")


def warnings(log: Path) -> list[str]:
    """What Neve warned of in the name of its neighbours."""
    return [line for line in log.read_text().splitlines() if "neighbours.warned" in line]


# Chains


def test_a_secret_is_rotated_by_its_function(neve: NeveServer, deployed: Deploy) -> None:
    rotator = deployed(TAKES, "nodejs22.x")
    secret = neve.client("secretsmanager").create_secret(Name=name_of("secret"), SecretString="old")["ARN"]
    neve.client("secretsmanager").rotate_secret(
        SecretId=secret, RotationLambdaARN=arn_of(rotator), RotationRules={"AutomaticallyAfterDays": 30}
    )
    assert [each["Step"] for each in all_taken(rotator)] == ["createSecret", "setSecret", "testSecret", "finishSecret"]


REPEATS = """
import os, urllib.request
def handler(event, context):
    url = f"{os.environ['AWS_ENDPOINT_URL']}/{os.environ['BUCKET']}/{context.aws_request_id}"
    scope = "000000000000/20260101/us-east-1/s3/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
               "X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}
    urllib.request.urlopen(urllib.request.Request(url, b"again", headers, method="PUT")).read()
"""


def test_a_function_that_writes_where_it_is_told_from_is_stopped(neve: NeveServer, deployed: Deploy) -> None:
    bucket = name_of("bucket")
    function = deployed({"index.py": REPEATS}, "python3.11", Environment={"Variables": {"BUCKET": bucket}})
    neve.client("s3").create_bucket(Bucket=bucket)
    neve.client("s3").put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn_of(function), "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    neve.client("s3").put_object(Bucket=bucket, Key="first", Body=b"go")
    until(lambda: counts(neve, function) == {"RecursiveInvocation": 1}, "the circle is not stopped")
    assert neve.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1 + 16


def counts(neve: NeveServer, function: Deployed) -> Any:
    """How many events of the function were dropped, by condition."""
    found = neve.own(f"queue?function={function.name}")["functions"]
    return found[0]["dropped"] if found else {}


def test_a_message_remembers_the_trace_of_its_sender(neve: NeveServer) -> None:
    sqs = neve.client("sqs")
    url = sqs.create_queue(QueueName=name_of("queue"))["QueueUrl"]
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:a87bd80c:3"

    def add(params: Any, **_: object) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = header

    sqs.meta.events.register("before-call.sqs", add)
    try:
        sqs.send_message(QueueUrl=url, MessageBody="alone")
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "in a batch"}])
    finally:
        sqs.meta.events.unregister("before-call.sqs", add)
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    assert {each["Body"]: each["Attributes"]["AWSTraceHeader"] for each in received["Messages"]} == {
        "alone": header,
        "in a batch": header,
    }
