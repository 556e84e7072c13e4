"""The event of an HTTP request at a function URL."""

from dataclasses import replace
from typing import Any

import pytest

from neve.domain.url_event import Identity, UrlRequest, event_of

ID = "a" * 32
REQUEST = UrlRequest(
    method="GET",
    path="/",
    query="",
    headers=[(b"host", b"h"), (b"user-agent", b"test/1")],
    body=b"",
    url_id=ID,
    domain=f"{ID}.lambda-url.eu-west-1.localhost",
    source_ip="127.0.0.1",
    port=4566,
    scheme="http",
    http_version="1.1",
    request_id="8f507cfc",
    trace_id="Root=1-2",
    now_ms=1_583_348_638_390,
)


def event(**given: Any) -> dict[str, Any]:
    return event_of(replace(REQUEST, **given), None)


def posted(content_type: str | None, body: bytes) -> dict[str, Any]:
    headers = [(b"content-type", content_type.encode())] if content_type is not None else []
    return event(method="POST", headers=headers, body=body)


def test_the_whole_event_of_the_least_request() -> None:
    assert event() == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "host": "h",
            "user-agent": "test/1",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "4566",
            "x-forwarded-proto": "http",
            "x-amzn-trace-id": "Root=1-2",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": ID,
            "domainName": f"{ID}.lambda-url.eu-west-1.localhost",
            "domainPrefix": ID,
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test/1",
            },
            "requestId": "8f507cfc",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390,
        },
        "isBase64Encoded": False,
    }


def test_path_and_query_stay_as_they_came_and_parameters_are_decoded_and_joined() -> None:
    told = event(path="/pa2%Fth/1", query="multi=foo&multi=%2Fbar&plus=a+b&empty=&flag")
    assert (told["rawPath"], told["rawQueryString"]) == (
        "/pa2%Fth/1",
        "multi=foo&multi=%2Fbar&plus=a+b&empty=&flag",
    )
    assert told["queryStringParameters"] == {"multi": "foo,/bar", "plus": "a b", "empty": "", "flag": ""}


def test_headers_that_are_repeated_are_joined_and_those_of_the_connection_left_out() -> None:
    headers = [
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"connection", b"keep-alive, X-Hop"),
        (b"x-hop", b"gone"),
        (b"transfer-encoding", b"chunked"),
        (b"x-latin", b"\xe9"),
    ]
    told = event(headers=headers, body=b"12345")["headers"]
    assert {name: value for name, value in told.items() if name.startswith("x-") and len(name) < 8} == {
        "x-a": "1,2",
        "x-latin": "é",
    }
    assert not {"connection", "transfer-encoding"} & set(told)
    assert told["content-length"] == "5"


def test_what_a_proxy_said_is_kept() -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https"), (b"x-forwarded-port", b"443")]
    told = event(headers=headers)["headers"]
    assert told["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
    assert (told["x-forwarded-proto"], told["x-forwarded-port"]) == ("https", "443")


def test_cookies_are_a_list_and_no_header() -> None:
    told = event(headers=[(b"cookie", b"a=1; b=2,3"), (b"cookie", b"c=4")])
    assert told["cookies"] == ["a=1", "b=2,3", "c=4"]
    assert "cookie" not in told["headers"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "Text/HTML; charset=utf-8", "application/json", "application/xml", "application/problem+json"],
)
def test_text_is_given_as_it_is(content_type: str) -> None:
    told = posted(content_type, "grün".encode())
    assert (told["body"], told["isBase64Encoded"]) == ("grün", False)


@pytest.mark.parametrize(
    "content_type",
    ["application/octet-stream", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", None],
)
def test_everything_else_is_base64(content_type: str | None) -> None:
    told = posted(content_type, b"a=b")
    assert (told["body"], told["isBase64Encoded"]) == ("YT1i", True)


def test_text_that_is_none_is_base64() -> None:
    told = posted("text/plain", b"\xff")
    assert (told["body"], told["isBase64Encoded"]) == ("/w==", True)


def test_who_signed_is_told() -> None:
    identity = Identity("123456789012", "AKID", "arn:aws:iam::123456789012:user/ada", "AIDA")
    context = event_of(REQUEST, identity)["requestContext"]
    assert context["accountId"] == "123456789012"
    assert context["authorizer"] == {
        "iam": {
            "accessKey": "AKID",
            "accountId": "123456789012",
            "callerId": "AIDA",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": "arn:aws:iam::123456789012:user/ada",
            "userId": "AIDA",
        }
    }
