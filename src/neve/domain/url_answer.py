"""What a function's result is as an HTTP answer at its URL. Source: http-frontends facts §3, §5.

A JSON object with `statusCode` says the answer; everything else is the body of a 200.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
"""The content type of a stream that begins with a prelude: the answer's head as JSON, eight NUL bytes."""

PRELUDE_END = bytes(8)
PRELUDE_BYTES = 65_536
_JSON = "application/json"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BROKEN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Neve's own server says them, or they belong to one connection.
_OURS = frozenset({
    "connection", "content-length", "date", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip

Headers = list[tuple[str, str]]


class Malformed(Exception):
    """It says an answer that is none; the text tells the function's owner why."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Names of `headers` in lower case; cookies are among them."""

    status: int
    headers: Headers
    body: bytes = b""

    @property
    def has_body(self) -> bool:
        """Whether HTTP lets an answer of this status have one."""
        return self.status not in (204, 304)


def answer_of(payload: bytes) -> HttpAnswer:
    """The answer to a buffered request. Malformed."""
    try:
        result = json.loads(payload)
    except (ValueError, RecursionError):
        return HttpAnswer(200, [("content-type", _JSON)], payload)  # of a custom runtime, say; unconfirmed
    if isinstance(result, Mapping) and "statusCode" in result:
        return HttpAnswer(*_head(result, _JSON), _body(result))
    return HttpAnswer(200, [("content-type", _JSON)], result.encode() if isinstance(result, str) else payload)


def prelude_of(text: bytes) -> HttpAnswer:
    """The head of a streamed answer. Malformed."""
    try:
        prelude = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("the prelude of its stream is no JSON") from None
    if not isinstance(prelude, Mapping):
        raise Malformed("the prelude of its stream is no JSON object")
    return HttpAnswer(*_head({"statusCode": 200, **prelude}, "application/octet-stream"))


def head_of(content_type: str) -> HttpAnswer:
    """The head of a streamed answer that has no prelude. Malformed."""
    return HttpAnswer(200, [_header("content-type", content_type)])


def _head(result: Mapping[str, Any], content_type: str) -> tuple[int, Headers]:
    status = result["statusCode"]
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise Malformed(f"its statusCode is {_shown(status)}, not a number from 200 to 599")
    headers = [_header(name, value) for name, value in _mapping(result.get("headers")).items() if value is not None]
    headers = [(name, value) for name, value in headers if name not in _OURS]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", content_type))
    return status, [*headers, *(_header("set-cookie", each) for each in _cookies(result.get("cookies")))]


def _mapping(headers: Any) -> Mapping[str, Any]:
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise Malformed(f"its headers are {_shown(headers)}, not an object")
    return headers


def _header(name: str, value: Any) -> tuple[str, str]:
    if not isinstance(value, str | int | float):
        raise Malformed(f"its header {name} is {_shown(value)}, not a string")
    text = value if isinstance(value, str) else json.dumps(value)
    if not _NAME.fullmatch(name) or _BROKEN_VALUE.search(text):
        raise Malformed(f"its header {_shown(name)} cannot be sent")
    return name.lower(), text


def _cookies(cookies: Any) -> list[Any]:
    if cookies is None:
        return []
    if not isinstance(cookies, list):
        raise Malformed(f"its cookies are {_shown(cookies)}, not a list")
    return cookies


def _body(result: Mapping[str, Any]) -> bytes:
    """The documentation shows a body that is an object as its JSON text."""
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if not result.get("isBase64Encoded"):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("its body is not the Base64 that isBase64Encoded says") from None


def _shown(value: Any) -> str:
    return json.dumps(value)[:60]
