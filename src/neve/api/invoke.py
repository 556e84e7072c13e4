"""Invoke, the hot path: reads the request and writes the response itself instead of through the generic codec.

`tests/api/test_invoke.py` holds that both agree; whatever is unusual here is given to the codec for its verdict.
"""

import asyncio
import base64
import binascii
import json

import msgspec

from neve.api import model
from neve.api.http import Headers, RawOperation, Request, Response
from neve.api.wire import Codec
from neve.control.invoke import Invoker, InvokeRequest
from neve.domain import json_text
from neve.domain.call import Call
from neve.domain.errors import InvalidRequestContent
from neve.domain.function import Function
from neve.domain.invocation import InvocationResult, InvocationType
from neve.domain.limits import CLIENT_CONTEXT_BYTES

_TYPES = {
    None: InvocationType.REQUEST_RESPONSE,
    b"RequestResponse": InvocationType.REQUEST_RESPONSE,
    b"Event": InvocationType.EVENT,
    b"DryRun": InvocationType.DRY_RUN,
}
_JSON = (b"content-type", b"application/json")
_REMAPPED = (b"x-amzn-remapped-content-length", b"0")
_FAILED = (b"x-amz-function-error", b"Unhandled")  # the only value that the service has sent since 2019
_EMPTY_EVENT = b"{}"
_SHORT_BYTES = 16_384  # explained within some milliseconds
_SPACE = b" \t\r\n"
_JSON_VALUE = msgspec.json.Decoder(msgspec.Raw)
_PLAIN_NAME = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def invoke_operation(invoker: Invoker) -> RawOperation:
    """Invoke as the door takes it."""
    service = model.load("lambda")
    codec = Codec(service, service.operations["Invoke"])

    async def invoke(call: Call, request: Request) -> Response:
        if not _usual(request):
            codec.parse(request)  # the service's sentence about whatever is wrong; most unusual requests are right
        asked = read_request(call, request, request.body if _is_json(request.body) else await _explained(request.body))
        invoked = await invoker.invoke(asked)
        if invoked.result is None:
            return Response(204) if asked.invocation_type is InvocationType.DRY_RUN else _accepted(invoked.trace_id)
        return _response(invoked.function, invoked.result, invoked.trace_id)

    return invoke


def invoke_async_operation(invoker: Invoker) -> RawOperation:
    """InvokeAsync, the event of before 2014, as the door takes it: its body is the event, and it knows nothing else."""
    service = model.load("lambda")
    codec = Codec(service, service.operations["InvokeAsync"])

    async def invoke_async(call: Call, request: Request) -> Response:
        codec.parse(request)
        asked = read_request(call, request, await payload_of(request.body))
        invoked = await invoker.invoke(msgspec.structs.replace(asked, invocation_type=InvocationType.EVENT))
        return _accepted(invoked.trace_id)

    return invoke_async


def _usual(request: Request) -> bool:
    """Whether every modelled member is plainly valid: the usual request needs no look at the model."""
    name = request.labels["FunctionName"].encode("utf-8", "replace")
    return (
        0 < len(name) <= 140
        and _PLAIN_NAME.issuperset(name)
        and not request.query
        and request.headers.get(b"x-amz-invocation-type") in _TYPES
        and request.headers.get(b"x-amz-log-type") in (None, b"None", b"Tail")
        and b"x-amz-durable-execution-name" not in request.headers
        and b"x-amz-tenant-id" not in request.headers
    )


async def payload_of(body: bytes) -> bytes:
    """The event that a body is. InvalidRequestContent, as the service's parser says it."""
    return body if _is_json(body) else await _explained(body)


def read_request(call: Call, request: Request, payload: bytes) -> InvokeRequest:
    """What the headers of a request that agrees with the model ask for."""
    return InvokeRequest(
        world=call.world,
        request_id=call.request_id,
        function_name=request.labels["FunctionName"],
        qualifier=request.parameter("Qualifier") if request.query else None,
        invocation_type=_TYPES[request.headers.get(b"x-amz-invocation-type")],
        payload=payload,
        wants_log_tail=request.headers.get(b"x-amz-log-type") == b"Tail",
        client_context=_client_context(request.headers.get(b"x-amz-client-context")),
        trace_id=request.header(b"x-amzn-trace-id") or "",
        identity=call.principal.arn if call.principal is not None else f"arn:aws:iam::{call.world.account}:root",
    )


def _is_json(body: bytes) -> bool:
    """Whether the body plainly is one JSON value."""
    try:
        _JSON_VALUE.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    # Strings that are only skipped are not looked into: what is no UTF-8 is for the slow way to judge.
    return body.isascii() or _is_utf8(body)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _explained(body: bytes) -> bytes:
    """The slow way, seconds for megabytes: not on the event loop then."""
    return _judged(body) if len(body) < _SHORT_BYTES else await asyncio.to_thread(_judged, body)


def _judged(body: bytes) -> bytes:
    """msgspec is stricter than the service's parser in places, so that parser's rules have the last word."""
    if not body.strip(_SPACE):
        return _EMPTY_EVENT
    refusal = json_text.invalid_request_text(body)
    if refusal is None and not _is_one_value(body):
        # Unconfirmed what the service does with more than one value; a runtime could not read the event.
        refusal = (
            "Could not parse request body into json: Could not parse payload into json: Content after the JSON value."
        )
    if refusal is not None:
        raise InvalidRequestContent(refusal)
    return body


def _is_one_value(body: bytes) -> bool:
    try:
        json.loads(body)
    except RecursionError:
        return True  # deep, and whole as far as the service's parser looked
    except UnicodeDecodeError:
        return True  # longer than it need be, which that parser takes
    except ValueError:
        return False
    return True


def _client_context(header: bytes | None) -> str | None:
    """The JSON text inside; the runtime parses it, not the platform. The refusal's text is unconfirmed."""
    if header is None:
        return None
    if len(header) > CLIENT_CONTEXT_BYTES:
        raise InvalidRequestContent(f"Client context must be at most {CLIENT_CONTEXT_BYTES} bytes of Base64.")
    try:
        return base64.b64decode(header, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.") from None


def _accepted(trace_id: str) -> Response:
    """The answer to an event: it is on disk, and the id of the request is the id of every attempt to run it."""
    return Response(202, [_JSON, _REMAPPED, (b"x-amzn-trace-id", trace_id.encode("latin-1", "replace"))])


def _response(function: Function, result: InvocationResult, trace_id: str) -> Response:
    version = (b"x-amz-executed-version", function.version.encode())
    headers: Headers = [_JSON, _REMAPPED, version, (b"x-amzn-trace-id", trace_id.encode("latin-1", "replace"))]
    if result.failed:
        headers.append(_FAILED)
    if result.log_tail is not None:
        headers.append((b"x-amz-log-result", base64.b64encode(result.log_tail)))
    return Response(200, headers, result.payload)
