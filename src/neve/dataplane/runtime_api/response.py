"""POST /2018-06-01/runtime/invocation/{id}/response: in one piece, or streamed chunk by chunk."""

import base64
import binascii
from collections.abc import Mapping

from neve.dataplane import failures
from neve.dataplane.runtime_api.doors import Doors
from neve.dataplane.runtime_api.error import reported_type
from neve.dataplane.runtime_api.http import Exchange, Intake, Reply, Whole, accepted, refusal, too_large, truncated
from neve.dataplane.runtime_api.listener import FunctionError
from neve.domain.limits import SYNC_RESPONSE_BYTES
from neve.domain.runtime_state import RuntimeState

_TRUNCATED = "Runtime.TruncatedResponse"


def open_response(doors: Doors, exchange: Exchange, request_id: str) -> Intake:
    """Refused posts are read to their end, so that the client gets to read why."""
    refused = _why_not(doors, exchange, request_id)
    if refused is not None:
        return Whole(exchange, 0, lambda body: refused)
    if _mode(exchange) == "streaming":
        return Streamed(doors, exchange, request_id)
    return Whole(exchange, SYNC_RESPONSE_BYTES, lambda body: _respond(doors, exchange, request_id, body))


def _mode(exchange: Exchange) -> str:
    return exchange.head.headers.get("lambda-runtime-function-response-mode", "")


def _why_not(doors: Doors, exchange: Exchange, request_id: str) -> Reply | None:
    refused = doors.runtime.why_not(request_id, RuntimeState.INVOCATION_RESPONSE)
    if refused is None and _mode(exchange) not in ("", "streaming"):
        # The state stays: the runtime may still post an error, or its response in a proper mode.
        return refusal(400, "InvalidFunctionResponseMode", "Invalid function response mode")
    return refused


def _respond(doors: Doors, exchange: Exchange, request_id: str, body: bytes | None) -> Reply:
    """The state is asked again: while the body came, the invocation may have ended."""
    refused = doors.runtime.why_not(request_id, RuntimeState.INVOCATION_RESPONSE)
    if refused is not None:
        return refused
    doors.runtime.move(RuntimeState.INVOCATION_RESPONSE)
    doors.runtime.move(RuntimeState.RESPONSE_SENT)
    if body is None:
        doors.listener.failed(request_id, FunctionError(failures.TOO_LARGE, failures.too_large()))
        return too_large(SYNC_RESPONSE_BYTES)
    doors.listener.responded(request_id, body, exchange.head.headers.get("content-type", "application/json"))
    return accepted()


class Streamed:
    """A response that is passed on as it comes; trailers may say that it failed."""

    def __init__(self, doors: Doors, exchange: Exchange, request_id: str) -> None:
        self._doors = doors
        self._exchange = exchange
        self._request_id = request_id
        doors.runtime.move(RuntimeState.INVOCATION_RESPONSE)
        doors.streaming = exchange
        content_type = exchange.head.headers.get("content-type", "application/octet-stream")
        doors.listener.stream_started(request_id, content_type)

    def data(self, chunk: bytes) -> None:
        """Pass it on, unless the invocation has ended meanwhile."""
        if self._wanted():
            self._doors.listener.stream_chunk(self._request_id, chunk)

    def end(self, trailers: Mapping[str, str]) -> None:
        """Whole; or failed, when there is a trailer that says so."""
        if self._wanted():
            self._finish(_trailed_error(trailers))
            self._exchange.answer(accepted())
        else:
            self._exchange.answer(refusal(400, "InvalidRequestID", "Invalid request ID"))

    def cut(self) -> None:
        """The caller has a part, and must not take it for the whole."""
        if self._wanted():
            text = "Response was truncated: the connection ended before it was whole."
            self._finish(FunctionError(_TRUNCATED, failures.payload(_TRUNCATED, text)))
        self._exchange.answer(truncated())

    def _wanted(self) -> bool:
        return self._doors.runtime.is_current(self._request_id)

    def _finish(self, error: FunctionError | None) -> None:
        self._exchange.go_on()  # it may have been held, and what follows on its connection must be read
        self._doors.streaming = None
        self._doors.runtime.move(RuntimeState.RESPONSE_SENT)
        self._doors.listener.stream_ended(self._request_id, error)


def _trailed_error(trailers: Mapping[str, str]) -> FunctionError | None:
    error_type = trailers.get("lambda-runtime-function-error-type", "")
    body = trailers.get("lambda-runtime-function-error-body", "")
    if not error_type and not body:
        return None
    return FunctionError(reported_type(error_type), _decoded(body))


def _decoded(body: str) -> bytes:
    """Base64 of the error JSON; a client that does not encode it is read as it writes."""
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return body.encode()
