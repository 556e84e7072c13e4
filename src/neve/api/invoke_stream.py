"""InvokeWithResponseStream: the same request as Invoke, the response as a stream of events.

The head of the answer waits until the function has begun to respond, so that what Invoke would refuse is refused here as there.
From then on the status is 200, and how it went is said by the last event. Source: invoke-api facts §5.
"""

import base64
from collections.abc import AsyncGenerator

from neve.api import event_stream, model
from neve.api.errors import code_and_text, encode_json
from neve.api.http import Headers, RawOperation, Request, Response, StreamedResponse
from neve.api.invoke import payload_of, read_request
from neve.api.wire import Codec
from neve.control.invoke import Invoker
from neve.dataplane.response_stream import ResponseStream
from neve.domain.call import Call
from neve.domain.errors import NeveError
from neve.domain.invocation import InvocationResult, InvocationType

_CHUNK = event_stream.event("PayloadChunk", "application/octet-stream")
_COMPLETE = event_stream.event("InvokeComplete", "application/json")
_CHUNK_BYTES = 262_144  # of an answer that came in one piece


def invoke_stream_operation(invoker: Invoker) -> RawOperation:
    """InvokeWithResponseStream as the door takes it."""
    service = model.load("lambda")
    codec = Codec(service, service.operations["InvokeWithResponseStream"])

    async def invoke(call: Call, request: Request) -> Response | StreamedResponse:
        codec.parse(request)
        asked = read_request(call, request, await payload_of(request.body))
        if asked.invocation_type is InvocationType.DRY_RUN:
            await invoker.invoke(asked)
            return Response(204)
        function, trace_id, stream = await invoker.stream(asked)
        await stream.wait_begun()
        headers: Headers = [
            (b"content-type", event_stream.CONTENT_TYPE),
            (b"x-amz-executed-version", function.version.encode()),
            (b"x-amzn-trace-id", trace_id.encode("latin-1", "replace")),
        ]
        return StreamedResponse(200, headers, _events(stream))

    return invoke


async def _events(stream: ResponseStream) -> AsyncGenerator[bytes]:
    try:
        while (chunk := await stream.read()) is not None:
            yield event_stream.frame(_CHUNK, chunk)
        try:
            result = stream.result()
        except NeveError as error:  # of the platform: the status is gone, so the last event has to say it
            yield event_stream.frame(_COMPLETE, _complete(*code_and_text(error)))
            return
        if not result.failed:
            for at in range(0, len(result.payload), _CHUNK_BYTES):
                yield event_stream.frame(_CHUNK, result.payload[at : at + _CHUNK_BYTES])
        yield event_stream.frame(_COMPLETE, _ended(result))
    finally:
        stream.abandon()


def _ended(result: InvocationResult) -> bytes:
    """The details are what Invoke's payload would be."""
    if not result.failed:
        return _complete(None, None, result.log_tail)
    return _complete(result.error_type or "Unhandled", result.payload.decode("utf-8", "replace"), result.log_tail)


def _complete(code: str | None, details: str | None, log_tail: bytes | None = None) -> bytes:
    members = {
        "ErrorCode": code,
        "ErrorDetails": details,
        "LogResult": None if log_tail is None else base64.b64encode(log_tail).decode(),
    }
    return encode_json({name: value for name, value in members.items() if value is not None})
