"""The SDKs that people have, inside functions, against the neighbours: found by the environment alone.

What a request may do and when is the gate's: the function freezes with it held, and it is let go or not.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import botocore.exceptions
import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
from tests.acceptance.gate import Gate, gate
from tests.acceptance.lines import inside, report_of, texts
from tests.acceptance.machine import until
from tests.acceptance.packages import layer
from tests.acceptance.server import NeveServer

_NUMBERS = itertools.count(1)
PACKAGES = {"v2": ("aws-sdk",), "v3": ("@aws-sdk/client-s3", "@aws-sdk/lib-dynamodb")}
every_generation = pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs22.x", "nodejs24.x"])
callback_generation = pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs22.x"])
both_sdks = pytest.mark.parametrize("sdk", ["v2", "v3"])

Sdk = Callable[..., Deployed]


@pytest.fixture(scope="session")
def layers(neve: NeveServer) -> dict[str, str]:
    """Layers with the packages of an SDK, by its version."""
    publish = neve.client("lambda").publish_layer_version
    return {
        sdk: publish(LayerName=f"sdk-{sdk}", Content={"ZipFile": layer(*packages)})["LayerVersionArn"]
        for sdk, packages in PACKAGES.items()
    }


@pytest.fixture
def sdk_function(deployed: Deploy, layers: dict[str, str]) -> Sdk:
    """`sdk_function("v3", "awaited", runtime)`; with a URL its calls go there, through a gate say."""

    def make(sdk: str, handler: str, runtime: str, url: str | None = None) -> Deployed:
        environment = {"AWS_ENDPOINT_URL": url} if url else {}
        return deployed(
            f"n-sdk-{sdk}",
            runtime,
            handler=f"index.{handler}",
            timeout_s=20,
            MemorySize=1769,
            Layers=[layers[sdk]],
            Environment={"Variables": {"AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1", **environment}},
        )

    return make


@pytest.fixture
def held(neve: NeveServer) -> Iterator[Gate]:
    with gate(neve.url) as opened:
        yield opened


@pytest.fixture
def place(neve: NeveServer) -> dict[str, str]:
    """A bucket and a table of the test's own."""
    name = f"n-{os.getpid()}-{next(_NUMBERS)}"
    neve.client("s3").create_bucket(Bucket=name)
    make_table(neve, name)
    return {"bucket": name, "table": name}


def make_table(neve: NeveServer, name: str) -> None:
    neve.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def stored(neve: NeveServer, place: dict[str, str], key: str) -> bytes | None:
    """An object of the place."""
    try:
        content: bytes = neve.client("s3").get_object(Bucket=place["bucket"], Key=key)["Body"].read()
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchKey"  # noqa: PT017 - or nothing is known
        return None
    return content


def item(neve: NeveServer, place: dict[str, str], id_: str) -> Any:
    """An item of the place."""
    return neve.client("dynamodb").get_item(TableName=place["table"], Key={"id": {"S": id_}}).get("Item")


@every_generation
@pytest.mark.parametrize("fate", ["a later invocation", "never"])
def test_put_that_is_not_awaited_is_done_in_a_later_invocation_or_never(
    neve: NeveServer, sdk_function: Sdk, held: Gate, place: dict[str, str], runtime: str, fate: str
) -> None:
    """A2"""
    function = sdk_function("v3", "forgottenAwait", runtime, held.url)
    held.hold("GetItem")
    assert function.invoke(place | {"key": "1"}).value == "1"
    with function.motionless():
        held.let_go("GetItem")
        assert stored(neve, place, "1") is None
    if fate == "never":
        function.renew()
        assert stored(neve, place, "1") is None
        return
    held.hold(f"GET /{place['bucket']}/1")
    call = function.begin(place | {"key": "2", "after": "1"})
    until(lambda: stored(neve, place, "1") == b"an invoice", "the invoice is not there")
    held.let_go(f"GET /{place['bucket']}/1")
    assert call.result().value == "2"


@every_generation
def test_awaited_put_is_done_when_the_caller_is_answered(
    neve: NeveServer, sdk_function: Sdk, place: dict[str, str], runtime: str
) -> None:
    """A3"""
    assert sdk_function("v3", "awaited", runtime).invoke(place | {"key": "1"}).value == "1"
    assert stored(neve, place, "1") == b"an invoice"


@every_generation
def test_stream_wrapped_in_a_promise_is_waited_for(
    neve: NeveServer, sdk_function: Sdk, place: dict[str, str], runtime: str
) -> None:
    """A4"""
    neve.client("s3").put_object(Bucket=place["bucket"], Key="report.csv", Body=b"one,two,three\n" * 200_000)
    assert sdk_function("v3", "stream", runtime).invoke(place | {"key": "report.csv"}).value == {"lines": 200_000}


def test_queries_side_by_side_cost_one_query_less_than_in_a_row(
    sdk_function: Sdk, held: Gate, place: dict[str, str]
) -> None:
    """A5"""
    function = sdk_function("v3", "twoQueries", "nodejs24.x", held.url)
    function.invoke(place)  # the cold one
    held.slow_down("GetItem", 0.3)

    def duration(together: bool) -> float:
        answer = function.invoke(place | {"together": together}, tail=True)
        return report_of(function.log_lines(), answer.request_id).duration_ms

    # A busy machine can only add: the least of a few tries counts.
    in_a_row, together = [duration(False)], [duration(True)]
    while len(together) < 6 and min(together) > 550:
        in_a_row.append(duration(False))
        together.append(duration(True))
    assert min(in_a_row) >= 600
    assert 300 <= min(together) < 550


@every_generation
def test_flag_of_the_context_changes_nothing_in_an_async_handler(
    sdk_function: Sdk, held: Gate, place: dict[str, str], runtime: str
) -> None:
    """A6"""
    function = sdk_function("v3", "flag", runtime, held.url)
    held.hold("GetItem")
    assert function.invoke(place).value == "at once"
    function.wait_frozen()
    assert not any("slow answered" in line for line in function.log_lines())


@every_generation
@pytest.mark.parametrize("fate", ["a later invocation", "never"])
def test_callback_inside_an_async_handler_is_called_in_a_later_invocation_or_never(
    neve: NeveServer, sdk_function: Sdk, held: Gate, place: dict[str, str], runtime: str, fate: str
) -> None:
    """A7"""
    function = sdk_function("v2", "callbackInAsync", runtime, held.url)
    held.hold("PutItem")
    first = function.invoke(place | {"id": "1"}, tail=True)
    assert (first.error, first.value) == (None, {"statusCode": 200})
    with function.motionless():
        assert item(neve, place, "1") is None
    if fate == "never":
        function.renew()
        held.let_go("PutItem")
        assert item(neve, place, "1") is None
        assert not any("put 1" in line for line in function.log_lines())
        return
    held.hold("GetItem")
    call = function.begin(place | {"id": "2", "after": "whatever"})
    held.wait_request("GetItem")
    held.let_go("PutItem")
    function.wait_line("put 1")
    held.let_go("GetItem")
    second = call.result()
    function.wait_frozen()
    assert item(neve, place, "1") == {"id": {"S": "1"}}
    assert inside(function.log_lines(), first.request_id) == []
    assert "put 1" in texts(inside(function.log_lines(), second.request_id))


@every_generation
@both_sdks
@pytest.mark.parametrize("table", ["takes it", "is not there"])
def test_promise_inside_an_async_handler_is_done_when_the_caller_is_answered(
    neve: NeveServer, sdk_function: Sdk, place: dict[str, str], runtime: str, sdk: str, table: str
) -> None:
    """A8"""
    function = sdk_function(sdk, "promiseInAsync", runtime)
    event = {"table": place["table"] if table == "takes it" else "nowhere", "id": "1"}
    answer = function.invoke(event, tail=True)
    told = texts(inside(function.log_lines(), answer.request_id))
    if table == "takes it":
        assert (answer.value, told) == ({"statusCode": 200}, ["put 1"])
        found = {"v2": {"id": {"S": "1"}}, "v3": {"id": {"S": "1"}, "tags": {"SS": ["a"]}, "n": {"N": "1.5"}}}
        assert item(neve, place, "1") == found[sdk]
    else:
        assert (answer.value, told) == ({"statusCode": 500}, ["could not put ResourceNotFoundException"])


@every_generation
@both_sdks
def test_a_bucket_is_found_by_path_and_by_host(
    neve: NeveServer, sdk_function: Sdk, place: dict[str, str], runtime: str, sdk: str
) -> None:
    """A14"""
    by_name = neve.url.replace("127.0.0.1", "localhost")
    found = sdk_function(sdk, "buckets", runtime, by_name).invoke(place)
    assert found.value == {"default": "default", "path": "path", "host": "host"}


def test_boto3_finds_everything(neve: NeveServer, deployed: Deploy, place: dict[str, str]) -> None:
    """A14"""
    queue = neve.client("sqs").create_queue(QueueName=place["bucket"])["QueueUrl"]
    runtime = f"python3.{sys.version_info[1]}"
    function = deployed("n-boto3", runtime, timeout_s=20, MemorySize=1769)
    answer = function.invoke(place | {"queue": place["bucket"]})
    assert answer.value == "an invoice"
    assert item(neve, place, "from-python") == {"id": {"S": "from-python"}, "tags": {"SS": ["a"]}}
    (message,) = neve.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "from python"
    function.wait_frozen()  # what it called is told after its answer
    rows = [row for row in neve.own(f"traces/{answer.request_id}")["rows"] if row["back"] == "200"]
    assert [row["text"] for row in rows][1:4] == ["PutItem", "GetQueueUrl", "SendMessage"]


@callback_generation
def test_callback_waits_for_a_put_that_is_running(
    neve: NeveServer, sdk_function: Sdk, held: Gate, place: dict[str, str], runtime: str
) -> None:
    """C3"""
    function = sdk_function("v2", "putThenCallback", runtime, held.url)
    name = f"PUT /{place['bucket']}/1"
    held.hold(name)
    call = function.begin(place | {"key": "1"}, tail=True)
    held.wait_request(name)
    assert [each["state"] for each in function.environments()] == ["invoking"]
    assert not call.done()
    held.let_go(name)
    answer = call.result()
    assert answer.value == "accepted"
    assert stored(neve, place, "1") == b"an order"
    assert texts(inside(function.log_lines(), answer.request_id)) == ["stored well"]


@callback_generation
@pytest.mark.parametrize("fate", ["before the freeze", "a later invocation", "never"])
def test_put_that_nobody_waits_for_has_one_of_three_fates(
    neve: NeveServer, sdk_function: Sdk, held: Gate, place: dict[str, str], runtime: str, fate: str
) -> None:
    """C6"""
    function = sdk_function("v2", "putNotWaited", runtime, held.url)
    name = f"PUT /{place['bucket']}/1"
    if fate == "before the freeze":
        held.hold("GetItem")
        call = function.begin(place | {"key": "1"})
        until(lambda: stored(neve, place, "1") == b"a report", "the report is not there")
        assert not call.done()
        held.let_go("GetItem")
        assert call.result().value == {"key": "1"}
        return
    held.hold(name)
    assert function.invoke(place | {"key": "1"}).value == {"key": "1"}
    with function.motionless():
        assert stored(neve, place, "1") is None
    if fate == "never":
        function.renew()
        held.let_go(name)
        assert stored(neve, place, "1") is None
        return
    held.hold("GetItem")
    call = function.begin(place | {"key": "2"})
    held.let_go(name)
    function.wait_line("1 stored")
    held.let_go("GetItem")
    assert call.result().value == {"key": "2"}
    assert stored(neve, place, "1") == b"a report"


@callback_generation
@pytest.mark.parametrize("failing", ["none", "query", "put object", "put item"])
def test_nested_callbacks_over_three_services(
    neve: NeveServer, sdk_function: Sdk, place: dict[str, str], runtime: str, failing: str
) -> None:
    """C9"""
    function = sdk_function("v2", "nested", runtime)
    order = {"id": {"S": "7"}, "customer": {"S": "Ada"}}
    neve.client("dynamodb").put_item(TableName=place["table"], Item=order)
    billed = f"{place['table']}-billed"
    make_table(neve, billed)
    event = {"orders": place["table"], "bucket": place["bucket"], "billed": billed, "id": "7"}
    wrong = {
        "none": {},
        "query": {"orders": "nowhere"},
        "put object": {"bucket": "nowhere-at-all"},
        "put item": {"billed": "nowhere"},
    }[failing]
    for count in (1, 2):
        answer = function.invoke(event | wrong)
        assert function.wait_frozen()["invocations"] == count
        if failing == "none":
            assert (answer.error, answer.value) == (None, "Bill for Ada")
        else:
            code = "NoSuchBucket" if failing == "put object" else "ResourceNotFoundException"
            assert (answer.error, answer.value["errorType"]) == ("Unhandled", code)
    reached = {"query": 0, "put object": 1, "put item": 2, "none": 3}[failing]
    assert (stored(neve, place, "bills/7") is not None) == (reached >= 2)
    assert (item(neve, {"table": billed}, "7") is not None) == (reached >= 3)
