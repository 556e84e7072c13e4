"""InvokeWithResponseStream on the wire: frames that botocore reads, and what becomes of errors."""

import asyncio
import base64
import socket
import threading
from collections.abc import AsyncGenerator
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from tests.api.conftest import StartDoor
from tests.api.test_invoke import FUNCTION

from neve.api import event_stream
from neve.api.http import RawOperation, Request, StreamedResponse
from neve.api.invoke_stream import invoke_stream_operation
from neve.control.invoke import Invoked, Invoker, InvokeRequest, Streaming
from neve.dataplane.response_stream import ResponseStream
from neve.domain.call import Call
from neve.domain.errors import PlatformError, TooManyRequests
from neve.domain.invocation import InvocationResult, Status

Event = dict[str, Any]


class Script:
    """Stands for the control plane: streams what the test says, then ends with a result or an error."""

    def __init__(self, *chunks: bytes, end: InvocationResult | Exception | None = None) -> None:
        self.asked: list[InvokeRequest] = []
        self._chunks = chunks
        self._end = end or InvocationResult(Status.SUCCESS, b"", "7")

    async def invoke(self, request: InvokeRequest) -> Invoked:
        self.asked.append(request)
        return Invoked(FUNCTION, request.trace_id, None)

    async def stream(self, request: InvokeRequest) -> Streaming:
        self.asked.append(request)
        result: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        stream = ResponseStream(result)
        if self._chunks:
            stream.begin("text/plain", lambda held: None)
        for chunk in self._chunks:
            stream.put(chunk)
        if isinstance(self._end, Exception):
            result.set_exception(self._end)
        else:
            result.set_result(self._end)
        return Streaming(FUNCTION, request.trace_id, stream)


def events(start_door: StartDoor, script: Script, **parameters: Any) -> list[Event]:
    operation = invoke_stream_operation(cast(Invoker, script))
    client = start_door(raw={"InvokeWithResponseStream": operation}).client()
    answer = client.invoke_with_response_stream(FunctionName="f", **parameters)
    assert answer["StatusCode"] == 200
    return list(answer["EventStream"])


def chunks(*payloads: bytes) -> list[Event]:
    return [{"PayloadChunk": {"Payload": each}} for each in payloads]


@given(st.binary(max_size=5_000), st.text("abc:-", min_size=1, max_size=30), st.text(max_size=60))
def test_frames_are_what_the_sdk_reads(payload: bytes, name: str, value: str) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(event_stream.frame(event_stream.headers({name: value}), payload))
    (message,) = list(buffer)
    assert (message.headers, message.payload) == ({name: value}, payload)


def test_chunks_then_the_end(start_door: StartDoor) -> None:
    assert events(start_door, Script(b"one", b"two")) == [*chunks(b"one", b"two"), {"InvokeComplete": {}}]


def test_a_whole_answer_is_chunks(start_door: StartDoor) -> None:
    whole = bytes(range(256)) * 2_000
    told = events(start_door, Script(end=InvocationResult(Status.SUCCESS, whole, "7")))
    assert told[-1] == {"InvokeComplete": {}}
    assert b"".join(each["PayloadChunk"]["Payload"] for each in told[:-1]) == whole


@pytest.mark.parametrize("before", [(), (b"half",)])
def test_an_error_of_the_function_is_in_the_last_event(start_door: StartDoor, before: tuple[bytes, ...]) -> None:
    failed = InvocationResult(Status.FAILURE, b'{"errorType":"Error"}', "7", "Runtime.Unknown", b"log")
    assert events(start_door, Script(*before, end=failed)) == [
        *chunks(*before),
        {
            "InvokeComplete": {
                "ErrorCode": "Runtime.Unknown",
                "ErrorDetails": '{"errorType":"Error"}',
                "LogResult": base64.b64encode(b"log").decode(),
            }
        },
    ]


def test_what_is_refused_before_the_first_byte_has_a_status(start_door: StartDoor) -> None:
    with pytest.raises(ClientError) as refused:
        events(start_door, Script(end=TooManyRequests("ConcurrentInvocationLimitExceeded")))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_an_error_of_the_platform_in_the_middle_is_in_the_last_event(start_door: StartDoor) -> None:
    *before, last = events(start_door, Script(b"half", end=PlatformError("Neve was stopped.")))
    assert before == chunks(b"half")
    assert last["InvokeComplete"] == {"ErrorCode": "ServiceException", "ErrorDetails": "Neve was stopped."}


def test_dry_run_runs_nothing(start_door: StartDoor) -> None:
    script = Script(b"never")
    operation = invoke_stream_operation(cast(Invoker, script))
    client = start_door(raw={"InvokeWithResponseStream": operation}).client()
    answer = client.invoke_with_response_stream(FunctionName="f", InvocationType="DryRun")
    answer["EventStream"].close()  # nobody reads it, and its connection would stay open
    assert answer["StatusCode"] == 204
    assert [each.invocation_type.value for each in script.asked] == ["DryRun"]


def test_an_event_cannot_be_streamed(start_door: StartDoor) -> None:
    with pytest.raises(ClientError, match=r"Member must satisfy enum value set: \[RequestResponse, DryRun\]"):
        events(start_door, Script(), InvocationType="Event")


def test_a_payload_that_is_no_json(start_door: StartDoor) -> None:
    with pytest.raises(ClientError, match="Could not parse request body into json"):
        events(start_door, Script(), Payload=b"value")


def test_an_answer_that_breaks_is_cut(start_door: StartDoor) -> None:
    """No end of the chunked body: nobody takes it for the whole."""
    door = start_door(raw={"InvokeWithResponseStream": invoke_stream_operation(cast(Invoker, _Broken()))})
    with socket.create_connection(("127.0.0.1", urlsplit(door.url).port), 10) as client:
        path = "/2021-11-15/functions/f/response-streaming-invocations"
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        answer = b""
        while data := client.recv(65_536):
            answer += data
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"one" in answer
    assert not answer.endswith(b"0\r\n\r\n")


def test_a_client_that_takes_nothing_is_cut_off(start_door: StartDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing hangs without a limit: the stream is let go of, and the connection ends."""
    monkeypatch.setattr("neve.api.sending.SEND_SECONDS", 0.2)
    monkeypatch.setattr("neve.api.connection.LAST_BYTES_SECONDS", 0.2)
    ended = threading.Event()
    door = start_door(raw={"InvokeWithResponseStream": endless(ended)})
    with socket.create_connection(("127.0.0.1", urlsplit(door.url).port), 10) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.sendall(b"POST /2021-11-15/functions/f/response-streaming-invocations HTTP/1.1\r\nHost: x\r\n\r\n")
        assert ended.wait(10)


def test_a_client_that_goes_away_ends_no_stream(start_door: StartDoor) -> None:
    """What is left is read to its end, so that nobody who writes waits for it."""
    read_to_the_end = threading.Event()
    door = start_door(raw={"InvokeWithResponseStream": long(read_to_the_end)})
    with socket.create_connection(("127.0.0.1", urlsplit(door.url).port), 10) as client:
        client.sendall(b"POST /2021-11-15/functions/f/response-streaming-invocations HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(20).startswith(b"HTTP/1.1 200")
    assert read_to_the_end.wait(10)


def endless(ended: threading.Event) -> RawOperation:
    async def chunks() -> AsyncGenerator[bytes]:
        try:
            while True:
                yield bytes(65_536)
        finally:
            ended.set()

    async def operation(call: Call, request: Request) -> StreamedResponse:
        return StreamedResponse(200, [], chunks())

    return operation


def long(read_to_the_end: threading.Event) -> RawOperation:
    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(200):
            yield bytes(65_536)
        read_to_the_end.set()

    async def operation(call: Call, request: Request) -> StreamedResponse:
        return StreamedResponse(200, [], chunks())

    return operation


class _Broken(Script):
    def __init__(self) -> None:
        super().__init__(b"one", end=KeyError("a fault of ours"))
