"""Requests as nobody should send them, drawn from the service model: mostly legal, each with something that may be wrong.

What a request names may be there: `known` strings are those of the world that `test_hostile_requests.py` furnishes.
"""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from neve.api import constraints, model

ACCOUNT, REGION = "123456789012", "eu-west-1"
HOME = f"arn:aws:lambda:{REGION}:{ACCOUNT}"
MAPPING = "12345678-1234-1234-1234-1234567890ab"
SERVICE = model.load("lambda")

KNOWN = (
    "f",
    "f:1",
    "f:live",
    "f:$LATEST",
    "f:$LATEST.PUBLISHED",
    "f:99",
    "nope",
    "a" * 65,
    "l",
    "1",
    "2",
    "99",
    "$LATEST",
    "$LATEST.PUBLISHED",
    "live",
    "sid",
    "p",
    "csc-0123456789abcdefg",
    ACCOUNT,
    "*",
    MAPPING,
    "Python",
    "python3.13",
    "nodejs24.x",
    "nodejs14.x",
    "index.handler",
    "host:9092",
    "/mnt/a",
    "lambda:InvokeFunction",
    "lambda:InvokeFunctionUrl",
    "lambda:GetLayerVersion",
    "s3.amazonaws.com",
    "o-0123456789",
    "sg-1",
    "subnet-1",
    "bucket",
    "1.0",
    "https://example.com",
    "s3://bucket/key",
    f"{ACCOUNT}:function:f",
    f"{HOME}:function:f",
    f"{HOME}:function:f:1",
    f"{HOME}:function:f:live",
    f"{HOME}:function:f:$LATEST",
    f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:f",
    f"arn:aws:lambda:{REGION}:999999999999:function:f",
    f"{HOME}:layer:l",
    f"{HOME}:layer:l:1",
    f"{HOME}:layer:l:99",
    f"{HOME}:layer:l:99999999999999999999",
    f"{HOME}:code-signing-config:csc-0123456789abcdefg",
    f"{HOME}:capacity-provider:p",
    f"{HOME}:event-source-mapping:{MAPPING}",
    f"{HOME}:function:f:1/durable-execution/a/b",
    f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue",
    f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s",
    f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t/stream/2026-01-01T00:00:00.000",
    f"arn:aws:sns:{REGION}:{ACCOUNT}:topic",
    f"arn:aws:iam::{ACCOUNT}:role/r",
    f"arn:aws:iam::{ACCOUNT}:root",
    "arn:aws:s3:::bucket",
    f"arn:aws:lambda:{REGION}::runtime:abc",
    f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/p/1",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k",
    f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s",
    f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:access-point/fsap-0123456789abcdef0",
    '{"Version":"2012-10-17","Statement":[]}',
    '{"data":{"a":[1]}}',
)

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "é",
    "\u2028",
    "😀" * 40,
    "\ud800",
    "..",
    "../../etc/passwd",
    "%00",
    "%2F",
    "a/b",
    "a?b#c",
    "$",
    "-",
    "null",
    "'; DROP TABLE functions; --",
    "{}",
    "[" * 50,
    ":" * 20,
    "a" * 300,
    "x" * 70_000,
    "²",
    "१२३४",
)

ODD_NUMBERS = (0, -1, 1, 2, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30, 1.5, -0.0, 1e308, 5e-324)
ODD_VALUES: tuple[Any, ...] = (None, True, "text", 7, 1.5, [], [None], {}, {"a": {}}, [[[]]], {"": None})
ODD_BODIES = (
    b"",
    b" ",
    b"null",
    b"[]",
    b'"text"',
    b"5",
    b"tru",
    b"{",
    b'{"FunctionName":',
    b'{"a":1}{"b":2}',
    b'{"a":1,"a":2}',
    b'{"MaxItems":1e999}',
    b'{"Timeout":NaN}',
    b'{"Timeout":' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"Description":"\xff\xfe"}',
    b'{"Description":"\\ud800"}',
    b'{"\\ud800":1}',
    b"\xef\xbb\xbf{}",
    '{"Description":"x"}'.encode("utf-16"),
    b"\x00" * 64,
    b"<xml/>",
    b"a=b&c=d",
)
ODD_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-type", b"text/xml"),
    (b"content-type", b"application/x-www-form-urlencoded"),
    (b"content-type", b"multipart/form-data; boundary=x"),
    (b"content-type", b"\xff\x00"),
    (b"content-encoding", b"br"),
    (b"content-encoding", b"gzip"),
    (b"accept", b"application/xml"),
    (b"authorization", b""),
    (b"authorization", b"Basic dXNlcjpwYXNz"),
    (b"authorization", b"AWS4-HMAC-SHA256 Credential=a/b"),
    (b"authorization", b"AWS4-HMAC-SHA256 Credential=AKIA/20260101//lambda/aws4_request, Signature=0"),
    (b"x-amz-client-context", b"not base64"),
    (b"x-amz-client-context", b"\xff\xfe"),
    (b"x-amz-client-context", base64.b64encode(b"\xff\xfe")),
    (b"x-amz-client-context", b"e30=" * 1000),
    (b"x-amz-invocation-type", b"Sometime"),
    (b"x-amz-invocation-type", b"\xe9"),
    (b"x-amz-log-type", b"Head"),
    (b"x-amzn-trace-id", b"\xff;;==;Lineage=:::"),
    (b"x-amzn-trace-id", b"Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=a:99999999999999999999:0"),
    (b"x-amz-tenant-id", b"x" * 300),
    (b"x-amz-durable-execution-name", b"a b"),
    (b"x-amz-date", b"yesterday"),
    (b"x-amz-content-sha256", b"0"),
    (b"x-amzn-requestid", b"not-a-uuid"),
    (b"expect", b"100-continue"),
    (b"host", b"x.lambda-url.eu-west-1.localhost"),
    (b"cookie", b"a" * 9000),
)
OFTEN = 12  # one value in so many is odd


@dataclass(frozen=True)
class Sent:
    """One request as the door gets it."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path[:300]}?{self.query[:300]}\n{self.headers}\n{self.body[:800]!r}"


@st.composite
def requests(draw: DrawFn, operation: str) -> Sent:
    """A request for that operation, or nearly for it."""
    of = SERVICE.operations[operation]
    shape: Mapping[str, Any] = SERVICE.shapes[of.input] if of.input else {"members": {}}
    labels: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    headers: list[tuple[bytes, bytes]] = []
    members: dict[str, Any] = {}
    body = b""
    for name, raw in shape["members"].items():
        if name not in shape.get("required", ()) and not draw(st.booleans()):
            continue
        if draw(st.integers(0, 39)) == 0:
            continue  # missing
        value = draw(values(raw["shape"]))
        wire_name = raw.get("locationName", name)
        location = raw.get("location", "body")
        if name == shape.get("payload"):
            body = draw(st.sampled_from([*ODD_BODIES, b"{}", b'{"a":1}']))
        elif location == "uri":
            labels[wire_name] = _text(value)
        elif location == "querystring":
            query += [(wire_name, _text(each)) for each in (value if isinstance(value, list) else [value])]
        elif location == "header":
            headers.append((wire_name.lower().encode(), _text(value).encode("utf-8", "replace").replace(b"\n", b" ")))
        else:
            members[wire_name] = value
    if members or (of.method != "GET" and "payload" not in shape):
        body = _json(members)
    if _odd(draw):
        body = draw(st.sampled_from(ODD_BODIES))
    path, _, fixed = of.uri.partition("?")
    path = "/" + "/".join(_segment(draw, each, labels) for each in path.strip("/").split("/"))
    path = draw(st.sampled_from([path] * 20 + [path + "/", path + "//", path + "/more", "/" + path, path.upper()]))
    method = draw(st.sampled_from([of.method] * 30 + ["PATCH", "HEAD", "GET", "DELETE", "BREW"]))
    parts = filter(None, [fixed, urlencode(query, errors="surrogatepass")])
    text = "&".join([*parts, *(["%ff=%zz&Marker&=&MaxItems=x"] if _odd(draw) else [])])
    if _odd(draw):
        headers.append(draw(st.sampled_from(ODD_HEADERS)))
    if (b"content-encoding", b"gzip") in headers and draw(st.booleans()):
        body = gzip.compress(body)
    return Sent(method, path, text, tuple(headers), body)


def _odd(draw: DrawFn) -> bool:
    return draw(st.integers(0, OFTEN)) == OFTEN


def _segment(draw: DrawFn, segment: str, labels: Mapping[str, str]) -> str:
    if not segment.startswith("{"):
        return segment
    value = labels.get(segment.strip("{}+"), "")
    safe = draw(st.sampled_from(["", ":", ":/$"]))
    return quote(value, safe=safe, errors="surrogatepass")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value) if not isinstance(value, bool) else str(value).lower()


def _json(members: Any) -> bytes:
    return json.dumps(members).encode("utf-8", "surrogatepass")


@cache
def values(shape_name: str, depth: int = 0) -> SearchStrategy[Any]:
    """JSON values for a shape: mostly what it allows, sometimes what it does not."""
    shape = SERVICE.shapes[shape_name]
    usual = _usual(shape, depth)
    return st.integers(0, 30).flatmap(lambda dice: st.sampled_from(ODD_VALUES) if dice == 0 else usual)


def _usual(shape: Mapping[str, Any], depth: int) -> SearchStrategy[Any]:
    kind = shape["type"]
    if kind == "structure":
        return _structure(shape, depth)
    if kind == "list":
        most = min(shape.get("max", 3), 3)
        return st.integers(0, 20).flatmap(
            lambda dice: st.lists(values(shape["member"]["shape"], depth + 1), max_size=12 if dice == 0 else most)
        )
    if kind == "map":
        return st.dictionaries(
            values(shape["key"]["shape"], depth + 1).map(_text), values(shape["value"]["shape"], depth + 1), max_size=3
        )
    return _scalar(shape, kind)


def _scalar(shape: Mapping[str, Any], kind: str) -> SearchStrategy[Any]:
    if kind == "string":
        return _string(shape)
    if kind == "boolean":
        return st.booleans()
    if kind == "blob":
        return st.sampled_from([_ZIP, _ZIP, _ZIP, "", "AAAA", "not base64!", "UEsDBA=="])
    if kind == "timestamp":
        return st.sampled_from([0, 1e9, -1, 1e300, 253402300800, 1700000000.123, "2026-01-01T00:00:00Z", "now"])
    bounds = [shape[each] + step for each in ("min", "max") if each in shape for step in (-1, 0, 1)]
    within = st.integers(int(shape.get("min", 0)), int(min(shape.get("max", 100), 10**6)))
    return st.integers(0, OFTEN).flatmap(lambda dice: st.sampled_from([*bounds, *ODD_NUMBERS]) if dice == 0 else within)


def _string(shape: Mapping[str, Any]) -> SearchStrategy[str]:
    rules = constraints.of(shape)
    candidates: Sequence[str] = shape.get("enum", KNOWN)
    fitting = [each for each in candidates if not constraints.broken(rules, each)] or ["a"]
    least, most = shape.get("min", 0), min(shape.get("max", 300), 20_000)
    edges = ["a" * least, "a" * max(least - 1, 0), "a" * most, "a" * (most + 1)]
    return st.integers(0, OFTEN).flatmap(
        lambda dice: st.sampled_from([*edges, *ODD_TEXTS, *KNOWN]) if dice == 0 else st.sampled_from(fitting)
    )


@st.composite
def _structure(draw: DrawFn, shape: Mapping[str, Any], depth: int) -> dict[str, Any]:
    made = {}
    for name, raw in shape["members"].items():
        wanted = name in shape.get("required", ())
        if (wanted or (depth < 4 and draw(st.booleans()))) and draw(st.integers(0, 60)) != 60:
            made[raw.get("locationName", name)] = draw(values(raw["shape"], depth + 1))
    if draw(st.integers(0, 40)) == 40:
        made["NoSuchMember"] = draw(st.sampled_from(ODD_VALUES))
    return made


def _archive() -> str:
    from tests.api.house import zipped

    return base64.b64encode(zipped()).decode()


_ZIP = _archive()
