"""The only table of errors: domain error -> status, `x-amzn-ErrorType`, body.

What the model knows (statuses, `message` or `Message`, whose fault) is read from it. What the service sends and the model
does not have is in `_BEYOND_THE_MODEL`, from the facts of the invoke and control APIs.
"""

import json
from functools import cache
from typing import NamedTuple

from neve import log
from neve.api import model
from neve.api.http import Headers, Response
from neve.api.model import ServiceModel
from neve.domain.errors import CallerError, NeveError, PlatformError, TooManyRequests

REST_CONTENT_TYPE = b"application/json"
RPC_CONTENT_TYPE = b"application/x-amz-json-1.1"
UNEXPECTED = "An internal error occurred and the request cannot be processed. Neve's log has it under this request id."


class _Form(NamedTuple):
    """How one code looks on the wire: `type` is the value of the member Type (None: there is no such member)."""

    status: int
    type: str | None
    message: str


_BEYOND_THE_MODEL = {
    "ValidationException": _Form(400, None, "message"),
    "SerializationException": _Form(400, None, "message"),
    "AccessDeniedException": _Form(403, None, "Message"),
    "MissingAuthenticationTokenException": _Form(403, None, "message"),
    "IncompleteSignatureException": _Form(403, None, "message"),
    "InvalidSignatureException": _Form(403, None, "message"),
    "UnrecognizedClientException": _Form(403, None, "message"),
    "ExpiredTokenException": _Form(403, None, "message"),
    "UnknownOperationException": _Form(404, None, "message"),
    "RequestTimeoutException": _Form(408, None, "message"),
    "RequestEntityTooLargeException": _Form(413, None, "Message"),
    "NotImplementedException": _Form(501, "User", "message"),
    "ServiceException": _Form(500, "Service", "Message"),
}
_OTHER = _Form(400, "User", "message")

# json-1.1 answers 400 for whatever the caller did; these few statuses carry meaning for clients and stay.
_RPC_STATUSES = {"NotImplementedException": 501, "RequestEntityTooLargeException": 413, "RequestTimeoutException": 408}


def render(error: Exception, service: ServiceModel | None, request_id: str) -> Response:
    """The response for anything that was raised; what nobody raised on purpose is logged and says nothing of itself."""
    if isinstance(error, PlatformError) and error.__cause__ is None:
        log.warn("api.refused", error=error.message, request_id=request_id)  # said on purpose: nothing to trace
    elif isinstance(error, PlatformError) or not isinstance(error, NeveError):
        log.failure("api.failed", error, request_id=request_id)
    code, text = code_and_text(error)
    if service is not None and service.json_rpc:
        return _render_rpc(code, text)
    return _render_rest(error, code, text)


def code_and_text(error: Exception) -> tuple[str, str]:
    """What a caller may know of it."""
    if isinstance(error, CallerError | PlatformError):
        return error.code, error.message
    return NeveError.code, UNEXPECTED


def _render_rest(error: Exception, code: str, text: str) -> Response:
    form = _form(code)
    headers: Headers = [(b"content-type", REST_CONTENT_TYPE), (b"x-amzn-errortype", code.encode())]
    body: dict[str, str] = {}
    if isinstance(error, TooManyRequests):
        body["Reason"] = error.reason
        if error.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % error.retry_after_s))
    if form.type is not None:
        body["Type"] = form.type
    body[form.message] = text
    return Response(form.status, headers, encode_json(body))


def _render_rpc(code: str, text: str) -> Response:
    """json-1.1: the code is in the body; a fault of ours is 500, so that clients try again."""
    if code == NeveError.code:
        code = "InternalFailure"
    status = 500 if code == "InternalFailure" else _RPC_STATUSES.get(code, 400)
    return Response(status, [(b"content-type", RPC_CONTENT_TYPE)], encode_json({"__type": code, "message": text}))


@cache
def _form(code: str) -> _Form:
    """The form of a code: the facts first, then the Lambda model."""
    known = _BEYOND_THE_MODEL.get(code)
    if known is not None:
        return known
    shape = model.load("lambda").shapes.get(code)
    if shape is None or "error" not in shape:
        return _OTHER
    members = shape["members"]
    fault = "Service" if shape.get("fault") or shape["error"]["httpStatusCode"] >= 500 else "User"
    return _Form(
        shape["error"]["httpStatusCode"],
        fault if "Type" in members else None,
        "Message" if "Message" in members else "message",
    )


def encode_json(body: object) -> bytes:
    """Compact JSON in UTF-8; a lone surrogate, which a caller may send, stays an escape."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()
