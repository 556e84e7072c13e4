"""Streamed responses, end to end: real Node.js and custom runtimes, read by boto3 and by the AWS SDK for JavaScript."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance import packages
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import PROGRAMS, Deployed, deploy
from tests.acceptance.gate import BOUND_S, Gate, gate
from tests.acceptance.lines import inside
from tests.acceptance.machine import turns, until
from tests.acceptance.server import NeveServer

Event = dict[str, Any]
HELD = "GET /_neve/health"

CUSTOM = """#!/usr/bin/env python3
import base64, http.client, json, os
host = os.environ["AWS_LAMBDA_RUNTIME_API"]
base = "/2018-06-01/runtime/invocation/"
while True:
    connection = http.client.HTTPConnection(host)
    connection.request("GET", base + "next")
    answer = connection.getresponse()
    request_id, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.load(answer)
    connection.putrequest("POST", base + request_id + "/response")
    connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.putheader("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
    connection.endheaders()
    for _ in range(event["count"]):
        connection.send(b"186a0\\r\\n" + b"c" * 100_000 + b"\\r\\n")
    connection.send(b"0\\r\\n")
    if event.get("fail"):
        error = base64.b64encode(b'{"errorType":"Function.Asked"}')
        connection.send(b"Lambda-Runtime-Function-Error-Type: Function.Asked\\r\\n")
        connection.send(b"Lambda-Runtime-Function-Error-Body: " + error + b"\\r\\n")
    connection.send(b"\\r\\n")
    connection.getresponse().read()
    print("wrote", event["count"], flush=True)
    connection.close()
"""


@pytest.fixture(scope="module", params=["nodejs22.x", "nodejs24.x"])
def function(request: pytest.FixtureRequest, neve: NeveServer) -> Iterator[Deployed]:
    """The ways of `r-streaming`."""
    deployed = deploy(neve, "r-streaming", request.param)
    yield deployed
    deployed.delete()


@pytest.fixture
def held(neve: NeveServer) -> Iterator[Gate]:
    """Who asks here waits until the test lets it go."""
    with gate(neve.url) as opened:
        opened.hold(HELD)
        yield opened


def stream(function: Deployed, event: object, **parameters: Any) -> Iterator[Event]:
    client = function.server.client("lambda")
    payload = json.dumps(event).encode()
    answer = client.invoke_with_response_stream(FunctionName=function.name, Payload=payload, **parameters)
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    return iter(answer["EventStream"])


def whole(events: Iterator[Event]) -> tuple[bytes, Event]:
    """All that was streamed, and how it ended."""
    told = list(events)
    assert ["InvokeComplete" in each for each in told] == [False] * (len(told) - 1) + [True]
    return b"".join(each["PayloadChunk"]["Payload"] for each in told[:-1]), told[-1]["InvokeComplete"]


def wait_quiet(function: Deployed) -> None:
    """Until nothing of it runs; on a busy machine it has more environments than one."""
    states = {"frozen", "down"}
    until(lambda: states.issuperset(each["state"] for each in function.environments()), f"{function.name} still runs")


def wait_stuck(function: Deployed) -> None:
    """Until its one process has not had the processor for a while."""
    (pid,) = [each["pid"] for each in function.environments()]
    seen = [0, 0]

    def look() -> bool:
        now = turns(pid)
        seen[:] = [now, seen[1] + 1 if now == seen[0] else 0]
        return seen[1] >= 50

    until(look, f"{function.name} goes on")


def address(held: Gate) -> str:
    return f"{held.url}/_neve/health"


def resident_mb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


def test_chunks_arrive_while_the_function_still_writes(function: Deployed, held: Gate) -> None:
    events = stream(function, {"way": "gated", "gate": address(held)})
    assert next(events) == {"PayloadChunk": {"Payload": b"before "}}
    held.wait_request(HELD)
    held.let_go(HELD)
    assert whole(events) == (b"after", {})


def test_a_module_streams(neve: NeveServer, deployed: Deploy, held: Gate) -> None:
    function = deployed("r-streaming-esm", "nodejs24.x")
    events = stream(function, {"name": "from", "gate": address(held)})
    assert next(events) == {"PayloadChunk": {"Payload": b"from "}}
    held.let_go(HELD)
    assert whole(events) == (function.name.encode(), {})


def test_the_log_tail_and_the_version_that_ran(neve: NeveServer, deployed: Deploy) -> None:
    """S5 and S6"""
    function = deployed("r-streaming", "nodejs24.x")
    client = neve.client("lambda")
    number = client.publish_version(FunctionName=function.name)["Version"]
    client.create_alias(FunctionName=function.name, Name="live", FunctionVersion=number)
    until(lambda: function_state(function, number) == "Active", "the version is not active")
    for qualifier in (number, "live"):
        answer = client.invoke_with_response_stream(
            FunctionName=function.name, Qualifier=qualifier, Payload=b'{"way":"once","count":0}', LogType="Tail"
        )
        assert answer["ExecutedVersion"] == number
        _, complete = whole(iter(answer["EventStream"]))
        assert "REPORT RequestId" in base64.b64decode(complete["LogResult"]).decode()


@pytest.mark.parametrize(
    ("way", "body", "error_type"),
    [
        ("early", b"", "Error"),
        ("late", b"half", "TypeError"),
        ("exit", b"half", "Runtime.ExitError"),
    ],
)
def test_an_error_comes_last(function: Deployed, way: str, body: bytes, error_type: str) -> None:
    got, complete = whole(stream(function, {"way": way}))
    assert got == body
    assert complete["ErrorCode"]
    assert json.loads(complete["ErrorDetails"])["errorType"] == error_type


def test_time_runs_out_in_the_middle(deployed: Deploy) -> None:
    function = deployed("r-streaming", "nodejs24.x", timeout_s=1)
    got, complete = whole(stream(function, {"way": "hang"}))
    assert (got, complete["ErrorCode"]) == (b"half", "Sandbox.Timedout")
    assert "Task timed out after 1.00 seconds" in complete["ErrorDetails"]
    assert whole(stream(function, {"way": "once", "count": 1}))[0] == b"o" * 1_000_000


def test_a_timeout_for_a_caller_that_does_not_read_says_so(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed("r-streaming", "nodejs24.x", timeout_s=1)
    events = stream(function, {"way": "much", "count": 40})
    next(events)
    until(lambda: neve.own(f"leaks?function={function.name}")["timeouts"], "no timeout was explained")
    ((waiting,),) = [each["waiting"] for each in neve.own(f"leaks?function={function.name}")["timeouts"]]
    assert waiting["description"] == "its caller, who did not read the response"
    assert whole(events)[1]["ErrorCode"] == "Sandbox.Timedout"


def test_what_is_written_after_the_end_is_an_error_that_the_caller_does_not_see(function: Deployed) -> None:
    """The caller has the whole: the function's own log has the rest."""
    assert whole(stream(function, {"way": "afterEnd"}))[0] == b"whole"
    function.wait_line("write after end")


def test_twenty_megabytes_in_one_write(function: Deployed) -> None:
    body, complete = whole(stream(function, {"way": "once", "count": 20}))
    assert (len(body), complete) == (20_000_000, {})


def test_a_caller_that_does_not_read_holds_the_function_and_not_its_event_loop(function: Deployed, held: Gate) -> None:
    before = resident_mb(function.server.process.pid)
    events = stream(function, {"way": "much", "count": 40, "gate": address(held)})
    next(events)
    held.wait_request(HELD)
    assert resident_mb(function.server.process.pid) - before < 20
    assert "wrote 40 MB" not in "".join(function.log_lines())
    held.let_go(HELD)
    assert len(whole(events)[0]) > 39_000_000
    function.wait_line("wrote 40 MB")


def test_a_caller_that_goes_away_does_not_end_the_invocation(function: Deployed) -> None:
    client = function.server.client("lambda")
    answer = client.invoke_with_response_stream(FunctionName=function.name, Payload=b'{"way":"much","count":7}')
    answer["EventStream"].close()
    function.wait_line("wrote 7 MB")
    wait_quiet(function)


def test_plain_invoke_collects_a_stream_and_refuses_a_long_one(function: Deployed) -> None:
    assert function.invoke({"way": "once", "count": 1}).payload == b"o" * 1_000_000
    long = function.invoke({"way": "once", "count": 7})
    assert (long.error, long.value["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert function.invoke({"way": "late"}).value["errorType"] == "TypeError"


def test_a_timer_that_is_left_over_is_waited_for_by_callback_runtimes_only(function: Deployed) -> None:
    """Node.js facts §8: the caller has every byte either way."""
    client = function.server.client("lambda")
    answer = client.invoke_with_response_stream(FunctionName=function.name, Payload=b'{"way":"timer"}')
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert whole(iter(answer["EventStream"]))[0] == b"answered"
    wait_quiet(function)
    until(lambda: any(request_id in line and "REPORT" in line for line in function.log_lines()), "no REPORT")
    ran = any("the timer ran" in line for line in inside(function.log_lines(), request_id))
    assert ran is (_runtime(function) == "nodejs22.x")


def function_state(function: Deployed, qualifier: str) -> str:
    client = function.server.client("lambda")
    return str(client.get_function(FunctionName=function.name, Qualifier=qualifier)["Configuration"]["State"])


def _runtime(function: Deployed) -> str:
    configuration = function.server.client("lambda").get_function_configuration(FunctionName=function.name)
    return str(configuration["Runtime"])


def test_a_function_that_does_not_stream(deployed: Deploy) -> None:
    function = deployed("s-echo", "python3.11")
    body, complete = whole(stream(function, {"a": [1, 2]}))
    assert (json.loads(body), complete) == ({"received": {"a": [1, 2]}}, {})


def test_a_custom_runtime_streams_fails_and_waits_for_its_caller(deployed: Deploy, neve: NeveServer) -> None:
    function = deployed({"bootstrap": CUSTOM}, "provided.al2023", "x", executable=True)
    body, complete = whole(stream(function, {"count": 2, "fail": True}))
    assert (body, complete["ErrorCode"]) == (b"c" * 200_000, "Function.Asked")
    assert complete["ErrorDetails"] == '{"errorType":"Function.Asked"}'
    before = resident_mb(neve.process.pid)
    events = stream(function, {"count": 400})
    next(events)
    wait_stuck(function)
    assert resident_mb(neve.process.pid) - before < 20
    assert "wrote 400" not in function.log_lines()
    assert len(whole(events)[0]) > 39_000_000
    function.wait_line("wrote 400")
    assert whole(stream(function, {"count": 1}))[0] == b"c" * 100_000


def test_the_sdk_for_javascript_reads_it(function: Deployed, held: Gate) -> None:
    held.let_go(HELD)
    event = json.dumps({"way": "gated", "gate": address(held)})
    node = packages._NODE / "bin" / "node"
    modules = packages._installed("@aws-sdk/client-lambda") / "node_modules"
    done = subprocess.run(
        [str(node), str(PROGRAMS / "r-client" / "client.js"), function.name, event],
        env=function.server.aws_environment() | {"NODE_PATH": str(modules), "AWS_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["status"], told["version"], "".join(told["chunks"])) == (200, "$LATEST", "before after")
    assert "REPORT" in base64.b64decode(told["complete"]["LogResult"]).decode()
