"""The event of an HTTP request at a function URL: payload format 2.0. Source: http-frontends facts §2."""

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

Headers = Sequence[tuple[bytes, bytes]]

# They belong to one connection, and a function has none.
OF_A_CONNECTION = frozenset({
    "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade",
})  # fmt: skip
_TEXT = frozenset({"application/json", "application/javascript", "application/xml"})
_ROUTE = "$default"


@dataclass(frozen=True, slots=True)
class UrlRequest:
    """A request as it came, and where: `path` and `query` are raw, names of `headers` in lower case, repeated ones too.

    `domain` is the host name of the URL, `source_ip` the address of the peer, `now_ms` UTC milliseconds.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    url_id: str
    domain: str
    source_ip: str
    port: int
    scheme: str
    http_version: str
    request_id: str
    trace_id: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed a request."""

    account: str
    access_key: str
    arn: str
    user_id: str


def event_of(request: UrlRequest, identity: Identity | None) -> dict[str, Any]:
    """What the function gets; `identity` None at a URL that is open to everybody."""
    headers = _joined(request.headers)
    cookies = headers.pop("cookie", None)
    _add_forwarding(headers, request)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": _ROUTE,
        "rawPath": request.path,
        "rawQueryString": request.query,
    }
    if cookies is not None:
        event["cookies"] = [each.strip() for each in cookies.split(";") if each.strip()]
    event["headers"] = headers
    if parameters := _parameters(request.query):
        event["queryStringParameters"] = parameters
    event["requestContext"] = _context(request, headers, identity)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, headers.get("content-type", ""))
    else:
        event["isBase64Encoded"] = False
    return event


def is_text(content_type: str) -> bool:
    """Whether a body of this type is given as it is; whatever else is Base64 (forms too)."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT or (kind.startswith("application/") and kind.endswith(_SUFFIXES))


_SUFFIXES = ("+json", "+xml")  # unconfirmed


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    if is_text(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # says that it is text, and is not
    return base64.b64encode(body).decode(), True


def _joined(headers: Headers) -> dict[str, str]:
    """Repeated ones by commas, those of the connection left out."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        between = "; " if name == "cookie" else ","
        joined[name] = f"{joined[name]}{between}{value}" if name in joined else value
    dropped = {each.strip().lower() for each in joined.get("connection", "").split(",")} | OF_A_CONNECTION
    return {name: value for name, value in joined.items() if name not in dropped}


def _add_forwarding(headers: dict[str, str], request: UrlRequest) -> None:
    """Where it came from; what a proxy in front of Neve says of that is kept."""
    before = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{before}, {request.source_ip}" if before else request.source_ip
    headers.setdefault("x-forwarded-port", str(request.port))
    headers.setdefault("x-forwarded-proto", request.scheme)
    headers["x-amzn-trace-id"] = request.trace_id
    if request.body:
        headers["content-length"] = str(len(request.body))  # also of one that came in chunks


def _parameters(query: str) -> Mapping[str, str]:
    """Decoded, repeated ones by commas."""
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _context(request: UrlRequest, headers: Mapping[str, str], identity: Identity | None) -> dict[str, Any]:
    context: dict[str, Any] = {
        "accountId": "anonymous" if identity is None else identity.account,
        "apiId": request.url_id,
        "domainName": request.domain,
        "domainPrefix": request.url_id,
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": f"HTTP/{request.http_version}",
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request.request_id,
        "routeKey": _ROUTE,
        "stage": _ROUTE,
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(request.now_ms / 1000)),
        "timeEpoch": request.now_ms,
    }
    if identity is not None:
        context["authorizer"] = {"iam": _iam(identity)}
    return context


def _iam(identity: Identity) -> dict[str, str | None]:
    return {
        "accessKey": identity.access_key,
        "accountId": identity.account,
        "callerId": identity.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": identity.arn,
        "userId": identity.user_id,
    }
