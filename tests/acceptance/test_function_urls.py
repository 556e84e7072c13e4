"""Function URLs, end to end: real functions behind their HTTP doors, called as clients and browsers do."""

import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.gate import Gate, gate
from tests.acceptance.machine import until
from tests.acceptance.server import BOUND_S, NeveServer

HELD = "GET /_neve/health"
FORBIDDEN = {
    "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
}
SITE = "https://site.example"
CORS = {
    "AllowOrigins": [SITE],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["x-a"],
    "ExposeHeaders": ["x-here"],
    "MaxAge": 60,
}


@dataclass(frozen=True)
class Answer:
    """What an HTTP client got; names of headers in lower case, `cookies` one by one."""

    status: int
    headers: Mapping[str, str]
    cookies: list[str]
    body: bytes


@dataclass(frozen=True)
class Url:
    """A function URL, called on a connection of the test's own. `id` is the function's, of whatever form the URL is."""

    server: NeveServer
    id: str

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=BOUND_S)

    @property
    def host(self) -> str:
        return f"{self.id}.lambda-url.us-east-1.localhost:{urlsplit(self.server.url).port}"

    def call(
        self,
        path: str = "/",
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:
        """By its host name."""
        used = connection or self.connect()
        try:
            used.request(method, path, body, {"Host": self.host, **(headers or {})})
            with used.getresponse() as answer:
                content = answer.read()
        finally:
            if connection is None:
                used.close()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, told, answer.headers.get_all("set-cookie") or [], content)


def open_to_everybody(function: Deployed, qualifier: str | None = None) -> None:
    """Both statements that a function needs for it since October 2025."""
    client, where = function.server.client("lambda"), {"Qualifier": qualifier} if qualifier else {}
    for action, condition in (
        ("lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
        ("lambda:InvokeFunction", {"InvokedViaFunctionUrl": True}),
    ):
        client.add_permission(
            FunctionName=function.name,
            StatementId=action.replace(":", "-"),
            Action=action,
            Principal="*",
            **condition,
            **where,
        )


def with_url(function: Deployed, auth_type: str = "NONE", qualifier: str | None = None, **config: Any) -> Url:
    client, where = function.server.client("lambda"), {"Qualifier": qualifier} if qualifier else {}
    made = client.create_function_url_config(FunctionName=function.name, AuthType=auth_type, **where, **config)
    if auth_type == "NONE":
        open_to_everybody(function, qualifier)
    parts = urlsplit(made["FunctionUrl"])
    named = parts.path.strip("/").rpartition("/")[2] or str(parts.hostname).partition(".")[0]
    return Url(function.server, named)


@pytest.fixture(scope="module")
def function(neve: NeveServer) -> Iterator[Deployed]:
    deployed = deploy(neve, "u-answers", "nodejs24.x")
    yield deployed
    deployed.delete()


@pytest.fixture(scope="module")
def url(function: Deployed) -> Url:
    return with_url(function, Cors=CORS)


@pytest.fixture(scope="module")
def streams(neve: NeveServer) -> Iterator[Url]:
    deployed = deploy(neve, "u-streams", "nodejs24.x")
    yield with_url(deployed, InvokeMode="RESPONSE_STREAM")
    deployed.delete()


def test_the_url_that_the_api_tells_works(function: Deployed, url: Url) -> None:
    told = function.server.client("lambda").get_function_url_config(FunctionName=function.name)["FunctionUrl"]
    shown = subprocess.run(["curl", "-sS", f"{told}hello"], capture_output=True, timeout=BOUND_S, check=True)
    assert shown.stdout == b"hello"


def test_the_event_of_a_request(url: Url) -> None:
    headers = {"X-A": "1", "Cookie": "a=1; b=2", "Content-Type": "application/json", "User-Agent": "test/1"}
    answer = url.call("/pa%2Fth/event?q=1&q=%20x", "POST", b'{"a":1}', headers)
    event = json.loads(answer.body)
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/pa%2Fth/event", "q=1&q=%20x")
    assert (event["cookies"], event["queryStringParameters"]) == (["a=1", "b=2"], {"q": "1, x"})
    assert (event["body"], event["isBase64Encoded"]) == ('{"a":1}', False)
    assert event["headers"] | {"x-a": "1", "host": url.host, "x-forwarded-for": "127.0.0.1"} == event["headers"]
    context = event["requestContext"]
    assert (context["apiId"], context["domainPrefix"]) == (url.id, url.id)
    assert context["domainName"] == f"{url.id}.lambda-url.us-east-1.localhost"
    assert context["http"]["method"] == "POST"
    assert context["requestId"] == answer.headers["x-amzn-requestid"]
    assert event["headers"]["x-amzn-trace-id"] == answer.headers["x-amzn-trace-id"]


def test_the_same_below_the_door(neve: NeveServer, url: Url) -> None:
    connection = url.connect()
    connection.request("GET", f"/_neve/urls/{url.id}/a/event?b=c", headers={"Host": "127.0.0.1"})
    event = json.load(connection.getresponse())
    connection.close()
    assert (event["rawPath"], event["rawQueryString"]) == ("/a/event", "b=c")
    assert event["requestContext"]["domainName"] == f"{url.id}.lambda-url.us-east-1.localhost"


def test_answers_of_every_shape(url: Url) -> None:
    hello = url.call("/hello")
    assert (hello.status, hello.headers["content-type"], hello.body) == (200, "application/json", b"hello")
    page = url.call("/page")
    assert (page.status, page.body, page.cookies) == (203, "<p>grün</p>".encode(), ["a=1; Path=/", "b=2"])
    assert (page.headers["content-type"], page.headers["x-here"]) == ("text/html", "yes")
    assert url.call("/bytes").body == b"\0\xff\n"
    assert (url.call("/teapot").status, url.call("/rare").status) == (418, 299)


def test_answers_without_a_body_leave_the_connection_as_it_was(url: Url, streams: Url) -> None:
    connection = url.connect()
    unchanged = url.call("/unchanged", connection=connection)
    assert (unchanged.status, unchanged.body, unchanged.headers["etag"]) == (304, b"", '"1"')
    assert url.call("/nothing", connection=connection).status == 204
    assert streams.call("/nothing", connection=connection).status == 204
    assert url.call("/hello", connection=connection).body == b"hello"
    connection.close()


@pytest.mark.parametrize("what", ["malformed", "throws", "exits"])
def test_a_function_that_fails_is_a_bad_gateway(url: Url, what: str) -> None:
    answer = url.call(f"/{what}")
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert answer.headers["x-amzn-requestid"]


def test_a_function_that_runs_out_of_time_is_a_bad_gateway(deployed: Deploy) -> None:
    slow = deployed(
        {"index.mjs": "export const handler = () => new Promise(() => setInterval(() => {}, 1e6));"}, timeout_s=1
    )
    assert with_url(slow).call().status == 502


def test_head_is_the_answer_without_its_body(url: Url) -> None:
    answer = url.call("/page", "HEAD")
    assert (answer.status, answer.body, answer.headers["x-here"]) == (203, b"", "yes")


def test_a_browser_asks_the_configuration_and_not_the_function(function: Deployed, url: Url) -> None:
    asking = {"Origin": SITE, "Access-Control-Request-Method": "PUT"}
    answer = url.call("/throws", "OPTIONS", headers=asking)
    assert (answer.status, answer.headers["access-control-allow-methods"]) == (200, "GET,PUT")
    page = url.call("/page", headers={"Origin": SITE})
    assert page.headers["access-control-allow-origin"] == SITE
    assert page.headers["access-control-expose-headers"] == "x-here"
    assert "access-control-allow-origin" not in url.call("/page", headers={"Origin": "https://evil.example"}).headers
    assert url.call("/throws", headers={"Origin": SITE}).headers["access-control-allow-origin"] == SITE
    assert not any(answer.headers["x-amzn-requestid"] in line for line in function.log_lines())


def test_options_without_a_question_reach_the_function(url: Url) -> None:
    event = json.loads(url.call("/event", "OPTIONS").body)
    assert event["requestContext"]["http"]["method"] == "OPTIONS"


def test_uploads_whole_and_in_chunks_on_one_connection(url: Url) -> None:
    connection = url.connect()
    for body in (b"x" * 4_000_000, iter([b"x" * 65_536] * 60), b"", iter([b"ab", b"c"])):
        expected = 4_000_000 if isinstance(body, bytes) and body else None
        answer = url.call("/size" if body else "/hello", "POST", body, connection=connection)
        assert answer.status == 200
        if expected:
            assert answer.body == str(expected).encode()
    assert answer.body == b"3"
    connection.close()


def test_an_upload_that_asks_first(url: Url) -> None:
    command = ["curl", "-sS", "-H", "Expect: 100-continue", "-H", f"Host: {url.host}", "--data-binary", "@-"]
    sent = subprocess.run(
        [*command, f"{url.server.url}/size"], input=b"x" * 2_000_000, capture_output=True, timeout=BOUND_S, check=True
    )
    assert sent.stdout == b"2000000"


def test_more_than_six_megabytes_are_refused(url: Url) -> None:
    for size in (6_291_457, 6_291_456):  # what fits does so no more as Base64
        answer = url.call("/size", "POST", b"x" * size)
        assert answer.status == 413
        assert answer.headers["x-amzn-errortype"] == "RequestEntityTooLargeException"
        assert json.loads(answer.body) == {
            "Message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
        }


def test_who_is_not_there_is_denied(url: Url) -> None:
    for unknown in (Url(url.server, "x" * 32), Url(url.server, "short")):
        answer = unknown.call()
        assert (answer.status, answer.body) == (403, b'{"Message":null}')
        assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"


def test_everybody_may_only_with_both_statements(deployed: Deploy) -> None:
    function = deployed("u-answers", "nodejs24.x")
    client = function.server.client("lambda")
    url = with_url(function)
    assert url.call("/hello").status == 200
    for statement in ("lambda-InvokeFunction", "lambda-InvokeFunctionUrl"):
        client.remove_permission(FunctionName=function.name, StatementId=statement)
        refused = url.call("/hello")
        assert (refused.status, json.loads(refused.body)) == (403, FORBIDDEN)
    client.delete_function_url_config(FunctionName=function.name)
    assert url.call("/hello").body == b'{"Message":null}'


def test_a_function_that_is_off_and_one_that_is_gone(deployed: Deploy) -> None:
    function = deployed("u-answers", "nodejs24.x")
    url = with_url(function)
    function.server.client("lambda").put_function_concurrency(
        FunctionName=function.name, ReservedConcurrentExecutions=0
    )
    throttled = url.call("/hello")
    assert (throttled.status, json.loads(throttled.body)["Reason"]) == (
        429,
        "ReservedFunctionConcurrentInvocationLimitExceeded",
    )
    function.delete()
    assert url.call("/hello").status == 403


def test_the_url_of_an_alias_runs_its_version(deployed: Deploy) -> None:
    """S6"""
    function = deployed({"index.mjs": "export const handler = async (_, context) => context.functionVersion;"})
    client = function.server.client("lambda")
    client.publish_version(FunctionName=function.name)
    client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    url = with_url(function, qualifier="live")
    until(lambda: url.call().body == b"1", "the version did not answer")
    assert with_url(function).call().body == b"$LATEST"


def test_an_es_module_behind_its_url(deployed: Deploy) -> None:
    """A13"""
    function = deployed("a13-es-module", "nodejs22.x", handler="index.main")
    answer = with_url(function).call("/", "POST", json.dumps({"name": "Grace"}), {"Content-Type": "application/json"})
    assert (answer.status, answer.body) == (200, b"Hello, Grace!")


def signed(url: Url, key: str = "test", service: str = "lambda", region: str = "us-east-1") -> dict[str, str]:
    request = AWSRequest("GET", f"http://{url.host}/event")
    SigV4Auth(Credentials(key, "test"), service, region).add_auth(request)
    return dict(request.headers.items())


def presigned(url: Url) -> str:
    request = AWSRequest("GET", f"http://{url.host}/event")
    SigV4QueryAuth(Credentials("test", "test"), "lambda", "us-east-1").add_auth(request)
    return str(request.url).partition(url.host)[2]


def test_a_url_with_iam_wants_a_signature(deployed: Deploy) -> None:
    function = deployed("u-answers", "nodejs24.x")
    url = with_url(function, "AWS_IAM")
    for headers in ({}, signed(url, service="s3"), signed(url, region="eu-west-1"), signed(url, "123456789012")):
        refused = url.call("/event", headers=headers)
        assert (refused.status, json.loads(refused.body)) == (403, FORBIDDEN)
    context = json.loads(url.call("/event", headers=signed(url)).body)["requestContext"]
    assert context["accountId"] == "000000000000"
    assert context["authorizer"]["iam"]["accessKey"] == "test"
    assert json.loads(url.call(presigned(url)).body)["requestContext"]["accountId"] == "000000000000"
    client = function.server.client("lambda")
    for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
        client.add_permission(
            FunctionName=function.name, StatementId=action.replace(":", "-"), Action=action, Principal="123456789012"
        )
    context = json.loads(url.call("/event", headers=signed(url, "123456789012")).body)["requestContext"]
    assert context["accountId"] == "123456789012"


# Streams


@pytest.fixture
def held(neve: NeveServer) -> Iterator[Gate]:
    with gate(neve.url) as opened:
        opened.hold(HELD)
        yield opened


def test_a_stream_arrives_while_the_function_writes_it(streams: Url, held: Gate) -> None:
    connection = streams.connect()
    query = urlencode({"gate": f"{held.url}/_neve/health"})
    connection.request("GET", f"/page?{query}", headers={"Host": streams.host})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type"), answer.getheader("x-here")) == (201, "text/plain", "yes")
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert answer.read(7) == b"before "
    held.wait_request(HELD)
    held.let_go(HELD)
    assert answer.read() == b"after"
    connection.close()


def test_streams_without_a_prelude_and_with_a_wrong_one(streams: Url) -> None:
    plain = streams.call("/plain")
    assert (plain.status, plain.headers["content-type"], plain.body) == (200, "text/css", b"p {}")
    for path in ("/early", "/malformed", "/endless"):
        failed = streams.call(path)
        assert (failed.status, failed.body) == (502, b"Internal Server Error")


def test_a_stream_that_fails_in_the_middle_is_cut(streams: Url) -> None:
    with pytest.raises(http.client.IncompleteRead) as cut:
        streams.call("/late")
    assert cut.value.partial == b"half"


def test_a_buffered_answer_behind_a_streaming_url_is_its_json(deployed: Deploy) -> None:
    answer = with_url(deployed("u-answers", "nodejs24.x"), InvokeMode="RESPONSE_STREAM").call("/teapot")
    assert (answer.status, answer.headers["content-type"], answer.body) == (
        200,
        "application/json",
        b'{"statusCode":418}',
    )
