"""The table of refusals: every way in which a signature can be wrong, and what AWS says to it."""

import json
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest
from tests.api.signed import ACCOUNT, KEY, SECRET, credential, signed

from neve.api import sigv4
from neve.api.gate import Gate, hold
from neve.api.http import Receive
from neve.api.sigv4 import Wire
from neve.domain.errors import RequestTooLarge, SignatureRefused

NOW = time.time()
MISSING, INCOMPLETE = "MissingAuthenticationTokenException", "IncompleteSignatureException"
INVALID, UNKNOWN = "InvalidSignatureException", "UnrecognizedClientException"
DIFFERS = "The request signature we calculated does not match"
UNTRUSTED = "The security token included in the request is invalid."


def gate(now: float = 0.0, token: str | None = None) -> Gate:
    return Gate({KEY: credential(token=token)}.get, {"ASIAGONE": 1}.__contains__, lambda: now or time.time())


def refusal(wire: Wire, body: bytes = b"{}", by: Gate | None = None, **wanted: str) -> tuple[str, str]:
    with pytest.raises(SignatureRefused) as caught:
        (by or gate()).check(wire, body, **wanted)
    return caught.value.code, caught.value.message


def with_header(wire: Wire, name: str, value: str | None) -> Wire:
    others = [pair for pair in wire.headers if pair[0] != name.encode()]
    return wire._replace(headers=others if value is None else [*others, (name.encode(), value.encode())])


def authorization(wire: Wire, change: Callable[[str], str]) -> Wire:
    return with_header(wire, "authorization", change(dict(wire.headers)[b"authorization"].decode()))


def replaced(old: str, new: str) -> Callable[[Wire], Wire]:
    """One thing else in the header of the signature."""
    return lambda wire: authorization(wire, lambda text: text.replace(old, new))


class Case(NamedTuple):
    change: Callable[[Wire], Wire]
    code: str
    text: str


SCOPE = f"{KEY}/{time.strftime('%Y%m%d', time.gmtime(NOW))}/us-east-1/lambda/aws4_request"
CASES = {
    "no signature": Case(lambda w: with_header(w, "authorization", None), MISSING, "Missing Authentication Token"),
    "no date": Case(
        lambda w: with_header(w, "x-amz-date", None), INCOMPLETE, "existence of either a 'X-Amz-Date' or a 'Date'"
    ),
    "a date that is none": Case(
        lambda w: with_header(w, "x-amz-date", "yesterday"), INVALID, "Date in Credential scope"
    ),
    "another scheme": Case(
        lambda w: with_header(w, "authorization", "Bearer x"), INCOMPLETE, "requires 'Credential' parameter."
    ),
    "an algorithm that is not checked": Case(
        replaced("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        INCOMPLETE,
        "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
    ),
    "no credential": Case(
        replaced("Credential=", "Credentials="),
        INCOMPLETE,
        "requires 'Credential' parameter.",
    ),
    "no signature in the header": Case(
        lambda w: authorization(w, lambda t: t.partition(", Signature=")[0]),
        INCOMPLETE,
        "requires 'Signature' parameter.",
    ),
    "no signed headers": Case(
        replaced("SignedHeaders=", "X="),
        INCOMPLETE,
        "requires 'SignedHeaders' parameter.",
    ),
    "no equal-sign": Case(
        replaced("Credential=", "Credential "),
        INCOMPLETE,
        "(missing equal-sign)",
    ),
    "two credentials": Case(
        lambda w: authorization(w, lambda t: t.replace("SignedHeaders=", "Credential=AKIAOTHER/x, SignedHeaders=")),
        INCOMPLETE,
        "requires 'Credential' once",
    ),
    "two signatures in headers": Case(
        lambda w: w._replace(headers=[*w.headers, (b"authorization", dict(w.headers)[b"authorization"])]),
        INCOMPLETE,
        "once",
    ),
    "a short credential": Case(
        replaced("/us-east-1", ""),
        INCOMPLETE,
        "exactly 5 slash-delimited elements",
    ),
    "another terminator": Case(
        replaced("aws4_request", "aws5_request"),
        INVALID,
        "valid terminator: 'aws4_request'",
    ),
    "a region that is none": Case(replaced("us-east-1", "us_east"), INVALID, "scoped to a valid region"),
    "another region": Case(replaced("us-east-1", "us-east-2"), INVALID, DIFFERS),
    "another service": Case(replaced("/lambda/", "/sqs/"), INVALID, DIFFERS),
    "another day": Case(
        replaced(SCOPE, SCOPE.replace(SCOPE.split("/")[1], "20200101")),
        INVALID,
        "Date in Credential scope does not match",
    ),
    "an unknown key": Case(replaced(KEY, "AKIANOBODY"), UNKNOWN, UNTRUSTED),
    "a key that has ended": Case(
        replaced(KEY, "ASIAGONE"),
        "ExpiredTokenException",
        "The security token included in the request is expired",
    ),
    "a token for a key without": Case(
        lambda w: authorization(
            with_header(w, "x-amz-security-token", "t"),
            lambda t: t.replace("x-amz-date", "x-amz-date;x-amz-security-token"),
        ),
        UNKNOWN,
        UNTRUSTED,
    ),
    "a signature in capitals": Case(
        lambda w: authorization(w, lambda t: t.rpartition("=")[0] + "=" + t.rpartition("=")[2].upper()),
        INVALID,
        DIFFERS,
    ),
    "host not signed": Case(
        replaced("SignedHeaders=host;", "SignedHeaders="),
        INVALID,
        "'Host' or ':authority'",
    ),
    "a header that is not signed": Case(
        lambda w: with_header(w, "x-amz-invocation-type", "Event"), INVALID, "not signed: x-amz-invocation-type"
    ),
    "another method": Case(lambda w: w._replace(method="PUT"), INVALID, DIFFERS),
    "another path": Case(lambda w: w._replace(path=w.path + b"x"), INVALID, DIFFERS),
    "a query more": Case(lambda w: w._replace(query=b"Qualifier=1"), INVALID, DIFFERS),
    "another host": Case(lambda w: with_header(w, "host", "elsewhere"), INVALID, DIFFERS),
    "a payload that was not signed": Case(
        lambda w: authorization(
            with_header(w, "x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            lambda t: t.replace("host;", "host;x-amz-content-sha256;"),
        ),
        INVALID,
        DIFFERS,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_request_is_refused_for(name: str) -> None:
    case = CASES[name]
    good = signed()
    assert gate().check(good, b"{}").account == ACCOUNT
    code, text = refusal(case.change(good))
    assert (code, case.text in text) == (case.code, True), text
    assert SECRET not in text


def test_a_wrong_secret_is_refused() -> None:
    assert refusal(signed(secret="guessed"))[0] == INVALID


@pytest.mark.parametrize("declared", [True, False])
def test_a_signed_request_with_another_body_is_refused(declared: bool) -> None:
    """Replayed by who heard it."""
    from hashlib import sha256

    headers = {"X-Amz-Content-SHA256": sha256(b"{}").hexdigest()} if declared else {}
    wire = signed(headers=headers)
    assert gate().check(wire, b"{}").account == ACCOUNT
    assert refusal(wire, b'{"a": 1}') == (INVALID, refusal(signed(secret="x"))[1])


def test_an_unsigned_payload_that_says_so_is_refused_by_lambda_and_taken_by_s3() -> None:
    headers = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    assert refusal(signed(headers=headers))[0] == INVALID
    wire = signed("PUT", "/bucket/key", b"", service="s3", expires=60)
    assert gate().check(wire, b"anything").account == ACCOUNT


def test_chunks_with_signatures_are_not_taken_on_trust() -> None:
    wire = signed("PUT", "/bucket/key", b"x", service="s3")
    streaming = with_header(wire, "x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    assert refusal(streaming) == (
        "NotImplementedException",
        "Neve checks no signatures of chunks; let the client send its body unsigned or whole.",
    )


@pytest.mark.parametrize(("service", "minutes"), [("lambda", 5), ("logs", 5), ("s3", 15)])
def test_clocks_may_differ_by_some_minutes(service: str, minutes: int) -> None:
    wire = signed(service=service)
    signed_at = sigv4.seconds_of(dict(wire.headers)[b"x-amz-date"].decode()) or 0
    for off in (-minutes * 60, minutes * 60):
        assert gate(signed_at + off).check(wire, b"{}").account == ACCOUNT
    at = sigv4.moment_of
    late, early = signed_at + minutes * 60 + 1, signed_at - minutes * 60 - 1
    assert refusal(wire, by=gate(late)) == (
        INVALID,
        f"Signature expired: {at(signed_at)} is now earlier than {at(signed_at + 1)} ({at(late)} - {minutes} min.)",
    )
    assert refusal(wire, by=gate(early)) == (
        INVALID,
        f"Signature not yet current: {at(signed_at)} is still later than {at(signed_at - 1)} ({at(early)} + {minutes} min.)",
    )


def test_a_presigned_url_ends_when_it_says() -> None:
    wire = signed("GET", "/2015-03-31/functions", b"", expires=60)
    assert gate(time.time() + 58).check(wire, b"").account == ACCOUNT
    assert refusal(wire, b"", gate(time.time() + 62))[1].startswith("Signature expired: ")


@pytest.mark.parametrize(
    "query", [b"X-Amz-Expires=604801", b"X-Amz-Expires=0", b"X-Amz-Expires=-1", b"X-Amz-Expires=1e3"]
)
def test_a_presigned_url_lives_a_week_at_most(query: bytes) -> None:
    wire = signed("GET", "/2015-03-31/functions", b"", expires=60)
    code, text = refusal(wire._replace(query=wire.query.replace(b"X-Amz-Expires=60", query)), b"")
    assert (code, text) == (INCOMPLETE, "X-Amz-Expires must be between 1 and 604800 seconds.")


def test_a_presigned_url_without_a_part_says_which() -> None:
    wire = signed("GET", "/2015-03-31/functions", b"", expires=60)
    code, text = refusal(wire._replace(query=wire.query.replace(b"X-Amz-Date", b"X-Date")), b"")
    assert (code, "must include 'X-Amz-Date'" in text) == (INCOMPLETE, True)


def test_a_presigned_url_with_a_part_twice_is_refused() -> None:
    wire = signed("GET", "/2015-03-31/functions", b"", expires=60)
    assert refusal(wire._replace(query=wire.query + b"&X-Amz-Expires=600000"), b"")[0] == INCOMPLETE


def test_one_service_and_region_may_be_all_that_is_right() -> None:
    wire = signed(service="logs")
    assert refusal(wire, service="lambda") == (INVALID, "Credential should be scoped to correct service: 'lambda'.")
    assert refusal(signed(), service="lambda", region="eu-west-1")[0] == INVALID
    assert gate().check(signed(), b"{}", service="lambda", region="us-east-1").account == ACCOUNT


def test_a_temporary_key_needs_its_token() -> None:
    by = gate(token="the token")
    assert by.check(signed(token="the token"), b"{}").account == ACCOUNT
    assert by.check(signed("GET", "/f", b"", token="the token", expires=60), b"").account == ACCOUNT
    for token in (None, "another"):
        assert refusal(signed(token=token), by=by) == (UNKNOWN, UNTRUSTED)


def test_only_what_was_right_is_remembered() -> None:
    known = credential()
    by = Gate({KEY: known}.get)
    for region in ("eu-west-1", "eu-west-2"):
        with pytest.raises(SignatureRefused):
            by.check(signed(region=region, secret="guessed"), b"{}")
    assert not known.signing_keys
    assert known.last_used is None
    for number in range(100):
        by.check(signed(region=f"eu-west-{number}"), b"{}")
    assert len(known.signing_keys) <= 32
    assert known.last_used is not None
    assert (known.last_used.service, known.last_used.region) == ("lambda", "eu-west-99")
    assert SECRET not in repr(known)


# Bodies that come in parts


def parts(*bodies: bytes) -> Receive:
    left = list(bodies)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return receive


async def test_the_last_part_is_held_back_until_the_body_is_proven() -> None:
    wire = signed(body=b'{"a":1}')
    receive = gate().claim(wire).proving(parts(b'{"a"', b":1}"))
    assert [(await receive())["body"], (await receive())["body"]] == [b'{"a"', b":1}"]
    receive = gate().claim(wire).proving(parts(b'{"a"', b":2}"))
    assert (await receive())["body"] == b'{"a"'
    with pytest.raises(SignatureRefused):
        await receive()
    assert await receive() == {"type": "http.request", "body": b"", "more_body": False}


async def test_a_body_is_held_within_a_bound() -> None:
    receive = await hold(parts(b"ab", b"cd"), 4)
    assert (await receive())["body"] == b"abcd"
    with pytest.raises(RequestTooLarge):
        await hold(parts(b"ab", b"cd"), 3)


def test_links_that_neve_lends_are_let_in_as_they_are() -> None:
    from urllib.parse import urlsplit

    url = sigv4.presigned(
        "http://h:1/_neve/code/1/r/f?version=%24LATEST", KEY, SECRET, "us-east-1", "lambda", time.time(), 9
    )
    parts_ = urlsplit(url)
    wire = Wire("GET", parts_.path.encode(), parts_.query.encode(), [(b"host", b"h:1")])
    assert gate().check(wire, b"").account == ACCOUNT
    assert refusal(wire._replace(path=wire.path.replace(b"/f", b"/g")), b"")[0] == INVALID


def test_nothing_that_is_said_is_json_that_breaks() -> None:
    """What a header says is quoted in refusals: it must stay text."""
    code, text = refusal(authorization(signed(), lambda t: t.replace("Credential=", 'Credential "\\')))
    assert json.loads(json.dumps({code: text})) == {code: text}
