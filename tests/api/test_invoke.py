"""The hot path of Invoke agrees with the generic codec: the same verdict on every request, the same members, the same answer."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neve.api import model
from neve.api.http import Request, Response
from neve.api.invoke import invoke_async_operation, invoke_operation
from neve.api.wire import Codec
from neve.control.invoke import Invoked, Invoker, InvokeRequest
from neve.domain.call import Call
from neve.domain.errors import CallerError, InvalidRequestContent
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.invocation import InvocationResult, InvocationType, Status
from neve.domain.json_text import invalid_request_text
from neve.domain.world import World

CALL = Call(World("123456789012", "eu-west-1"), "8f507cfc-5c69-4a5d-b3bd-f0d4b0a1a1a1")
LAMBDA = model.load("lambda")
CODEC = Codec(LAMBDA, LAMBDA.operations["Invoke"])
FUNCTION = Function(
    world=CALL.world,
    name="f",
    runtime="nodejs22.x",
    handler="index.handler",
    role="",
    code=Code("", 0),
    logging=LoggingConfig("/aws/lambda/f"),
    last_modified_ms=0,
    revision_id="",
)
CONTEXT = base64.b64encode(b'{"custom":{"colour":"blue"}}')


class Recorder:
    """Stands for the control plane: keeps what was asked and answers what the test says."""

    def __init__(self, result: InvocationResult | None = None) -> None:
        self.asked: list[InvokeRequest] = []
        self._result = result

    async def invoke(self, request: InvokeRequest) -> Invoked:
        self.asked.append(request)
        return Invoked(FUNCTION, request.trace_id, self._result)


class Verdict(NamedTuple):
    """What a way of reading says: members in the model's names, or the error's code and text."""

    members: Mapping[str, Any] | None
    refusal: tuple[str, str] | None


def request(
    name: str = "f", query: bytes = b"", headers: Mapping[bytes, bytes] | None = None, body: bytes = b"{}"
) -> Request:
    return Request("POST", "Invoke", {"FunctionName": name}, query, headers or {}, body)


def answer(asked: Request, result: InvocationResult | None = None) -> tuple[Response, InvokeRequest]:
    recorder = Recorder(result)
    operation = invoke_operation(cast(Invoker, recorder))
    response = asyncio.run(cast(Any, operation(CALL, asked)))
    return response, recorder.asked[0]


def hot(asked: Request) -> Verdict:
    try:
        read = answer(asked)[1]
    except CallerError as error:
        return Verdict(None, (error.code, error.message))
    members = {
        "FunctionName": read.function_name,
        "Qualifier": read.qualifier,
        "InvocationType": read.invocation_type.value,
        "LogType": "Tail" if read.wants_log_tail else "None",
        "ClientContext": read.client_context,
        "Payload": read.payload,
    }
    return Verdict(members, None)


def generic(asked: Request) -> Verdict:
    """The codec, and what the service does with members that were not sent."""
    try:
        read = CODEC.parse(asked)
    except CallerError as error:
        return Verdict(None, (error.code, error.message))
    defaults = {"Qualifier": None, "InvocationType": "RequestResponse", "LogType": "None", "ClientContext": None}
    members = {**defaults, "Payload": b"{}", **read}
    for unused in ("DurableExecutionName", "TenantId"):  # checked, and of no meaning to Neve's functions
        members.pop(unused, None)
    if members["ClientContext"] is not None:
        members["ClientContext"] = base64.b64decode(members["ClientContext"]).decode()
    return Verdict(members, None)


REQUESTS = {
    "plain": request(),
    "dashes": request("my_function-2"),
    "dots": request("my.function"),
    "qualified name": request("f:blue"),
    "latest in the name": request("f:$LATEST"),
    "partial arn": request("123456789012:function:f"),
    "arn": request("arn:aws:lambda:eu-west-1:123456789012:function:f"),
    "qualified arn": request("arn:aws:lambda:eu-west-1:123456789012:function:f:7"),
    "64 letters": request("f" * 64),
    "65 letters": request("f" * 65),
    "140 letters": request("f" * 140),
    "141 letters": request("f" * 141),
    "256 letters": request("f" * 256),
    "257 letters": request("f" * 257),
    "space": request("a b"),
    "empty": request(""),
    "not ascii": request("é"),
    "slash": request("a/b"),
    "question mark": request("a?b"),
    "two colons": request("f:1:2"),
    "number": request(query=b"Qualifier=7"),
    "latest": request(query=b"Qualifier=%24LATEST"),
    "published": request(query=b"Qualifier=$LATEST.PUBLISHED"),
    "alias": request(query=b"Qualifier=blue-green_2"),
    "empty qualifier": request(query=b"Qualifier="),
    "qualifier without value": request(query=b"Qualifier"),
    "qualifier twice": request(query=b"Qualifier=a&Qualifier=b"),
    "bad qualifier": request(query=b"Qualifier=a%20b"),
    "dotted qualifier": request(query=b"Qualifier=a.b"),
    "128 letters of a qualifier": request(query=b"Qualifier=" + b"q" * 128),
    "129 letters of a qualifier": request(query=b"Qualifier=" + b"q" * 129),
    "another parameter": request(query=b"other=1"),
    "both wrong": request("a b", b"Qualifier=c%20d"),
    **{
        f"type {kind.decode('latin-1') or 'empty'}": request(headers={b"x-amz-invocation-type": kind})
        for kind in (b"RequestResponse", b"Event", b"DryRun", b"", b"dryrun", b"Sync", b"\xff")
    },
    **{
        f"log {kind.decode() or 'empty'}": request(headers={b"x-amz-log-type": kind})
        for kind in (b"None", b"Tail", b"", b"tail", b"Full")
    },
    "everything wrong": request(
        "a b", b"Qualifier=c%20d", {b"x-amz-invocation-type": b"Sync", b"x-amz-log-type": b"Full"}
    ),
    "durable name": request(headers={b"x-amz-durable-execution-name": b"mine"}),
    "bad durable name": request(headers={b"x-amz-durable-execution-name": b"not mine"}),
    "long durable name": request(headers={b"x-amz-durable-execution-name": b"n" * 65}),
    "tenant": request(headers={b"x-amz-tenant-id": b"blue"}),
    "bad tenant": request(headers={b"x-amz-tenant-id": b"blue!"}),
    "client context": request(headers={b"x-amz-client-context": CONTEXT}),
    "tail of a dry run": request(headers={b"x-amz-invocation-type": b"DryRun", b"x-amz-log-type": b"Tail"}),
    "no body": request(body=b""),
    "array": request(body=b"[1, 2]"),
    "number for a body": request(body=b" 5 "),
    "utf-8": request(body='{"ž":"ů"}'.encode()),
}


@pytest.mark.parametrize("asked", REQUESTS.values(), ids=REQUESTS)
def test_the_verdict_is_the_codecs(asked: Request) -> None:
    assert hot(asked) == generic(asked)


def test_the_table_has_both_verdicts() -> None:
    """A table that refuses nothing, or everything, would show nothing."""
    refused = [name for name, asked in REQUESTS.items() if generic(asked).refusal is not None]
    assert 15 < len(refused) < len(REQUESTS) - 15


NAMES = st.one_of(
    st.text(max_size=20),
    st.text("abcXYZ019-_.:$/", max_size=20),
    st.sampled_from(["arn:aws:lambda:", "us-east-1:", "123456789012:", "function:", "f", ":$LATEST"]).flatmap(
        lambda start: st.text("ab1:$-", max_size=6).map(lambda end: start + end)
    ),
)
WORDS = st.one_of(st.sampled_from([b"RequestResponse", b"Event", b"DryRun", b"None", b"Tail"]), st.binary(max_size=8))


@given(
    NAMES,
    st.none() | st.text(max_size=10),
    st.dictionaries(
        st.sampled_from(
            [b"x-amz-invocation-type", b"x-amz-log-type", b"x-amz-durable-execution-name", b"x-amz-tenant-id"]
        ),
        WORDS,
    ),
)
def test_no_request_has_two_verdicts(name: str, qualifier: str | None, headers: dict[bytes, bytes]) -> None:
    query = b"" if qualifier is None else b"Qualifier=" + quote(qualifier.encode("utf-8", "replace")).encode()
    asked = request(name, query, headers)
    assert hot(asked) == generic(asked)


RESULTS = {
    "success": InvocationResult(Status.SUCCESS, b'{"a":1}', "$LATEST"),
    "nothing": InvocationResult(Status.SUCCESS, b"null", "12"),
    "failure": InvocationResult(Status.FAILURE, b'{"errorType":"E"}', "$LATEST", "E"),
    "crash": InvocationResult(Status.ERROR, b"{}", "$LATEST", "Runtime.ExitError"),
    "timeout": InvocationResult(Status.TIMEOUT, b"{}", "$LATEST", "Sandbox.Timedout"),
    "tail": InvocationResult(Status.SUCCESS, b"1", "$LATEST", log_tail=b"START\nEND\nREPORT \xc5\xbe\n"),
    "empty tail": InvocationResult(Status.SUCCESS, b"1", "$LATEST", log_tail=b""),
}
BEYOND_THE_MODEL = {b"x-amzn-remapped-content-length", b"x-amzn-trace-id"}


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_the_answer_is_the_codecs(result: InvocationResult) -> None:
    rendered = CODEC.render(
        {
            "StatusCode": 200,
            "ExecutedVersion": FUNCTION.version,
            "FunctionError": "Unhandled" if result.failed else None,
            "LogResult": None if result.log_tail is None else base64.b64encode(result.log_tail).decode(),
            "Payload": result.payload,
        }
    )
    response, _ = answer(request(), result)
    assert (response.status, response.body) == (rendered.status, rendered.body)
    modelled = {name: value for name, value in response.headers if name not in BEYOND_THE_MODEL}
    assert modelled == dict(rendered.headers)
    assert {name for name, _ in response.headers} >= BEYOND_THE_MODEL


def test_a_dry_run_answers_as_the_codec_does() -> None:
    response, asked = answer(request(headers={b"x-amz-invocation-type": b"DryRun"}))
    assert asked.invocation_type is InvocationType.DRY_RUN
    assert response == CODEC.render({"StatusCode": 204})


def test_an_event_answers_as_the_codec_does() -> None:
    response, asked = answer(request(headers={b"x-amz-invocation-type": b"Event", b"x-amzn-trace-id": b"Root=1"}))
    assert asked.invocation_type is InvocationType.EVENT
    rendered = CODEC.render({"StatusCode": 202})
    assert (response.status, response.body) == (202, b"") == (rendered.status, rendered.body)
    assert {name: value for name, value in response.headers if name not in BEYOND_THE_MODEL} == dict(rendered.headers)
    assert (b"x-amzn-trace-id", b"Root=1") in response.headers


def test_who_calls_and_the_callers_trace_are_passed_on() -> None:
    _, asked = answer(request(headers={b"x-amzn-trace-id": b"Root=1-2-3"}))
    assert (asked.world, asked.request_id, asked.trace_id) == (CALL.world, CALL.request_id, "Root=1-2-3")


@pytest.mark.parametrize("header", [b"{}", b"e30", b"/w==", b"e30=\xff", b"e30g" * 896])
def test_a_client_context_that_cannot_be_read_or_is_too_long_is_refused(header: bytes) -> None:
    with pytest.raises(InvalidRequestContent):
        answer(request(headers={b"x-amz-client-context": header}))


# Bodies: the fast parser and the service's.


@pytest.mark.parametrize(
    "body", [b'"\xff"', b'{"a":"\x80"}', b'["\xc3"]', b'"\xc3"', b'{"\xff":1}', b'"abc\xf0\x9f\x98"']
)
def test_text_that_is_not_utf8_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestContent) as refused:
        answer(request(body=body))
    assert refused.value.message == invalid_request_text(body)


PIECES = [
    *(bytes([each]) for each in b'{}[],:"\\ \n\v01.e+-xu/'),
    *(b"true", b"null", b"NaN", b'"a":', b"\xc3\xa9", b"\xff", b"\x80", b"\\u00e9", b"\\ud800", b"\\u12", b"\x00"),
]
MORE_THAN_ONE = (
    "Could not parse request body into json: Could not parse payload into json: Content after the JSON value."
)


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map(b"".join))
def test_an_event_is_taken_only_if_the_services_parser_takes_it(body: bytes) -> None:
    told = hot(request(body=body))
    refusal = invalid_request_text(body)
    if refusal is not None:
        assert told == Verdict(None, ("InvalidRequestContentException", refusal))
    elif told.members is not None:
        assert told.members["Payload"] == (body if body.strip(b" \t\r\n") else b"{}")
    else:
        assert told.refusal == ("InvalidRequestContentException", MORE_THAN_ONE)
        with pytest.raises(ValueError):  # no runtime could read it
            json.loads(body)


@pytest.mark.parametrize("body", [b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\\ud800"', b"[" * 5000 + b"]" * 5000])
def test_what_the_services_parser_takes_is_taken(body: bytes) -> None:
    assert answer(request(body=body))[1].payload == body


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_json_passes_unchanged(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        body = text.encode("utf-8", "surrogatepass")
        assert answer(request(body=body))[1].payload == body


def old_event(body: bytes, headers: Mapping[bytes, bytes] | None = None) -> tuple[Response, InvokeRequest]:
    """An answer to InvokeAsync, and what the control plane was asked."""
    recorder = Recorder()
    operation = invoke_async_operation(cast(Invoker, recorder))
    asked = Request("POST", "InvokeAsync", {"FunctionName": "f:1"}, b"", headers or {}, body)
    response = asyncio.run(cast(Any, operation(CALL, asked)))
    return response, recorder.asked[0]


def test_the_event_of_old_clients_is_an_event() -> None:
    response, asked = old_event(b'{"a":1}', {b"x-amz-invocation-type": b"RequestResponse"})
    assert (response.status, response.body) == (202, b"")
    assert (asked.invocation_type, asked.function_name, asked.payload) == (InvocationType.EVENT, "f:1", b'{"a":1}')


@pytest.mark.parametrize(("body", "code"), [(b"", "ValidationException"), (b"{", "InvalidRequestContentException")])
def test_the_event_of_old_clients_is_json(body: bytes, code: str) -> None:
    with pytest.raises(CallerError) as caught:
        old_event(body)
    assert caught.value.code == code
