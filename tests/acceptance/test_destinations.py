"""Destinations and dead-letter queues with everything real: the event queue, the outbox, the neighbours (charter E6 to E8)."""

import itertools
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.machine import until
from tests.acceptance.records import Records, followed
from tests.acceptance.server import NeveServer, running

_NUMBERS = itertools.count(1)
ACCOUNT = "000000000000"
FLIPS = {
    "index.js": "exports.handler = async (event) => {"
    " if (event.fail) throw new RangeError('this is intentional');"
    " return { n: event.n } }\n"
}
TAKES = {"index.js": "exports.handler = async (event) => console.log('took', JSON.stringify(event))\n"}
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeveServer]:
    """A server with neighbours, whose clock can be moved."""
    with running(tmp_path_factory.mktemp("town") / "data", "--neighbours", "--virtual-clock") as server:
        yield server


@pytest.fixture
def records(town: NeveServer) -> Iterator[Records]:
    with followed(town) as following:
        yield following


def name_of(kind: str) -> str:
    return f"{kind}-{os.getpid()}-{next(_NUMBERS)}"


class Inbox:
    """A queue that everything ends in."""

    def __init__(self, town: NeveServer) -> None:
        name = name_of("inbox")
        self._sqs = town.client("sqs")
        self.url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def take(self) -> dict[str, Any]:
        """The one message that comes."""
        answer = self._sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=20,
        )
        (message,) = answer["Messages"]
        self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        found: dict[str, Any] = message
        return found


def send(function: Deployed, event: object, **parameters: Any) -> str:
    answer = function.invoke(event, InvocationType="Event", **parameters)
    assert (answer.status, answer.payload) == (202, b"")
    return answer.request_id


def tell(function: Deployed, **settings: Any) -> None:
    """Destinations, by `OnSuccess` and `OnFailure`; one attempt."""
    config = {name: {"Destination": arn} for name, arn in settings.items()}
    function.server.client("lambda").put_function_event_invoke_config(
        FunctionName=function.name, MaximumRetryAttempts=0, DestinationConfig=config
    )


def assert_record(
    found: Any, function: Deployed, request_id: str, failed: bool, event: object, attempts: int = 1
) -> None:
    """The record, exactly, members in the service's order."""
    timestamp = found["timestamp"]
    assert re.fullmatch(ISO, timestamp)
    context = {"statusCode": 200, "executedVersion": "$LATEST"}
    answer: Any = {"n": 7}
    if failed:
        context["functionError"] = "Unhandled"
        answer = found["responsePayload"]
        assert (answer["errorType"], answer["errorMessage"]) == ("RangeError", "this is intentional")
        assert answer["trace"][0] == "RangeError: this is intentional"
    expected = {
        "version": "1.0",
        "timestamp": timestamp,
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function.name}:$LATEST",
            "condition": "RetriesExhausted" if failed else "Success",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": context,
        "responsePayload": answer,
    }
    assert json.dumps(found) == json.dumps(expected)


success_and_failure = pytest.mark.parametrize("failed", [False, True], ids=["success", "failure"])


@success_and_failure
def test_a_queue_gets_the_record(town: NeveServer, failed: bool) -> None:
    """E6"""
    function, succeeded, lost = deploy(town, FLIPS, "nodejs22.x"), Inbox(town), Inbox(town)
    tell(function, OnSuccess=succeeded.arn, OnFailure=lost.arn)
    event = {"n": 7, "fail": failed}
    request_id = send(function, event)
    message = (lost if failed else succeeded).take()
    assert_record(json.loads(message["Body"]), function, request_id, failed, event)
    assert re.fullmatch(r"Root=1-.*;Lineage=.*1:[0-9a-f]{8}:0", message["Attributes"]["AWSTraceHeader"])
    assert "MessageAttributes" not in message


@success_and_failure
def test_a_topic_gets_the_record(town: NeveServer, failed: bool) -> None:
    """E6"""
    function, inbox = deploy(town, FLIPS, "nodejs22.x"), Inbox(town)
    topic = town.client("sns").create_topic(Name=name_of("topic"))["TopicArn"]
    town.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox.arn)
    tell(function, **{"OnFailure" if failed else "OnSuccess": topic})
    event = {"n": 7, "fail": failed}
    request_id = send(function, event)
    notification = json.loads(inbox.take()["Body"])
    assert notification["TopicArn"] == topic
    assert_record(json.loads(notification["Message"]), function, request_id, failed, event)


@success_and_failure
def test_a_bus_gets_the_record_as_an_event(town: NeveServer, failed: bool) -> None:
    """E6"""
    function, inbox, name = deploy(town, FLIPS, "nodejs22.x"), Inbox(town), name_of("bus")
    events = town.client("events")
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    events.put_rule(Name="all", EventBusName=name, EventPattern='{"source": ["lambda"]}')
    events.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "inbox", "Arn": inbox.arn}])
    tell(function, **{"OnFailure" if failed else "OnSuccess": bus})
    sent = {"n": 7, "fail": failed}
    request_id = send(function, sent)
    event = json.loads(inbox.take()["Body"])
    assert event["source"] == "lambda"
    assert event["detail-type"] == f"Lambda Function Invocation Result - {'Failure' if failed else 'Success'}"
    assert event["resources"] == [bus, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function.name}:$LATEST"]
    assert_record(event["detail"], function, request_id, failed, sent)


@success_and_failure
def test_a_function_gets_the_record_as_its_event(town: NeveServer, failed: bool) -> None:
    """E6"""
    function, taker = deploy(town, FLIPS, "nodejs22.x"), deploy(town, TAKES, "nodejs22.x")
    tell(function, **{"OnFailure" if failed else "OnSuccess": arn_of(taker)})
    event = {"n": 7, "fail": failed}
    request_id = send(function, event)
    taker.wait_line("took")
    (line,) = [line for line in taker.log_lines() if "took" in line]
    assert_record(json.loads(line.partition("took ")[2]), function, request_id, failed, event)


def test_a_bucket_gets_the_record_of_a_failure(town: NeveServer) -> None:
    """E6"""
    function, bucket = deploy(town, FLIPS, "nodejs22.x"), name_of("bucket")
    s3 = town.client("s3")
    s3.create_bucket(Bucket=bucket)
    tell(function, OnFailure=f"arn:aws:s3:::{bucket}")
    event = {"n": 7, "fail": True}
    request_id = send(function, event)
    until(lambda: s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1, "no record came")
    (found,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    day, time_of_day = r"\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\d", r"T\d\d\.\d\d\.\d\d"
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert re.fullmatch(rf"aws/lambda/async/{function.name}/{day}{time_of_day}-{uuid}", found["Key"])
    assert_record(json.load(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"]), function, request_id, True, event)


def test_the_record_of_three_attempts_counts_them(town: NeveServer, records: Records) -> None:
    """E6"""
    function, inbox = deploy(town, FLIPS, "nodejs22.x"), Inbox(town)
    town.client("lambda").put_function_event_invoke_config(
        FunctionName=function.name, DestinationConfig={"OnFailure": {"Destination": inbox.arn}}
    )
    request_id = send(function, {"fail": True})
    for attempt in (1, 2):
        records.wait("neve.retryAt", lambda record: record["requestId"] == request_id, attempt)
        town.own("clock/advance", {"seconds": 120})
    assert_record(json.loads(inbox.take()["Body"]), function, request_id, True, {"fail": True}, attempts=3)


def test_a_dead_letter_queue_gets_the_event_and_why(town: NeveServer) -> None:
    """E7"""
    inbox = Inbox(town)
    function = deploy(town, FLIPS, "nodejs22.x", DeadLetterConfig={"TargetArn": inbox.arn})
    tell(function)
    request_id = send(function, b'{"fail":  true, "as": "it is"}')
    message = inbox.take()
    assert message["Body"] == '{"fail":  true, "as": "it is"}'
    assert message["MessageAttributes"] == attributes(request_id)


def test_a_dead_letter_topic_gets_the_event_and_why(town: NeveServer) -> None:
    """E7"""
    inbox = Inbox(town)
    topic = town.client("sns").create_topic(Name=name_of("topic"))["TopicArn"]
    town.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=inbox.arn, Attributes={"RawMessageDelivery": "true"}
    )
    function = deploy(town, FLIPS, "nodejs22.x", DeadLetterConfig={"TargetArn": topic})
    tell(function)
    request_id = send(function, {"fail": True})
    message = inbox.take()
    assert message["Body"] == '{"fail": true}'
    assert message["MessageAttributes"] == attributes(request_id)


def attributes(request_id: str) -> dict[str, dict[str, str]]:
    return {
        "RequestID": {"StringValue": request_id, "DataType": "String"},
        "ErrorCode": {"StringValue": "200", "DataType": "Number"},
        "ErrorMessage": {"StringValue": "this is intentional", "DataType": "String"},
    }


def test_a_chain_of_functions_goes_on_to_its_end(town: NeveServer) -> None:
    """E8: each one's event is the whole record of the one before."""
    first, second, third = (deploy(town, FLIPS, "nodejs22.x") for _ in range(3))
    inbox = Inbox(town)
    for function, after in ((first, arn_of(second)), (second, arn_of(third)), (third, inbox.arn)):
        tell(function, OnSuccess=after)
    request_id = send(first, {"n": 7})
    told = json.loads(inbox.take()["Body"])
    chain = [told, told["requestPayload"], told["requestPayload"]["requestPayload"]]
    assert [each["requestContext"]["functionArn"].split(":")[6] for each in chain] == [
        each.name for each in (third, second, first)
    ]
    assert chain[2]["requestContext"]["requestId"] == request_id
    assert chain[2]["requestPayload"] == {"n": 7}


def test_a_circle_of_functions_is_stopped(town: NeveServer) -> None:
    """E8: the seventeenth run of the same function is not made, and its event is told to the dead-letter queue."""
    inbox = Inbox(town)
    ping = deploy(town, TAKES, "nodejs22.x", DeadLetterConfig={"TargetArn": inbox.arn})
    pong = deploy(town, TAKES, "nodejs22.x")
    tell(ping, OnSuccess=arn_of(pong))
    tell(pong, OnSuccess=arn_of(ping))
    send(ping, {})
    message = inbox.take()
    assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "400"
    assert [sum("took" in line for line in each.log_lines()) for each in (ping, pong)] == [16, 16]


def test_a_queue_that_is_made_later_is_not_waited_for(town: NeveServer, records: Records) -> None:
    """What is not there is for good, and is told with its reason."""
    function = deploy(town, FLIPS, "nodejs22.x")
    tell(function, OnSuccess=f"arn:aws:sqs:us-east-1:{ACCOUNT}:nowhere")
    request_id = send(function, {"n": 1})
    failed = records.wait("neve.deliveryFailed", lambda record: record["requestId"] == request_id)
    assert "queue does not exist" in failed["record"]["reason"]


def test_a_target_that_is_down_gets_it_when_it_is_back(
    tmp_path_factory: pytest.TempPathFactory, town: NeveServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    data = tmp_path_factory.mktemp("down") / "data"
    inbox = Inbox(town)
    with running(data, "--virtual-clock", "--endpoints", f"sqs=http://127.0.0.1:{port}") as server:
        with followed(server) as following:
            function = deploy(server, FLIPS, "nodejs22.x")
            tell(function, OnSuccess=inbox.arn)
            request_id = send(function, {"n": 7})
            following.wait("platform.report", lambda record: record["requestId"] == request_id)
        server.kill()
    with running(data, "--virtual-clock", "--endpoints", f"sqs={town.url}") as server:
        server.own("clock/advance", {"seconds": 600})
        assert json.loads(inbox.take()["Body"])["requestContext"]["requestId"] == request_id


def test_a_target_that_says_nothing_does_not_hold_up_the_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        data = tmp_path_factory.mktemp("silent") / "data"
        with running(
            data, "--drain-seconds", "1", "--endpoints", f"sqs=http://127.0.0.1:{silent.getsockname()[1]}"
        ) as server:
            function = deploy(server, FLIPS, "nodejs22.x")
            tell(function, OnSuccess=f"arn:aws:sqs:us-east-1:{ACCOUNT}:silent")
            send(function, {"n": 7})
            silent.settimeout(20)
            connection, _ = silent.accept()  # the delivery is under way
            with connection:
                since = time.monotonic()
                assert server.stop() == 0
                assert time.monotonic() - since < 15  # 3 s on a free machine; the delivery would wait for 20


def arn_of(function: Deployed) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function.name}"


def test_a_rule_with_a_schedule_fires_by_the_clock_of_neve(town: NeveServer) -> None:
    taker, name = deploy(town, TAKES, "nodejs22.x"), name_of("rule")
    began = town.own("clock")["now"]
    rule = schedule(town, taker, name)
    town.own("clock/advance", {"seconds": 2 * 3600 + 60})
    until(lambda: len(taken(taker)) == 2, "the rule did not fire twice")
    found = taken(taker)
    times = sorted(datetime.fromisoformat(event.pop("time")).timestamp() - began for event in found)
    assert times == [pytest.approx(3600, abs=20), pytest.approx(7200, abs=20)]
    assert len({event.pop("id") for event in found}) == 2
    expected = {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "region": "us-east-1",
        "resources": [rule],
        "detail": {},
    }
    assert found == [expected, expected]

    witness = deploy(town, TAKES, "nodejs22.x")
    schedule(town, witness, name_of("rule"))
    town.client("events").disable_rule(Name=name)
    town.client("events").put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": "{}"}])
    town.own("clock/advance", {"seconds": 3600})
    until(lambda: len(taken(witness)) == 1, "the other rule did not fire")
    assert taken(witness)[0]["detail-type"] == "Scheduled Event"
    assert len(taken(taker)) == 2


def schedule(town: NeveServer, function: Deployed, name: str) -> str:
    """A rule that is due every hour."""
    rule: str = town.client("events").put_rule(Name=name, ScheduleExpression="rate(1 hour)")["RuleArn"]
    town.client("events").put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn_of(function)}])
    return rule


def taken(function: Deployed) -> list[Any]:
    return [json.loads(line.partition("took ")[2]) for line in function.log_lines() if "took" in line]
