"""An error in the shape that the client of a service reads, whatever the service: said by the request, not by a list.

X-Amz-Target              json      {"__type", "message"}
smithy-protocol           cbor      the same, as CBOR
S3                        XML       <Error>
Action= in a form         XML       <ErrorResponse><Error>
anything else             rest-json header x-amzn-errortype, {"message"}
"""

import json
from collections.abc import Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape

from neve.domain.errors import CallerError
from neve.neighbours.request import Head, Headers, Unanswered


def render(error: Unanswered, head: Head, request_id: str) -> tuple[Headers, bytes]:
    """Headers and body; the request id and `content-length` are among the headers. HEAD gets no body."""
    given = dict(head.headers)
    content_type, body = _body(error, head, given, request_id)
    headers: Headers = [(b"content-type", content_type), (b"x-amzn-requestid", request_id.encode())]
    if head.service == "s3":
        headers.append((b"x-amz-request-id", request_id.encode()))
    else:
        headers.append((b"x-amzn-errortype", error.code.encode()))
    if b"smithy-protocol" in given:
        headers.append((b"smithy-protocol", given[b"smithy-protocol"]))
    headers.append((b"content-length", b"%d" % len(body)))
    return headers, b"" if head.method == "HEAD" else body


class _Said(NamedTuple):
    """How services say one thing: those that read XML forms, and S3."""

    query: str
    s3: str
    s3_text: str


# What Lambda calls it, and what others do. Services that read JSON use Lambda's names.
_NOT_LET_IN = {
    "MissingAuthenticationTokenException": _Said("MissingAuthenticationToken", "AccessDenied", "Access Denied"),
    "IncompleteSignatureException": _Said("IncompleteSignature", "AuthorizationHeaderMalformed", ""),
    "InvalidSignatureException": _Said("SignatureDoesNotMatch", "SignatureDoesNotMatch", ""),
    "UnrecognizedClientException": _Said(
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    "ExpiredTokenException": _Said("ExpiredToken", "ExpiredToken", "The provided token has expired."),
    "AccessDeniedException": _Said("AccessDenied", "AccessDenied", ""),
}
_OTHER_STATUSES = {"NotImplementedException": 501, "RequestEntityTooLargeException": 413}
_S3_STATUSES = {"IncompleteSignatureException": 400, "ExpiredTokenException": 400, "XAmzContentSHA256Mismatch": 400}


def not_let_in(error: CallerError, head: Head) -> Unanswered:
    """A refusal of the door as the service would say it."""
    said = _NOT_LET_IN.get(error.code, _Said(error.code, error.code, ""))
    given = dict(head.headers)
    if error.code in _OTHER_STATUSES:
        return Unanswered(_OTHER_STATUSES[error.code], error.code, error.message)
    if head.service == "s3":
        code, text = said.s3, said.s3_text or error.message
        if text.startswith(("Signature expired", "Signature not yet current")):
            presigned = b"X-Amz-Expires=" in head.target
            code = "AccessDenied" if presigned else "RequestTimeTooSkewed"
            text = (
                "Request has expired"
                if presigned
                else "The difference between the request time and the current time is too large."
            )
        return Unanswered(_S3_STATUSES.get(error.code, 403), code, text)
    if b"x-amz-target" in given or given.get(b"smithy-protocol", b"").startswith(b"rpc-v2-cbor"):
        return Unanswered(400, error.code, error.message)
    if given.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
        return Unanswered(403, said.query, error.message)
    return Unanswered(403, error.code, error.message)


def _body(error: Unanswered, head: Head, given: Mapping[bytes, bytes], request_id: str) -> tuple[bytes, bytes]:
    if b"x-amz-target" in given:
        told = {"__type": error.code, "message": error.message}
        return given.get(b"content-type", b"application/x-amz-json-1.0"), json.dumps(told).encode()
    if given.get(b"smithy-protocol", b"").startswith(b"rpc-v2-cbor"):
        return b"application/cbor", _cbor({"__type": error.code, "message": error.message})
    if head.service == "s3":
        return b"application/xml", _document("Error", _said(error) + _element("RequestId", request_id))
    if given.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
        whose = "Receiver" if error.status >= 500 else "Sender"
        inner = "<Error>" + _element("Type", whose) + _said(error) + "</Error>" + _element("RequestId", request_id)
        return b"text/xml", _document("ErrorResponse", inner)
    return b"application/json", json.dumps({"message": error.message}).encode()


def _said(error: Unanswered) -> str:
    return _element("Code", error.code) + _element("Message", error.message)


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _document(name: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}>{inner}</{name}>'.encode()


def _cbor(members: Mapping[str, str]) -> bytes:
    """A map of texts, which is all that an error has (RFC 8949, major types 5 and 3)."""
    return bytes([0xA0 | len(members)]) + b"".join(_cbor_text(text) for pair in members.items() for text in pair)


def _cbor_text(text: str) -> bytes:
    raw = text.encode()
    size = len(raw)
    start = bytes([0x60 | size]) if size < 24 else b"\x79" + size.to_bytes(2, "big")
    return start + raw
