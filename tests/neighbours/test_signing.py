"""Requests to AWS, and to servers that check signatures, are signed anew; the server of the test checks them itself."""

import hashlib
import re
import urllib.error
import urllib.request
from typing import Any

import botocore.exceptions
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.neighbours.conftest import OpenDoor
from tests.neighbours.upstream import Conversation, upstream

from neve.domain.world import World
from neve.neighbours.endpoints import parse_endpoints
from neve.neighbours.pages import from_page
from neve.neighbours.request import Head
from neve.neighbours.signing import Signing

SCOPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<names>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


class Checked:
    """What came, and whether its signature is right for the secret `sesame`."""

    def __init__(self, talk: Conversation) -> None:
        head = talk.head().decode("latin-1")
        line, *lines = head.strip().split("\r\n")
        self.method, self.target, _ = line.split(" ")
        self.headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        self.body = talk.take(int(self.headers.get("content-length", "0")))
        scope = SCOPE.fullmatch(self.headers["authorization"])
        assert scope is not None, self.headers["authorization"]
        self.key, self.region, self.service = scope["key"], scope["region"], scope["service"]
        self.right = self._signature(scope["names"].split(";")) == scope["signature"]
        digest = self.headers.get("x-amz-content-sha256", hashlib.sha256(self.body).hexdigest())
        self.whole = digest == hashlib.sha256(self.body).hexdigest()

    def _signature(self, names: list[str]) -> str:
        kind = S3SigV4Auth if self.service == "s3" else SigV4Auth
        signer = kind(Credentials("k", "sesame"), self.service, self.region)
        headers = {name: self.headers[name] for name in names}
        request = AWSRequest(self.method, f"http://{self.headers['host']}{self.target}", headers, self.body)
        request.context["timestamp"] = self.headers["x-amz-date"]
        text = signer.string_to_sign(request, signer.canonical_request(request))
        signature: str = signer.signature(text, request)
        return signature


def checking(seen: list[Checked], body: bytes = b"") -> Any:
    def script(talk: Conversation) -> None:
        seen.append(Checked(talk))
        talk.answer(body)

    return script


def at(url: str, key: str = "robin", secret: str = "sesame") -> str:
    return url.replace("http://", f"http://{key}:{secret}@")


def test_a_call_is_signed_by_the_key_of_the_endpoint(open_door: OpenDoor) -> None:
    seen: list[Checked] = []
    with upstream(checking(seen, b'{"QueueUrls": []}')) as url:
        open_door(sqs=at(url)).client("sqs").list_queues(QueueNamePrefix="ä")
    (call,) = seen
    assert (call.key, call.region, call.service, call.right) == ("robin", "eu-west-1", "sqs", True)
    assert call.headers["host"] == url.removeprefix("http://")
    assert "x-amz-security-token" not in call.headers


def test_an_object_is_signed_by_the_digest_that_came(open_door: OpenDoor) -> None:
    seen: list[Checked] = []
    with upstream(checking(seen)) as url:
        client = open_door(s3=at(url)).client("s3")
        client.put_object(Bucket="bucket", Key="a b/ü+%.txt", Body=b"content", Metadata={"colour": "white"})
    (call,) = seen
    assert (call.right, call.whole, call.body) == (True, True, b"content")
    assert call.target == "/bucket/a%20b/%C3%BC%2B%25.txt"


def test_a_wrong_secret_is_a_wrong_signature(open_door: OpenDoor) -> None:
    """The test's own check can fail."""
    seen: list[Checked] = []
    with upstream(checking(seen, b"{}")) as url:
        open_door(sqs=at(url, secret="guess")).client("sqs").list_queues()
    assert not seen[0].right


def test_a_presigned_url_loses_its_signature_and_keeps_the_rest(open_door: OpenDoor) -> None:
    seen: list[Checked] = []
    with upstream(checking(seen)) as url:
        client = open_door(s3=at(url)).client("s3")
        parameters = {"Bucket": "bucket", "Key": "k", "VersionId": "a/b"}
        urllib.request.urlopen(client.generate_presigned_url("get_object", Params=parameters), timeout=20).read()
    assert seen[0].target == "/bucket/k?versionId=a%2Fb"
    assert seen[0].right


def test_a_body_in_chunks_gets_a_length(open_door: OpenDoor) -> None:
    seen: list[Checked] = []
    with upstream(checking(seen)) as url:
        scope = "test/20260101/eu-west-1/sqs/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
        request = urllib.request.Request(open_door(sqs=at(url)).url, iter([b"one", b"three"]), headers, method="POST")
        urllib.request.urlopen(request, timeout=20).read()
    assert (seen[0].body, seen[0].headers["content-length"], seen[0].right) == (b"onethree", "8", True)


def test_signed_chunks_are_refused_with_a_reason(open_door: OpenDoor) -> None:
    running = open_door(s3="http://robin:sesame@127.0.0.1:1")
    client = running.client("s3")

    def chunked(request: Any, **_: object) -> None:
        request.headers["x-amz-content-sha256"] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

    client.meta.events.register("before-send.s3", chunked)
    with pytest.raises(botocore.exceptions.ClientError, match="cannot sign an upload whose chunks are signed"):
        client.put_object(Bucket="bucket", Key="k", Body=b"1")


def test_who_does_not_sign_stays_unsigned(open_door: OpenDoor) -> None:
    seen: list[bytes] = []

    def script(talk: Conversation) -> None:
        seen.append(talk.head().lower())
        talk.answer(b"for all")

    with upstream(script) as url:
        running = open_door(s3=at(url))
        assert urllib.request.urlopen(f"{running.url}/bucket/k", timeout=20).read() == b"for all"
    assert b"\r\nhost: " + url.removeprefix("http://").encode() in seen[0]
    assert b"authorization" not in seen[0]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example:4566"}],
    ids=["another origin", "another site", "a name that points here"],
)
def test_nothing_is_signed_for_a_web_page(open_door: OpenDoor, headers: dict[str, str]) -> None:
    query = "X-Amz-Credential=k/20260101/us-east-1/sqs/aws4_request&X-Amz-Signature=0"
    running = open_door(sqs="http://robin:sesame@127.0.0.1:1")
    request = urllib.request.Request(f"{running.url}/?{query}", b"Action=DeleteQueue", headers)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=20)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        (b"127.0.0.1:4566", True),
        (b"[::1]:4566", True),
        (b"localhost", True),
        (b"bucket.localhost:4566", True),
        (b"neve:4566", True),
        (b"host.docker.internal:4566", True),
        (b"neve.example", False),
        (b"127.0.0.1.evil.example", False),
    ],
)
def test_a_host_that_nobody_owns_is_believed(host: bytes, allowed: bool) -> None:
    assert from_page(Head("sqs", World(), True, "POST", b"/", [(b"host", host)])) is not allowed


def test_without_credentials_it_says_what_to_do(open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda self: None)
    with pytest.raises(
        botocore.exceptions.ClientError, match="no credentials for kms on AWS: start it with AWS_PROFILE"
    ):
        open_door(kms="aws").client("kms").list_keys()


def test_a_profile_that_is_not_there_is_named(open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    running = open_door(kms="aws")
    client = running.client("kms")
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this")
    with pytest.raises(botocore.exceptions.ClientError, match=r"Neve cannot sign for kms: .*nobody-has-this"):
        client.list_keys()


async def nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


@pytest.mark.parametrize(
    ("name", "endpoint", "host", "region"),
    [
        ("sqs", "aws", "sqs.eu-north-1.amazonaws.com", "eu-north-1"),
        ("s3", "aws", "s3.eu-north-1.amazonaws.com", "eu-north-1"),
        ("events", "aws", "events.eu-north-1.amazonaws.com", "eu-north-1"),
        ("stepfunctions", "aws", "states.eu-north-1.amazonaws.com", "eu-north-1"),
        ("iam", "aws", "iam.amazonaws.com", "us-east-1"),
        ("sqs", "https://sqs.us-west-2.amazonaws.com", "sqs.us-west-2.amazonaws.com", "us-west-2"),
        ("iam", "https://iam.amazonaws.com", "iam.amazonaws.com", "us-east-1"),
    ],
)
async def test_aws_itself_is_found_by_service_and_region(
    monkeypatch: pytest.MonkeyPatch, name: str, endpoint: str, host: str, region: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")  # ourselves, as people export it
    ((service, found),) = parse_endpoints({name: endpoint}).items()
    head = Head(service, World("111122223333", "eu-north-1"), True, "GET", b"/", [(b"host", b"127.0.0.1:4566")])
    way = await Signing(found).prepare(head, nothing)
    assert str(way.address) == f"https://{host}:443"
    headers = dict(way.head.headers)
    assert headers[b"host"] == host.encode()
    assert headers[b"x-amz-security-token"] == b"session"
    scope = SCOPE.fullmatch(headers[b"authorization"].decode())
    assert scope is not None
    assert (scope["key"], scope["region"], scope["service"]) == ("AKIDEXAMPLE", region, service)
