"""Asynchronous invocations against a real Neve whose clock the test moves (charter E1 to E5, E9)."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from tests.acceptance.functions import Deployed, deploy, zipped
from tests.acceptance.records import Record, Records, followed
from tests.acceptance.server import NeveServer, running

MINUTE = 60.0
HOUR = 3600.0
FAILING = {"index.py": "def handler(event, context):\n    raise ValueError(event['why'])\n"}
SLOW = {"index.js": "exports.handler = () => new Promise(() => setInterval(() => {}, 1000))\n"}
ECHO = {"index.py": "def handler(event, context):\n    print('ran', event)\n    return event\n"}


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeveServer]:
    """A server whose clock can be moved."""
    with running(tmp_path_factory.mktemp("moved") / "data", "--virtual-clock") as server:
        yield server


@pytest.fixture
def records(moved: NeveServer) -> Iterator[Records]:
    with followed(moved) as following:
        yield following


def send(function: Deployed, event: object = None, **parameters: Any) -> str:
    """Invoke as an event; the request id."""
    answer = function.invoke({} if event is None else event, InvocationType="Event", **parameters)
    assert (answer.status, answer.payload) == (202, b"")
    return answer.request_id


def advance(server: NeveServer, seconds: float) -> None:
    server.own("clock/advance", {"seconds": seconds})


def wait(records: Records, kind: str, request_id: str, count: int = 1) -> Record:
    """The `count`th record of that type of one event; its members."""
    found: Record = records.wait(kind, lambda record: record["requestId"] == request_id, count)["record"]
    return found


def waits_s(server: NeveServer, at_ms: float) -> float:
    return float(at_ms / 1000.0 - server.own("clock")["now"])


def test_event_is_accepted_at_once_and_runs_later(moved: NeveServer, records: Records) -> None:
    function = deploy(moved, ECHO, "python3.11")
    answer = function.invoke({"a": 1}, InvocationType="Event")
    assert (answer.status, answer.payload, answer.error, answer.version, answer.log) == (202, b"", None, None, None)
    done = records.wait("platform.report", lambda record: record["requestId"] == answer.request_id)
    assert done["record"]["status"] == "success"
    function.wait_line("ran {'a': 1}")
    starts = [line for line in function.log_lines() if line.startswith(f"START RequestId: {answer.request_id}")]
    assert len(starts) == 1


def test_command_line_prints_202_and_leaves_an_empty_file(moved: NeveServer, tmp_path: Path) -> None:
    function = deploy(moved, ECHO, "python3.11")
    done: subprocess.CompletedProcess[str] = moved.aws(
        *("lambda", "invoke", "--function-name", function.name, "--invocation-type", "Event", "out.json"), cwd=tmp_path
    )
    assert json.loads(done.stdout) == {"StatusCode": 202}, done.stderr
    assert (tmp_path / "out.json").read_bytes() == b""


@pytest.mark.parametrize(
    ("name", "payload", "code"),
    [
        (None, b"{}", "ResourceNotFoundException"),
        ("f", b"value", "InvalidRequestContentException"),
        ("f", b'"' + b"x" * 1_048_576 + b'"', "RequestEntityTooLargeException"),
    ],
)
def test_what_is_wrong_is_said_to_the_caller(moved: NeveServer, name: str | None, payload: bytes, code: str) -> None:
    function = deploy(moved, ECHO, "python3.11") if name else Deployed(moved, "nobody")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        function.invoke(payload, InvocationType="Event")
    assert refused.value.response["Error"]["Code"] == code


def test_payload_of_a_whole_mebibyte_is_taken_and_given(moved: NeveServer, records: Records) -> None:
    function = deploy(moved, {"index.py": "def handler(event, context):\n    print(len(event))\n"}, "python3.11")
    request_id = send(function, b'"' + b"x" * 1_048_574 + b'"')
    records.wait("platform.report", lambda record: record["requestId"] == request_id)
    function.wait_line("1048574")


@pytest.mark.parametrize(
    ("program", "runtime", "timeout_s"),
    [(FAILING, "python3.11", 10), (SLOW, "nodejs22.x", 1)],
    ids=["error", "timeout"],
)
def test_failing_event_is_attempted_three_times_one_and_two_minutes_apart(
    moved: NeveServer, records: Records, program: dict[str, str], runtime: str, timeout_s: int
) -> None:
    function = deploy(moved, program, runtime, timeout_s=timeout_s)
    request_id = send(function, {"why": "no"})
    for attempt, minutes in ((1, 1), (2, 2)):
        retry = wait(records, "neve.retryAt", request_id, attempt)
        assert retry["attempts"] == attempt
        assert MINUTE * minutes - 10.0 < waits_s(moved, retry["at"]) <= MINUTE * minutes
        advance(moved, MINUTE * minutes)
    dropped = wait(records, "neve.dropped", request_id)
    assert (dropped["condition"], dropped["attempts"]) == ("RetriesExhausted", 3)
    starts = [line for line in function.log_lines() if line.startswith("START")]
    assert [request_id in line for line in starts] == [True] * 3


def test_retries_and_age_are_those_of_the_qualifier_and_of_the_moment(moved: NeveServer, records: Records) -> None:
    function = deploy(moved, FAILING, "python3.11")
    client = moved.client("lambda")
    client.put_function_event_invoke_config(FunctionName=function.name, MaximumRetryAttempts=1)
    request_id = send(function, {"why": "no"})
    wait(records, "neve.retryAt", request_id)
    client.put_function_event_invoke_config(FunctionName=function.name, MaximumRetryAttempts=0)
    advance(moved, MINUTE)
    assert wait(records, "neve.dropped", request_id)["attempts"] == 2
    client.publish_version(FunctionName=function.name)
    client.get_waiter("published_version_active").wait(
        FunctionName=function.name, Qualifier="1", WaiterConfig={"Delay": 0.01, "MaxAttempts": 500}
    )
    client.put_function_event_invoke_config(
        FunctionName=function.name, Qualifier="1", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60
    )
    dropped = wait(records, "neve.dropped", send(function, {"why": "no"}, Qualifier="1"))
    assert (dropped["condition"], dropped["attempts"]) == ("EventAgeExceeded", 1)


def test_queued_event_runs_on_the_code_of_the_moment(moved: NeveServer, records: Records) -> None:
    function = deploy(moved, FAILING, "python3.11")
    request_id = send(function, {"why": "no"})
    wait(records, "neve.retryAt", request_id)
    client = moved.client("lambda")
    client.update_function_code(FunctionName=function.name, ZipFile=zipped(ECHO))
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function.name, WaiterConfig={"Delay": 0.01, "MaxAttempts": 500}
    )
    advance(moved, MINUTE)
    function.wait_line("ran {'why': 'no'}")


def test_event_waits_for_room_and_runs_when_there_is(moved: NeveServer, records: Records, store: Any) -> None:
    text = (
        "import json, urllib.request\n"
        "def handler(event, context):\n"
        f"    urllib.request.urlopen('{store.url}/' + event['wait'], timeout=60).read()\n"
    )
    function = deploy(moved, {"index.py": text}, "python3.11", timeout_s=60)
    moved.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    store.objects["/held"] = store.objects["/free"] = b""
    store.hold("/held")
    busy = function.begin({"wait": "held"})
    store.wait_request("GET", "/held")
    request_id = send(function, {"wait": "free"})
    waited = []
    for count in range(1, 12):
        retry = wait(records, "neve.retryAt", request_id, count)
        assert retry["attempts"] == 0
        waited.append(round(waits_s(moved, retry["at"])))
        advance(moved, waited[-1] + 1)
    assert waited == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    retry = wait(records, "neve.retryAt", request_id, 12)
    assert "throttled" in retry["reason"]
    store.let_go("/held")
    assert busy.result(30).status == 200
    advance(moved, 301)
    report = records.wait("platform.report", lambda record: record["requestId"] == request_id)
    assert report["record"]["status"] == "success"


def test_event_that_never_finds_room_is_dropped_when_it_is_too_old(
    moved: NeveServer, records: Records, store: Any
) -> None:
    text = (
        "import urllib.request\n"
        f"def handler(event, context):\n    urllib.request.urlopen('{store.url}/held', timeout=60).read()\n"
    )
    function = deploy(moved, {"index.py": text}, "python3.11", timeout_s=60)
    moved.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    store.objects["/held"] = b""
    store.hold("/held")
    busy = function.begin({})
    store.wait_request("GET", "/held")
    request_id = send(function, {})
    wait(records, "neve.retryAt", request_id)
    advance(moved, 6 * HOUR + 1)
    dropped = wait(records, "neve.dropped", request_id)
    assert (dropped["condition"], dropped["attempts"]) == ("EventAgeExceeded", 0)
    store.let_go("/held")
    busy.result(30)


def test_function_that_is_turned_off_drops_its_events_at_once(moved: NeveServer, records: Records) -> None:
    function = deploy(moved, ECHO, "python3.11")
    moved.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    dropped = wait(records, "neve.dropped", send(function))
    assert (dropped["condition"], dropped["attempts"]) == ("ZeroReservedConcurrency", 0)
    assert function.environments() == []


def test_events_of_a_deleted_function_are_dropped(moved: NeveServer, records: Records) -> None:
    function = deploy(moved, FAILING, "python3.11")
    request_id = send(function, {"why": "no"})
    wait(records, "neve.retryAt", request_id)
    function.delete()
    advance(moved, MINUTE)
    dropped = wait(records, "neve.dropped", request_id)
    assert dropped["condition"] == "InvocationRefused"
    assert "Function not found" in dropped["reason"]


def test_long_job_that_nobody_waits_for_runs_to_its_end(moved: NeveServer, records: Records, store: Any) -> None:
    text = (
        "exports.handler = async () => {\n"
        f"  for (const part of [1, 2, 3]) await fetch(`{store.url}/part${{part}}`)\n"
        "  console.log('encoded')\n"
        "}\n"
    )
    function = deploy(moved, {"index.js": text}, timeout_s=60)
    store.hold("/part3")
    request_id = send(function)
    store.wait_request("GET", "/part3")  # the answer to the caller came while the job runs
    store.let_go("/part3")
    records.wait("platform.report", lambda record: record["requestId"] == request_id)
    assert "encoded" in "".join(function.log_lines())


def test_chain_of_a_function_that_invokes_itself_is_stopped(moved: NeveServer, records: Records) -> None:
    text = (
        "import json, os, urllib.request\n"
        "def handler(event, context):\n"
        "    name = os.environ['AWS_LAMBDA_FUNCTION_NAME']\n"
        "    url = os.environ['AWS_ENDPOINT_URL'] + f'/2015-03-31/functions/{name}/invocations'\n"
        "    headers = {'X-Amz-Invocation-Type': 'Event', 'X-Amzn-Trace-Id': os.environ['_X_AMZN_TRACE_ID']}\n"
        "    urllib.request.urlopen(urllib.request.Request(url, b'{}', headers)).read()\n"
    )
    function = deploy(moved, {"index.py": text}, "python3.11")
    send(function)
    dropped = records.wait("neve.dropped", lambda record: record["function"] == function.name)
    assert dropped["record"]["condition"] == "RecursiveInvocation"
    runs = [line for line in function.log_lines() if line.startswith("START")]
    assert len(runs) == 16


def test_destinations_that_are_functions_get_the_record_and_chains_go_on(moved: NeveServer, records: Records) -> None:
    third = deploy(moved, ECHO, "python3.11")
    second = deploy(moved, {"index.py": "def handler(event, context):\n    return 2\n"}, "python3.11")
    first = deploy(moved, {"index.py": "def handler(event, context):\n    return 1\n"}, "python3.11")
    client = moved.client("lambda")
    for function, to in ((first, second), (second, third)):
        arn = client.get_function(FunctionName=to.name)["Configuration"]["FunctionArn"]
        client.put_function_event_invoke_config(
            FunctionName=function.name, DestinationConfig={"OnSuccess": {"Destination": arn}}
        )
    request_id = send(first, {"a": 1})
    assert wait(records, "neve.delivered", request_id)["kind"] == "onSuccess"
    done = records.wait("platform.report", lambda record: record["function"] == third.name)
    assert done["requestId"] != request_id
    third.wait_line("'requestPayload': {'a': 1}")


def test_queue_tells_what_waits_and_lets_it_run_now_or_be_forgotten(moved: NeveServer, records: Records) -> None:
    function = deploy(moved, FAILING, "python3.11")
    first, second = send(function, {"why": "one"}), send(function, {"why": "two"})
    for request_id in (first, second):
        wait(records, "neve.retryAt", request_id)

    def seen() -> dict[str, Any]:
        answer = moved.own(f"queue?function={function.name}")
        (found,) = answer["functions"]
        return {**found, "lastDropped": answer["lastDropped"]}

    assert (seen()["retrying"], seen()["waiting"], seen()["running"], seen()["received"]) == (2, 0, 0, 2)
    assert MINUTE - 10 < waits_s(moved, seen()["nextRetryAt"]) <= MINUTE
    asked = {"function": function.name, "requestId": first}
    assert moved.own("queue/retry", asked) == {"moved": 1}
    wait(records, "neve.retryAt", first, 2)
    assert moved.own("queue/purge", {"function": function.name, "requestId": second}) == {"purged": 1}
    assert moved.own("queue/retry", {"function": function.name}) == {"moved": 1}
    wait(records, "neve.dropped", first)
    assert (seen()["retrying"], seen()["dropped"]) == (0, {"RetriesExhausted": 1})
    (lost,) = seen()["lastDropped"]
    assert (lost["requestId"], lost["attempts"], lost["error"]) == (first, 3, "one")
    assert not [each for each in records.seen if each["requestId"] == second and each["type"] == "neve.dropped"]
    assert moved.own("queue/purge", {"function": "nobody"}) == {"purged": 0}
