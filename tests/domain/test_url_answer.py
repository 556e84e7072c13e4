"""What a function's result is as an HTTP answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neve.domain.url_answer import HttpAnswer, Malformed, answer_of, head_of, prelude_of

JSON = ("content-type", "application/json")


def answer(result: Any) -> HttpAnswer:
    return answer_of(json.dumps(result).encode())


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'"hello"', b"hello"),
        (b"3", b"3"),
        (b"3.1", b"3.1"),
        (b"true", b"true"),
        (b"null", b"null"),
        (b'["hello", 3, true]', b'["hello", 3, true]'),
        (b'{"message": "hi"}', b'{"message": "hi"}'),
        (b"\xffno json", b"\xffno json"),
    ],
)
def test_what_has_no_status_is_the_body_of_a_200(payload: bytes, body: bytes) -> None:
    assert answer_of(payload) == HttpAnswer(200, [JSON], body)


def test_status_headers_cookies_and_body() -> None:
    result = {"statusCode": 201, "headers": {"X-A": "b", "X-N": 1, "X-T": True}, "cookies": ["a=1", "b=2"], "body": "é"}
    cookies = [("set-cookie", "a=1"), ("set-cookie", "b=2")]
    assert answer(result) == HttpAnswer(
        201, [("x-a", "b"), ("x-n", "1"), ("x-t", "true"), JSON, *cookies], "é".encode()
    )


def test_a_content_type_of_its_own_wins() -> None:
    assert answer({"statusCode": 200, "headers": {"Content-Type": "text/html"}}).headers == [
        ("content-type", "text/html")
    ]


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ({"body": "AAH/", "isBase64Encoded": True}, b"\x00\x01\xff"),
        ({"body": "AAH/", "isBase64Encoded": False}, b"AAH/"),
        ({"body": {"a": 1}}, b'{"a":1}'),
        ({"body": None}, b""),
        ({}, b""),
    ],
)
def test_the_body(result: dict[str, Any], body: bytes) -> None:
    assert answer({"statusCode": 200, **result}).body == body


def test_what_belongs_to_a_connection_is_not_passed_on() -> None:
    headers = {"Content-Length": "99", "Connection": "close", "Transfer-Encoding": "chunked", "Date": "never"}
    assert answer({"statusCode": 200, "headers": headers}).headers == [JSON]


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "200"},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": True},
        {"statusCode": None},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": ["b"]}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": [{"a": 1}]},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
    ],
)
def test_what_is_no_answer_is_malformed(result: Any) -> None:
    with pytest.raises(Malformed):
        answer(result)


def test_the_head_of_a_stream() -> None:
    assert prelude_of(b'{"statusCode":404,"headers":{"Content-Type":"text/html"},"cookies":["a=1"]}') == HttpAnswer(
        404, [("content-type", "text/html"), ("set-cookie", "a=1")]
    )
    assert head_of("text/css") == HttpAnswer(200, [("content-type", "text/css")])
    with pytest.raises(Malformed):
        head_of("text/css\r\nx: y")
    assert prelude_of(b"{}") == HttpAnswer(200, [("content-type", "application/octet-stream")])
    for text in (b"", b"[]", b"no json", b'{"statusCode":"x"}'):
        with pytest.raises(Malformed):
            prelude_of(text)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_nothing_that_a_function_says_raises_anything_else(payload: bytes) -> None:
    for read in (answer_of, prelude_of):
        try:
            read(payload)
        except Malformed:
            continue


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"statusCode": st.just(200) | _ANYTHING, "headers": _ANYTHING, "body": _ANYTHING}))
def test_no_answer_breaks_out_of_its_lines(result: dict[str, Any]) -> None:
    try:
        answered = answer(result)
    except Malformed:
        return
    assert not any("\n" in text or "\r" in text for header in answered.headers for text in header)
