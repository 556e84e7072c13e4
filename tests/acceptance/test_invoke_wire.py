"""Invoke on the wire: statuses, headers and bodies as the service sends them, read without an SDK in between."""

import base64
import http.client
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import botocore.exceptions
import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed, deploy, zipped
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.server import ROLE, NeveServer, running
from tests.domain.test_json_text import NOW, TABLE, place

RUNTIMES = pytest.mark.parametrize("runtime", ["nodejs22.x", "nodejs24.x", "python3.11"])
BOUND_S = 30.0
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRACE = re.compile(
    r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0"
)  # fmt: skip
PREFIX = "Could not parse request body into json: Could not parse payload into json: "
NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
SYNC_REQUEST_BYTES = 6_291_456
SYNC_RESPONSE_BYTES = 6_291_556


@dataclass(frozen=True)
class Reply:
    """One HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def refusal(self) -> tuple[int, str, Any]:
        """What makes an error: the status, the code in the header, the body."""
        return self.status, self.headers["x-amzn-errortype"], json.loads(self.body)


class Wire:
    """A kept-alive connection that invokes."""

    def __init__(self, server: NeveServer) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=BOUND_S)

    def invoke(self, name: str, body: bytes | None = b"{}", query: str = "", **headers: str) -> Reply:
        """One invocation; `x_amz_log_type="Tail"` is the header X-Amz-Log-Type."""
        path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations{query}"
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self._connection.request("POST", path, body, named)
        answer = self._connection.getresponse()
        found = {key.lower(): value for key, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@pytest.fixture
def wire(neve: NeveServer) -> Iterator[Wire]:
    """A connection to the shared server."""
    wire = Wire(neve)
    yield wire
    wire.close()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """For invocations that run at the same time."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


# Success


def test_a_success_has_these_headers(wire: Wire, deployed: Deploy) -> None:
    function = deployed("s-echo")
    reply = wire.invoke(function.name, b'{"a": 1}')
    assert (reply.status, reply.body) == (200, b'{"received":{"a":1}}')
    headers = dict(reply.headers)
    assert UUID4.fullmatch(headers.pop("x-amzn-requestid"))
    assert TRACE.fullmatch(headers.pop("x-amzn-trace-id"))
    assert headers.pop("date")
    assert headers == {
        "content-type": "application/json",
        "content-length": "20",
        "x-amzn-remapped-content-length": "0",
        "x-amz-executed-version": "$LATEST",
    }


def test_a_failure_and_a_tail_have_a_header_more(wire: Wire, deployed: Deploy) -> None:
    function = deployed("s-failing")
    reply = wire.invoke(function.name, b'{"how":"error"}', x_amz_log_type="Tail")
    assert reply.status == 200
    assert reply.headers["x-amz-function-error"] == "Unhandled"
    tail = base64.b64decode(reply.headers["x-amz-log-result"], validate=True).decode()
    request_id = reply.headers["x-amzn-requestid"]
    assert tail.startswith(f"START RequestId: {request_id} Version: $LATEST\n")
    assert f"\nEND RequestId: {request_id}\nREPORT RequestId: {request_id}\t" in tail
    assert tail.endswith("\n")


def test_the_request_id_is_the_invocations(wire: Wire, deployed: Deploy) -> None:
    function = deployed("s-look")
    reply = wire.invoke(function.name)
    seen = json.loads(reply.body)
    assert seen["requestId"] == reply.headers["x-amzn-requestid"]
    assert seen["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}"


def test_the_invoked_arn_has_the_qualifier_that_was_asked_for(wire: Wire, deployed: Deploy) -> None:
    function = deployed("s-look")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}:$LATEST"
    forms = [
        (f"{function.name}:$LATEST", ""),
        (function.name, "?Qualifier=%24LATEST"),
        (arn, ""),
        (arn, "?Qualifier=$LATEST"),
    ]
    for name, query in forms:
        assert json.loads(wire.invoke(name, query=query).body)["arn"] == arn


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "function:{}",
        "000000000000:function:{}",
        "us-east-1:000000000000:function:{}",
        "arn:aws:lambda:us-east-1:000000000000:function:{}",
    ],
)
def test_every_form_of_a_name_means_the_function(wire: Wire, deployed: Deploy, form: str) -> None:
    reply = wire.invoke(form.format(deployed("s-echo").name), b"5")
    assert reply.status == 200


@pytest.mark.parametrize("body", [b"5", b'"x"', b"null", b"[]", b" {} ", b"1e3", b'"\xc3\xa9"'])
def test_any_json_value_is_an_event(neve: NeveServer, wire: Wire, body: bytes) -> None:
    assert json.loads(wire.invoke(shared(neve), body).body)["event"] == json.loads(body)


@pytest.mark.parametrize("body", [None, b"", b" \n"])
def test_no_event_is_an_empty_object(neve: NeveServer, wire: Wire, body: bytes | None) -> None:
    assert json.loads(wire.invoke(shared(neve), body).body)["event"] == {}


# Not JSON


@pytest.mark.parametrize(("body", "texts", "columns"), TABLE)
def test_an_event_that_is_not_json_is_refused_in_the_parsers_words(
    neve: NeveServer, wire: Wire, body: bytes, texts: tuple[str, str, str], columns: tuple[int, int, int]
) -> None:
    text = texts[0].replace("LOC(1)", place(body, NOW, 1, 1)).replace("ROOT", place(body, NOW, 1, None))
    message = f"{PREFIX}{text}\n at {place(body, NOW, 1, columns[0])}"
    reply = wire.invoke(shared(neve), body)
    assert reply.refusal == (400, "InvalidRequestContentException", {"Type": "User", "message": message})


# Other invocation types


def test_a_dry_run_checks_and_runs_nothing(wire: Wire, deployed: Deploy) -> None:
    function = deployed("s-echo")
    reply = wire.invoke(function.name, x_amz_invocation_type="DryRun")
    headers = dict(reply.headers)
    assert UUID4.fullmatch(headers.pop("x-amzn-requestid"))
    assert headers.pop("date")
    assert (reply.status, reply.body, headers) == (204, b"", {})
    assert function.environments() == []
    assert wire.invoke("nobody", x_amz_invocation_type="DryRun").status == 404
    assert wire.invoke(function.name, b"value", x_amz_invocation_type="DryRun").status == 400


@pytest.mark.parametrize(
    ("name", "query", "arn"),
    [
        ("nobody", "", "nobody:$LATEST"),
        ("nobody:$LATEST", "", "nobody:$LATEST"),
        ("nobody:blue", "", "nobody:blue"),
        ("nobody", "?Qualifier=7", "nobody:7"),
        ("arn:aws:lambda:us-east-1:000000000000:function:nobody", "", "nobody:$LATEST"),
    ],
)
def test_a_function_that_is_not_there(wire: Wire, name: str, query: str, arn: str) -> None:
    text = f"Function not found: arn:aws:lambda:us-east-1:000000000000:function:{arn}"
    assert wire.invoke(name, query=query).refusal == (
        404,
        "ResourceNotFoundException",
        {"Type": "User", "Message": text},
    )


@pytest.mark.parametrize("qualifier", ["blue", "7"])
def test_a_version_or_alias_that_is_not_there(neve: NeveServer, wire: Wire, qualifier: str) -> None:
    name = shared(neve)
    text = f"Function not found: arn:aws:lambda:us-east-1:000000000000:function:{name}:{qualifier}"
    expected = (404, "ResourceNotFoundException", {"Type": "User", "Message": text})
    assert wire.invoke(name, query=f"?Qualifier={qualifier}").refusal == expected
    assert wire.invoke(f"{name}:{qualifier}").refusal == expected


def test_a_function_of_another_region(neve: NeveServer, wire: Wire) -> None:
    arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{shared(neve)}"
    text = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
    assert wire.invoke(arn).refusal == (404, "ResourceNotFoundException", {"Type": "User", "Message": text})


def test_a_function_of_another_account(neve: NeveServer, wire: Wire) -> None:
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{shared(neve)}"
    text = (
        "User: arn:aws:iam::000000000000:root is not authorized to perform: lambda:InvokeFunction on resource: "
        f"{arn} because no resource-based policy allows the lambda:InvokeFunction action"
    )
    assert wire.invoke(arn).refusal == (403, "AccessDeniedException", {"Message": text})


def test_a_name_that_is_none(wire: Wire) -> None:
    text = (
        "1 validation error detected: Value 'no spaces' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {NAME_PATTERN}"
    )
    assert wire.invoke("no spaces").refusal == (400, "ValidationException", {"message": text})


def test_two_qualifiers_that_differ(neve: NeveServer, wire: Wire) -> None:
    text = "The derived qualifier from the function name does not match the specified qualifier."
    assert wire.invoke(f"{shared(neve)}:blue", query="?Qualifier=green").refusal == (
        400,
        "InvalidParameterValueException",
        {"Type": "User", "message": text},
    )


# Sizes


@RUNTIMES
def test_the_largest_event_and_the_largest_result_pass(wire: Wire, deployed: Deploy, runtime: str) -> None:
    function = deployed("s-size", runtime, timeout_s=30)
    event = b'{"text":"' + b"x" * (SYNC_REQUEST_BYTES - 11) + b'"}'
    assert len(event) == SYNC_REQUEST_BYTES
    assert json.loads(wire.invoke(function.name, event).body) == SYNC_REQUEST_BYTES - 11
    reply = wire.invoke(function.name, b'{"bytes":%d}' % SYNC_RESPONSE_BYTES)
    assert (reply.status, reply.headers.get("x-amz-function-error")) == (200, None)
    assert (len(reply.body), reply.body[:2], reply.body[-2:]) == (SYNC_RESPONSE_BYTES, b'"x', b'x"')


@RUNTIMES
def test_one_byte_more_of_a_result_is_an_error(wire: Wire, deployed: Deploy, runtime: str) -> None:
    function = deployed("s-size", runtime, timeout_s=30)
    reply = wire.invoke(function.name, b'{"bytes":%d}' % (SYNC_RESPONSE_BYTES + 1))
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert json.loads(reply.body) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }
    # It is no reset: the environment goes on.
    assert json.loads(wire.invoke(function.name, b'{"bytes":5}').body) == "xxx"
    (environment,) = function.environments()
    assert environment["invocations"] == 2


def test_one_byte_more_of_an_event_is_refused(neve: NeveServer, wire: Wire, deployed: Deploy) -> None:
    function = deployed("s-size")
    event = b'{"text":"' + b"x" * (SYNC_REQUEST_BYTES - 10) + b'"}'
    text = f"Request must be smaller than {SYNC_REQUEST_BYTES} bytes for the InvokeFunction operation"
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        function.invoke(event)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert refused.value.response["Error"] == {"Code": "RequestEntityTooLargeException", "Message": text}
    assert wire.invoke(function.name, event).refusal == (413, "RequestEntityTooLargeException", {"Message": text})
    assert function.environments() == []


# What goes with the event


@RUNTIMES
def test_the_client_context_arrives(deployed: Deploy, runtime: str) -> None:
    function = deployed("s-look", runtime)
    given = {"custom": {"colour": "žlutá"}, "env": {"locale": "cs"}}
    encoded = base64.b64encode(json.dumps(given).encode()).decode()
    assert function.invoke(ClientContext=encoded).value["clientContext"] == given
    assert function.invoke().value["clientContext"] is None


def test_a_client_context_that_is_not_base64_is_refused(neve: NeveServer, wire: Wire) -> None:
    status, code, _ = wire.invoke(shared(neve), x_amz_client_context="{}").refusal
    assert (status, code) == (400, "InvalidRequestContentException")


def test_the_seventeenth_run_in_a_chain_is_refused_unless_the_function_allows_it(
    neve: NeveServer, wire: Wire, deployed: Deploy
) -> None:
    function = deployed("s-echo")
    root, _, own = wire.invoke(function.name).headers["x-amzn-trace-id"].partition(";Lineage=")
    name = own.removesuffix(":0")
    assert wire.invoke(function.name, x_amzn_trace_id=f"{root};Lineage={name}:14").status == 200
    looping = f"{root};Lineage=1:5fc1a3b2:0|{name}:15"
    status, code, body = wire.invoke(function.name, x_amzn_trace_id=looping).refusal
    assert (status, code, body["Type"]) == (400, "RecursiveInvocationException", "User")
    assert function.name in body["Message"]
    neve.client("lambda").put_function_recursion_config(FunctionName=function.name, RecursiveLoop="Allow")
    assert wire.invoke(function.name, x_amzn_trace_id=looping).status == 200


@RUNTIMES
def test_the_callers_trace_goes_on_and_comes_back(wire: Wire, deployed: Deploy, runtime: str) -> None:
    function = deployed("s-look", runtime)
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:0"
    reply = wire.invoke(function.name, x_amzn_trace_id=trace)
    given = json.loads(reply.body)["trace"]
    assert re.fullmatch(re.escape(trace) + r"\|1:[0-9a-f]{8}:0", given)  # the run is counted in the chain
    assert reply.headers["x-amzn-trace-id"] == given
    own = wire.invoke(function.name)
    assert json.loads(own.body)["trace"] == own.headers["x-amzn-trace-id"] != trace


# Throttling


def test_without_a_free_slot_a_caller_is_throttled(
    tmp_path: Path, store: ObjectStore, callers: ThreadPoolExecutor
) -> None:
    with running(tmp_path / "data", "--concurrency", "1") as neve:
        busy, other = deploy(neve, "l-counter"), deploy(neve, "l-counter")
        elsewhere = create(neve, "eu-west-1", "test", "same", {"index.mjs": "export const handler = async () => 1;"})
        store.hold("/held")
        call = callers.submit(busy.invoke, {"url": f"{store.url}/held"})
        store.wait_request("PUT", "/held")
        wire = Wire(neve)
        for function in (busy, other):
            reply = wire.invoke(function.name)
            assert (reply.status, reply.headers["x-amzn-errortype"]) == (429, "TooManyRequestsException")
            assert reply.body == (
                b'{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}'
            )
        assert wire.invoke(busy.name, x_amz_invocation_type="DryRun").status == 204
        assert elsewhere.invoke(FunctionName="same")["Payload"].read() == b"1"  # another region has slots of its own
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            other.invoke()
        assert refused.value.response["Reason"] == "ConcurrentInvocationLimitExceeded"
        store.let_go("/held")
        assert call.result(BOUND_S).value["count"] == 1
        assert json.loads(wire.invoke(busy.name).body)["count"] == 2
        assert json.loads(wire.invoke(other.name).body)["count"] == 1
        assert other.log_lines()[0].startswith("INIT_START")
        assert sum(line.startswith("START") for line in other.log_lines()) == 1  # a throttled one leaves no line
        wire.close()


def test_who_has_its_answer_may_call_again_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--concurrency", "1", "--no-limit-rate") as neve:
        functions = [deploy(neve, "s-look", runtime) for runtime in ("nodejs22.x", "nodejs22.x", "python3.11")]
        wire = Wire(neve)
        statuses = [wire.invoke(function.name).status for _ in range(30) for function in functions]
        assert statuses == [200] * 90
        wire.close()


# Worlds


def test_regions_and_accounts_are_separate_worlds(neve: NeveServer) -> None:
    worlds = [("us-east-1", "111111111111"), ("eu-west-1", "111111111111"), ("us-east-1", "222222222222")]
    program = (Path(__file__).parent / "programs/s-look/index.mjs").read_text()
    clients = {world: create(neve, *world, "same", {"index.mjs": f"// {world}\n{program}"}) for world in worlds}
    try:
        for (region, account), client in clients.items():
            seen = json.loads(client.invoke(FunctionName="same", Payload=b"1")["Payload"].read())
            assert (seen["region"], seen["account"]) == (region, account)
            assert seen["arn"] == f"arn:aws:lambda:{region}:{account}:function:same"
            (function,) = client.list_functions()["Functions"]
            assert function["FunctionArn"] == seen["arn"]
            logs = neve.client("logs", region, account)
            events = logs.filter_log_events(logGroupName="/aws/lambda/same")["events"]
            assert [event["message"].split()[2] for event in events if event["message"].startswith("START")] == [
                seen["requestId"]
            ]
        clients[worlds[0]].delete_function(FunctionName="same")
        assert clients[worlds[0]].list_functions()["Functions"] == []
        for world in worlds[1:]:
            assert clients[world].invoke(FunctionName="same")["StatusCode"] == 200
    finally:
        for world in worlds[1:]:
            clients[world].delete_function(FunctionName="same")


def create(neve: NeveServer, region: str, account: str, name: str, files: Mapping[str, str]) -> Any:
    """A client of that world, with a function in it."""
    client = neve.client("lambda", region, account)
    client.create_function(
        FunctionName=name, Runtime="nodejs22.x", Handler="index.handler", Role=ROLE, Code={"ZipFile": zipped(files)}
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 500})
    return client


_SHARED: dict[str, Deployed] = {}


def shared(neve: NeveServer) -> str:
    """A function that tells what it got, for tests that would not change it."""
    if neve.url not in _SHARED:
        _SHARED[neve.url] = deploy(neve, "s-look")
    return _SHARED[neve.url].name
