"""What botocore signs is let in, and nothing that was changed after."""

import string
import time
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import normalize_url_path
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.api import signed as by_botocore
from tests.api.signed import HOST, KEY, SECRET, credential, signed

from neve.api import sigv4
from neve.api.gate import Gate
from neve.api.sigv4 import Reading, Wire
from neve.domain.errors import SignatureRefused

GATE = Gate({KEY: credential()}.get)

SEGMENT = st.text(string.ascii_letters + string.digits + "-_.~!$'()*,:;=@+", max_size=8) | st.sampled_from(
    ["%2F", "%252F", "arn%3Aaws%3Alambda", "..", ".", "", "%C3%A9", "%c3%a9", "a%20b", "a+b", "%7E"]
)
PATHS = st.lists(SEGMENT, max_size=5).map(lambda each: "/" + "/".join(each))
WORD = st.text(string.ascii_letters + string.digits + "-_.~+!*'", max_size=6) | st.sampled_from(
    ["%20", "%2B", "%2b", "%C3%A9", "a%3Db"]
)
PAIRS = st.lists(st.tuples(WORD, WORD | st.none()), max_size=4)
QUERIES = PAIRS.map(lambda pairs: "&".join(name if value is None else f"{name}={value}" for name, value in pairs))
VALUES = st.text(string.ascii_letters + string.digits + " \t;,=/()\xe9\xa0", max_size=12)
HEADERS = st.dictionaries(
    st.sampled_from(["X-Amz-Client-Context", "X-Amz-Log-Type", "Content-Type", "X-Custom"]), VALUES, max_size=3
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Wire, bytes]:
    path, query = draw(PATHS), draw(QUERIES)
    assume(not path.startswith("//"))  # no client writes that: it would name a host
    body = draw(st.binary(max_size=20))
    wire = signed(
        draw(st.sampled_from(["GET", "POST", "PUT", "DELETE"])),
        f"{path}?{query}" if query else path,
        body,
        draw(HEADERS),
        service=draw(st.sampled_from(["lambda", "logs", "sqs", "s3"])),
        region=draw(st.sampled_from(["us-east-1", "eu-west-1"])),
        token=None,
    )
    return wire, body


def is_let_in(wire: Wire, body: bytes) -> bool:
    try:
        return GATE.check(wire, body).access_key == KEY
    except SignatureRefused:
        return False


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_what_botocore_signs_is_let_in(request_: tuple[Wire, bytes]) -> None:
    assert is_let_in(*request_)


def changed(data: bytes, draw: Any) -> bytes:
    place = draw(st.integers(0, len(data) - 1))
    byte = draw(st.integers(0x21, 0x7E).filter(lambda each: each != data[place]))
    return data[:place] + bytes([byte]) + data[place + 1 :]


def meaning(wire: Wire) -> object:
    """What of a request a signature is about; None when it says nothing of a signature."""
    reading = Reading.of(wire.headers)
    try:
        signature = sigv4.read_signature(wire, reading)
    except SignatureRefused:
        return None
    if signature is None:
        return None
    return signature, sigv4.canonical_requests(wire, reading, signature, "")[-1]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(requests(), st.data())
def test_every_change_of_a_byte_is_refused(request_: tuple[Wire, bytes], data: st.DataObject) -> None:
    """In method, path, query, body or a signed header; but for what AWS takes for the same (`/./` and `//`, `%2f` and `%2F`)."""
    wire, body = request_
    signed_names = {name for name, _ in wire.headers} - {b"content-length", b"user-agent"}
    places = [
        "method",
        *(["path"] if wire.path else []),
        *(["query"] if wire.query else []),
        *(["body"] if body else []),
    ]
    place = data.draw(
        st.sampled_from(
            [*places, *sorted(name.decode() for name, value in wire.headers if value and name in signed_names)]
        )
    )
    if place == "body":
        assert not is_let_in(wire, changed(body, data.draw))
        return
    if place == "method":
        other = wire._replace(method=data.draw(st.sampled_from(["PATCH", "HEAD"])))
    elif place == "path":
        other = wire._replace(path=changed(wire.path, data.draw))
    elif place == "query":
        other = wire._replace(query=changed(wire.query, data.draw))
    else:
        name = place.encode()
        other = wire._replace(headers=[(n, changed(v, data.draw) if n == name else v) for n, v in wire.headers])
    assert not is_let_in(other, body) or meaning(other) == meaning(wire)


@pytest.mark.parametrize(
    "path", ["/", "//", "/a//b", "/a/./b", "/a/../b", "/../a", "/a/..", "/a/.", "/a/b/", "/.../a", "/.a/b"]
)
def test_paths_are_made_canonical_as_botocore_does(path: str) -> None:
    from urllib.parse import quote

    assert sigv4.canonical_path(path.encode(), "lambda") == quote(normalize_url_path(path), safe="/~")
    assert sigv4.canonical_path(path.encode(), "s3") == path


@pytest.mark.parametrize("expires", [1, 300, 604_800])
@pytest.mark.parametrize("service", ["lambda", "s3"])
def test_a_presigned_url_is_let_in(service: str, expires: int) -> None:
    before = time.time()  # a busy machine may need longer than the shortest of them
    wire = signed("GET", "/a%2Fb/c?b=1&a=x+y", b"", service=service, expires=expires)
    gate = Gate({KEY: credential()}.get, now=lambda: before)
    assert gate.check(wire, b"").account == by_botocore.ACCOUNT


def test_a_query_that_is_not_in_aws_own_encoding_is_tried_in_it() -> None:
    """As clients sign it that send another encoding than the one they sign."""
    wire = signed("GET", "/f?a=%C3%A9%20b", b"")
    assert is_let_in(wire._replace(query=b"a=%c3%a9%20b"), b"")
    assert not is_let_in(wire._replace(query=b"a=%c3%a8%20b"), b"")


def test_a_header_that_comes_twice_is_joined() -> None:
    request = AWSRequest("GET", HOST + "/f", {}, b"")
    request.headers.add_header("X-Custom", "one  two")
    request.headers.add_header("X-Custom", "three")
    SigV4Auth(Credentials(KEY, SECRET), "lambda", "us-east-1").add_auth(request)
    sent = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    wire = Wire("GET", b"/f", b"", [(b"host", b"127.0.0.1:4566"), *sent])
    assert is_let_in(wire, b"")
    assert not is_let_in(wire._replace(headers=[*wire.headers, (b"x-custom", b"four")]), b"")
