"""The Runtime API: the way of an invocation, and every refusal of the facts."""

import base64
import json

import pytest
from tests.dataplane.runtime_api.stage import INIT_ERROR, NEXT, Stage, event, post_path

from neve.dataplane import failures
from neve.dataplane.runtime_api.listener import FunctionError
from neve.domain.limits import SYNC_RESPONSE_BYTES
from neve.domain.runtime_state import RuntimeState

STREAMING = {"Transfer-Encoding": "chunked", "Lambda-Runtime-Function-Response-Mode": "streaming"}
NOT_ALLOWED = "Error: State transition is not allowed"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def test_next_blocks_until_an_event_comes_and_carries_its_facts(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits")
    assert stage.api.everything_waits
    stage.api.deliver(
        event(
            "r1",
            b'{"a":1}',
            trace_id="Root=1-0",
            client_context='{"client":{}}',
            identity='{"cognitoIdentityId":"i"}',
            tenant="t",
        )
    )
    answer = await client.answer()
    assert (answer.status, answer.body) == (200, b'{"a":1}')
    facts = {name: value for name, value in answer.headers.items() if name.startswith("lambda-")}
    assert facts == {
        "lambda-runtime-aws-request-id": "r1",
        "lambda-runtime-deadline-ms": "1700000000000",
        "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "lambda-runtime-trace-id": "Root=1-0",
        "lambda-runtime-client-context": '{"client":{}}',
        "lambda-runtime-cognito-identity": '{"cognitoIdentityId":"i"}',
        "lambda-runtime-aws-tenant-id": "t",
    }
    assert answer.headers["content-type"] == "application/json"
    assert not stage.api.everything_waits


async def test_facts_that_are_empty_are_not_sent(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits")
    stage.api.deliver(event(client_context=None, identity="", tenant=None))
    answer = await client.answer()
    names = {name for name in answer.headers if name.startswith("lambda-")}
    assert names == {
        "lambda-runtime-aws-request-id",
        "lambda-runtime-deadline-ms",
        "lambda-runtime-invoked-function-arn",
    }


async def test_line_breaks_in_a_client_context_make_no_header_of_their_own(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits")
    stage.api.deliver(event(client_context='{"a":\r\n"é"\n}'))
    assert (await client.answer()).headers["lambda-runtime-client-context"] == '{"a":  "é" }'


async def test_an_event_that_comes_while_nobody_is_connected_waits_for_the_next_next(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits")
    client.close()
    again = await stage.connect()
    assert (await again.call("GET", "/2018-06-01/ping")).body == b"pong"
    stage.api.deliver(event("r1", b"1"))
    assert not stage.api.everything_waits
    assert (await again.call("GET", NEXT)).body == b"1"
    assert stage.told.names() == ["runtime_waits"]


async def test_of_two_that_ask_the_later_gets_the_event(stage: Stage) -> None:
    first, second = await stage.connect(), await stage.connect()
    first.send("GET", NEXT)
    await stage.told.wait("runtime_waits")
    await second.call("GET", "/2018-06-01/ping")
    second.send("GET", NEXT)
    third = await stage.connect()
    await third.call("GET", "/2018-06-01/ping")
    stage.api.deliver(event("r1", b"1"))
    assert (await second.answer()).body == b"1"
    assert stage.told.names() == ["runtime_waits"]


async def test_a_response_reaches_the_listener_at_once_and_next_ends_the_invocation(stage: Stage) -> None:
    client = await stage.running()
    answer = await client.call("POST", post_path("r1"), b'"yes"', {"Content-Type": "text/x"})
    assert (answer.status, answer.json()) == (202, {"status": "OK"})
    assert stage.told.calls[-1] == ("responded", "r1", b'"yes"', "text/x")
    assert not stage.api.everything_waits
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits", 2)
    assert stage.api.everything_waits


async def test_an_empty_response_is_a_response(stage: Stage) -> None:
    client = await stage.running()
    assert (await client.call("POST", post_path("r1"))).status == 202
    assert stage.told.calls[-1][:3] == ("responded", "r1", b"")


async def test_next_without_a_response_ends_the_invocation(stage: Stage) -> None:
    client = await stage.running()
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits", 2)
    assert stage.told.names() == ["runtime_waits", "runtime_waits"]
    answer = await stage.call("POST", post_path("r1"), b"late")
    assert answer.refused == (
        403,
        "InvalidStateTransition",
        f"State transition from Ready to InvocationResponse failed for runtime. {NOT_ALLOWED}",
    )


@pytest.mark.parametrize("what", ["response", "error"])
async def test_an_answer_to_another_invocation_is_refused(stage: Stage, what: str) -> None:
    client = await stage.running()
    answer = await client.call("POST", post_path("other", what), b"x")
    assert answer.refused == (400, "InvalidRequestID", "Invalid request ID")
    assert stage.told.names() == ["runtime_waits"]
    assert (await client.call("POST", post_path("r1"), b"x")).status == 202


@pytest.mark.parametrize(("what", "state"), [("response", "InvocationResponse"), ("error", "InvocationErrorResponse")])
async def test_an_answer_without_an_invocation_is_refused(stage: Stage, what: str, state: str) -> None:
    answer = await stage.call("POST", post_path("r1", what), b"x")
    text = f"State transition from Started to {state} failed for runtime. {NOT_ALLOWED}"
    assert answer.refused == (403, "InvalidStateTransition", text)
    assert stage.told.calls == []


async def test_a_second_response_is_refused(stage: Stage) -> None:
    client = await stage.running()
    await client.call("POST", post_path("r1"), b"1")
    answer = await client.call("POST", post_path("r1"), b"2")
    text = f"State transition from ResponseSent to InvocationResponse failed for runtime. {NOT_ALLOWED}"
    assert answer.refused == (403, "InvalidStateTransition", text)
    assert stage.told.names().count("responded") == 1


async def test_an_answer_after_the_time_ran_out_is_refused(stage: Stage) -> None:
    client = await stage.running()
    stage.api.revoke()
    answer = await client.call("POST", post_path("r1"), b"1")
    assert answer.refused == (400, "InvalidRequestID", "Invalid request ID")
    assert "responded" not in stage.told.names()


async def test_a_response_whose_invocation_ends_while_it_comes_is_refused(stage: Stage) -> None:
    client = await stage.running()
    client.write(f"POST {post_path('r1')} HTTP/1.1\r\nContent-Length: 4\r\n\r\nab".encode())
    await stage.call("GET", "/2018-06-01/ping")
    stage.api.revoke()
    client.write(b"cd")
    assert (await client.answer()).refused == (400, "InvalidRequestID", "Invalid request ID")
    assert "responded" not in stage.told.names()


async def test_an_unknown_response_mode_is_refused_and_the_invocation_goes_on(stage: Stage) -> None:
    client = await stage.running()
    answer = await client.call("POST", post_path("r1"), b"1", {"Lambda-Runtime-Function-Response-Mode": "buffered"})
    assert answer.refused == (400, "InvalidFunctionResponseMode", "Invalid function response mode")
    assert (await client.call("POST", post_path("r1"), b"1")).status == 202


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_oversized_response_fails_the_invocation_and_the_runtime_goes_on(stage: Stage, chunked: bool) -> None:
    client = await stage.running()
    body = b"x" * (SYNC_RESPONSE_BYTES + 1)
    if chunked:
        client.send("POST", post_path("r1"), None, {"Transfer-Encoding": "chunked"})
        client.write(chunk(body[:1_000_000]) + chunk(body[1_000_000:]) + b"0\r\n\r\n")
    else:
        client.send("POST", post_path("r1"), body)
    assert (await client.answer()).refused == (
        413,
        "RequestEntityTooLarge",
        "Exceeded maximum allowed payload size (6291556 bytes).",
    )
    name, request_id, error = stage.told.calls[-1]
    assert (name, request_id, error.error_type) == ("failed", "r1", "Function.ResponseSizeTooLarge")
    assert error.body == failures.too_large()
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits", 2)
    assert stage.api.everything_waits


async def test_the_largest_response_passes(stage: Stage) -> None:
    client = await stage.running()
    body = b"x" * SYNC_RESPONSE_BYTES
    assert (await client.call("POST", post_path("r1"), body)).status == 202
    assert stage.told.calls[-1][2] == body


async def test_six_megabytes_are_delivered(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits")
    body = b"e" * 6_291_456
    stage.api.deliver(event("r1", body))
    assert (await client.answer()).body == body


async def test_a_truncated_response_is_no_response(stage: Stage) -> None:
    client = await stage.running()
    client.write(f"POST {post_path('r1')} HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc".encode())
    client.writer.write_eof()
    answer = await client.answer()
    assert answer.refused == (400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
    assert stage.told.names() == ["runtime_waits"]
    assert (await stage.call("POST", post_path("r1"), b"whole")).status == 202


async def test_an_error_keeps_type_body_and_cause(stage: Stage) -> None:
    client = await stage.running()
    body = b'{"errorMessage":"m","errorType":"Function.Bad","stackTrace":[]}'
    headers = {
        "Lambda-Runtime-Function-Error-Type": "Function.Bad",
        "Lambda-Runtime-Function-XRay-Error-Cause": '{"exceptions":[]}',
    }
    assert (await client.call("POST", post_path("r1", "error"), body, headers)).status == 202
    assert stage.told.calls[-1] == ("failed", "r1", FunctionError("Function.Bad", body, '{"exceptions":[]}'))


@pytest.mark.parametrize(
    ("sent", "recorded"),
    [
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("Function.A1", "Function.Unknown"),
        ("Function.x", "Function.Unknown"),
        ("Function.", "Function.Unknown"),
        ("ValueError", "Runtime.Unknown"),
        ("Runtime.", "Runtime.Unknown"),
        ("Runtime.Bad Thing", "Runtime.Unknown"),
        (None, "Runtime.Unknown"),
    ],
)
async def test_error_types_are_recorded_in_their_families(stage: Stage, sent: str | None, recorded: str) -> None:
    client = await stage.running()
    headers = {} if sent is None else {"Lambda-Runtime-Function-Error-Type": sent}
    await client.call("POST", post_path("r1", "error"), b"{}", headers)
    assert stage.told.calls[-1][2].error_type == recorded


async def test_the_error_cause_content_type_is_taken_apart(stage: Stage) -> None:
    client = await stage.running()
    cause = {"working_directory": "/", "exceptions": [], "paths": []}
    body = {"errorMessage": "m", "errorType": "T", "stackTrace": ["s"], "errorCause": cause, "more": 1}
    headers = {"Content-Type": "application/vnd.aws.lambda.error.cause+json"}
    await client.call("POST", post_path("r1", "error"), json.dumps(body).encode(), headers)
    error = stage.told.calls[-1][2]
    assert json.loads(error.body) == {"errorMessage": "m", "errorType": "T", "stackTrace": ["s"]}
    assert json.loads(error.cause) == cause


async def test_an_error_cause_that_is_no_json_goes_to_the_caller_as_it_is(stage: Stage) -> None:
    client = await stage.running()
    headers = {"Content-Type": "application/vnd.aws.lambda.error.cause+json"}
    await client.call("POST", post_path("r1", "error"), b"[oops", headers)
    assert stage.told.calls[-1][2] == FunctionError("Runtime.Unknown", b"[oops", None)


async def test_a_large_cause_is_cropped_to_64_kilobytes(stage: Stage) -> None:
    client = await stage.running()
    stack = [{"path": "p" * 100, "line": n, "label": "l"} for n in range(3000)]
    cause = json.dumps({"exceptions": [{"message": "m", "type": "T", "stack": stack}], "paths": ["p"] * 1000})
    await client.call("POST", post_path("r1", "error"), b"{}", {"Lambda-Runtime-Function-XRay-Error-Cause": cause})
    kept = stage.told.calls[-1][2].cause
    assert len(kept.encode()) <= 64 * 1024
    assert json.loads(kept)["exceptions"][0]["message"] == "m"


async def test_an_init_error_is_told_and_ends_the_runtime(stage: Stage) -> None:
    headers = {"Lambda-Runtime-Function-Error-Type": "Runtime.NoSuchHandler"}
    answer = await stage.call("POST", INIT_ERROR, b'{"errorMessage":"m"}', headers)
    assert answer.status == 202
    assert stage.told.calls == [("init_failed", FunctionError("Runtime.NoSuchHandler", b'{"errorMessage":"m"}'))]
    again = await stage.call("GET", NEXT)
    text = f"State transition from InitError to Ready failed for runtime. {NOT_ALLOWED}"
    assert again.refused == (403, "InvalidStateTransition", text)


async def test_an_init_error_after_the_first_next_is_refused(stage: Stage) -> None:
    await stage.running()
    answer = await stage.call("POST", INIT_ERROR, b"{}")
    text = f"State transition from Running to InitError failed for runtime. {NOT_ALLOWED}"
    assert answer.refused == (403, "InvalidStateTransition", text)
    assert "init_failed" not in stage.told.names()


async def test_a_streamed_response_is_passed_on_chunk_by_chunk(stage: Stage) -> None:
    client = await stage.running()
    client.send("POST", post_path("r1"), None, {**STREAMING, "Content-Type": "text/plain"})
    assert await stage.told.wait("stream_started") == ("stream_started", "r1", "text/plain")
    client.write(chunk(b"one"))
    assert await stage.told.wait("stream_chunk") == ("stream_chunk", "r1", b"one")
    client.write(chunk(b"two") + b"0\r\n\r\n")
    assert (await client.answer()).status == 202
    assert stage.told.calls[-2:] == [("stream_chunk", "r1", b"two"), ("stream_ended", "r1", None)]
    assert stage.api.runtime_state is RuntimeState.RESPONSE_SENT


async def test_a_stream_without_a_content_type_is_octets(stage: Stage) -> None:
    client = await stage.running()
    client.send("POST", post_path("r1"), None, STREAMING)
    client.write(b"0\r\n\r\n")
    await client.answer()
    assert stage.told.calls[1] == ("stream_started", "r1", "application/octet-stream")


@pytest.mark.parametrize("encoded", [True, False])
async def test_trailers_end_a_stream_with_an_error(stage: Stage, encoded: bool) -> None:
    client = await stage.running()
    client.send("POST", post_path("r1"), None, STREAMING)
    error = b'{"errorMessage":"half way"}'
    body = base64.b64encode(error) if encoded else error
    client.write(chunk(b"part") + b"0\r\nLambda-Runtime-Function-Error-Type: Function.Half\r\n")
    client.write(b"Lambda-Runtime-Function-Error-Body: " + body + b"\r\n\r\n")
    assert (await client.answer()).status == 202
    assert stage.told.calls[-1] == ("stream_ended", "r1", FunctionError("Function.Half", error))


async def test_a_truncated_stream_ends_with_an_error(stage: Stage) -> None:
    client = await stage.running()
    client.send("POST", post_path("r1"), None, STREAMING)
    client.write(chunk(b"part") + b"5\r\nab")
    await stage.told.wait("stream_chunk")
    client.close()
    _, request_id, error = await stage.told.wait("stream_ended")
    assert (request_id, error.error_type) == ("r1", "Runtime.TruncatedResponse")


async def test_next_while_a_stream_is_on_its_way_is_refused(stage: Stage) -> None:
    client = await stage.running()
    client.send("POST", post_path("r1"), None, STREAMING)
    await stage.told.wait("stream_started")
    answer = await stage.call("GET", NEXT)
    text = f"State transition from InvocationResponse to Ready failed for runtime. {NOT_ALLOWED}"
    assert answer.refused == (403, "InvalidStateTransition", text)


async def test_a_stream_of_an_invocation_that_is_over_is_passed_on_no_further(stage: Stage) -> None:
    client = await stage.running()
    client.send("POST", post_path("r1"), None, STREAMING)
    await stage.told.wait("stream_started")
    stage.api.revoke()
    client.write(chunk(b"late") + b"0\r\n\r\n")
    assert (await client.answer()).refused == (400, "InvalidRequestID", "Invalid request ID")
    assert stage.told.names() == ["runtime_waits", "stream_started"]


async def test_a_stream_that_is_held_stops_its_sender(stage: Stage) -> None:
    client = await stage.running()
    stage.told.on["stream_started"] = lambda *_: stage.api.hold_stream()
    client.send("POST", post_path("r1"), None, STREAMING)
    await stage.told.wait("stream_started")
    body = b"x" * 20_000_000
    client.write(chunk(body) + b"0\r\n\r\n")
    await stage.call("GET", "/2018-06-01/ping")
    assert "stream_chunk" not in stage.told.names()
    assert client.writer.transport.get_write_buffer_size() > 0
    stage.api.release_stream()
    assert (await client.answer()).status == 202
    assert sum(len(call[2]) for call in stage.told.calls if call[0] == "stream_chunk") == len(body)


async def test_a_runtime_that_speaks_frames_counts_as_a_party(stage: Stage) -> None:
    assert not stage.api.everything_waits
    stage.api.runtime_asked_by_frame()
    assert stage.api.everything_waits
    stage.api.deliver(event(), by_frame=True)
    assert not stage.api.everything_waits
    stage.api.runtime_asked_by_frame()
    assert stage.api.everything_waits
    assert stage.told.calls == []


async def test_snapstart_waits_for_the_restore(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", "/2018-06-01/runtime/restore/next")
    await stage.told.wait("restore_waits")
    stage.api.restored()
    assert (await client.answer()).status == 200
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits")


async def test_an_error_after_a_restore_is_told(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", "/2018-06-01/runtime/restore/next")
    await stage.told.wait("restore_waits")
    stage.api.restored()
    await client.answer()
    assert (await client.call("POST", "/2018-06-01/runtime/restore/error", b"{}")).status == 202
    assert stage.told.calls[-1] == ("restore_failed", FunctionError("Runtime.Unknown", b"{}"))


@pytest.mark.parametrize(
    "path",
    ["/", "/2018-06-01/runtime/invocation/", "/2018-06-01/runtime/invocation//response", post_path("r1", "what"), "/x"],
)
async def test_unknown_paths_are_not_found(stage: Stage, path: str) -> None:
    assert (await stage.call("POST", path, b"body")).status == 404


@pytest.mark.parametrize(("method", "path"), [("POST", NEXT), ("GET", INIT_ERROR), ("GET", post_path("r1"))])
async def test_wrong_methods_are_refused(stage: Stage, method: str, path: str) -> None:
    assert (await stage.call(method, path)).status == 405
