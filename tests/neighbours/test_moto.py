"""What moto is told of a request."""

import pytest

from neve.clock import Clock
from neve.domain.world import World
from neve.neighbours.moto import Moto
from neve.neighbours.process import MotoProcess
from neve.neighbours.request import Head, Headers

HERE = World("111122223333", "eu-west-1")
V4 = b"AWS4-HMAC-SHA256 Credential=111122223333/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0"


def told(service: str, headers: Headers, target: bytes = b"/", signed: bool = True) -> Head:
    head = Head(service, HERE, signed, "POST", target, headers)
    return Moto(MotoProcess(Clock(), "")).adapt(head)


def test_the_account_is_the_callers_whatever_he_says() -> None:
    head = told("sqs", [(b"x-moto-account-id", b"999999999999"), (b"authorization", V4)])
    assert head.headers == [(b"authorization", V4), (b"x-moto-account-id", b"111122223333")]


def test_a_presigned_request_gets_a_scope_that_moto_reads() -> None:
    scope = dict(told("sts", [], b"/?X-Amz-Credential=whatever").headers)[b"authorization"]
    assert scope.startswith(b"AWS4-HMAC-SHA256 Credential=111122223333/20000101/eu-west-1/sts/aws4_request,")


def test_signature_4a_gets_a_scope_that_names_the_region() -> None:
    head = told("events", [(b"authorization", b"AWS4-ECDSA-P256-SHA256 Credential=a/20260101/events/aws4_request,")])
    assert [value for name, value in head.headers if name == b"authorization"] == [
        b"AWS4-HMAC-SHA256 Credential=111122223333/20000101/eu-west-1/events/aws4_request, SignedHeaders=host, Signature=0"
    ]


@pytest.mark.parametrize(
    "lines",
    [
        [V4.replace(b"/sqs/", b"/iam/") + b", " + V4.partition(b" ")[2]],
        [V4.replace(b"/sqs/", b"/iam/"), V4],
        [b"AWS4-HMAC-SHA256 SignedHeaders=a/20260101/eu-west-1/iam/aws4_request;host, " + V4.partition(b" ")[2]],
        [V4.replace(b"eu-west-1", b"us-east-1")],
        [],
    ],
)
def test_moto_reads_the_scope_that_was_read_here_and_no_other(lines: list[bytes]) -> None:
    scope = (
        b"AWS4-HMAC-SHA256 Credential=111122223333/20000101/eu-west-1/%b/aws4_request, SignedHeaders=host, Signature=0"
    )
    for service in ("sqs", "s3"):
        head = told(service, [(b"authorization", each) for each in lines])
        assert [value for name, value in head.headers if name == b"authorization"] == [scope % service.encode()]


def test_nothing_but_the_scope_names_a_region() -> None:
    others = [(b"host", b"sqs.us-west-2.amazonaws.com"), (b"user-agent", b"x region/us-west-2")]
    head = told("sqs", [(b"authorization", V4), *others])
    assert head.headers[1:3] == [(b"host", b"localhost"), (b"user-agent", b"x region-us-west-2")]
    kept = [(b"host", b"127.0.0.1:4566"), (b"user-agent", b"aws-cli/2")]
    assert told("sqs", [(b"authorization", V4), *kept]).headers[1:3] == kept


def test_an_unsigned_request_stays_unsigned() -> None:
    assert b"authorization" not in dict(told("s3", [], b"/bucket/key", signed=False).headers)
    assert b"authorization" not in dict(told("sts", [], signed=False).headers)


def test_a_bucket_in_the_host_name_goes_into_the_path() -> None:
    head = told("s3", [(b"host", b"my.bucket.localhost:4566"), (b"authorization", V4)], b"/key%2F?acl")
    assert head.target == b"/my.bucket/key%2F?acl"
    assert dict(head.headers)[b"host"] == b"localhost"


def test_a_bucket_in_the_path_stays_there() -> None:
    assert told("s3", [(b"host", b"127.0.0.1:4566")], b"/bucket/key").target == b"/bucket/key"


def test_an_object_is_no_form() -> None:
    """curl and urllib call a body a form when nobody says what it is; moto would lose it."""
    form = (b"content-type", b"application/x-www-form-urlencoded")
    put = Head("s3", HERE, True, "PUT", b"/bucket/key", [form])
    assert b"content-type" not in dict(Moto(MotoProcess(Clock(), "")).adapt(put).headers)
    assert dict(told("sns", [form, (b"authorization", V4)]).headers)[form[0]] == form[1]


def test_other_services_keep_the_host_which_is_in_their_urls() -> None:
    assert (
        dict(told("sqs", [(b"host", b"127.0.0.1:4566"), (b"authorization", V4)]).headers)[b"host"] == b"127.0.0.1:4566"
    )
