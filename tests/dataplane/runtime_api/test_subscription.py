"""Subscribe requests: what is legal, and each complaint."""

import json
from typing import Any

import pytest

from neve.dataplane.runtime_api.subscription import Api, Subscription, SubscriptionRefused, parse_subscription

LEGAL: dict[str, Any] = {
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/in?a=b"},
}


def parse(api: Api = Api.TELEMETRY, **changed: Any) -> Subscription:
    request = {name: value for name, value in {**LEGAL, **changed}.items() if value is not None}
    return parse_subscription(api, json.dumps(request).encode())


def complaint(api: Api = Api.TELEMETRY, **changed: Any) -> str:
    with pytest.raises(SubscriptionRefused) as refusal:
        parse(api, **changed)
    return str(refusal.value)


def uri(text: object) -> dict[str, object]:
    return {"protocol": "HTTP", "URI": text}


def test_defaults() -> None:
    assert parse() == Subscription(
        Api.TELEMETRY, "2022-12-13", ("platform", "function"), 8080, "/in?a=b", 10_000, 262_144, 1_000
    )


def test_given_values_and_tcp() -> None:
    buffering = {"maxItems": 1000, "maxBytes": 1_048_576, "timeoutMs": 25}
    subscription = parse(destination={"protocol": "TCP", "port": 9000}, buffering=buffering, types=["extension"] * 2)
    assert subscription == Subscription(Api.TELEMETRY, "2022-12-13", ("extension",), 9000, None, 1_000, 1_048_576, 25)


@pytest.mark.parametrize("host", ["sandbox.localdomain", "sandbox"])
def test_the_environment_has_two_names(host: str) -> None:
    assert parse(destination=uri(f"http://{host}:80")).port == 80


def test_the_logs_api_has_a_default_schema() -> None:
    assert parse(Api.LOGS, schemaVersion=None).schema == "2020-08-15"


def test_complaints_are_joined() -> None:
    text = complaint(destination=uri("http://sandbox.localdomain"), types=[])
    assert text == "URI port is not provided; types should not be empty"


@pytest.mark.parametrize(
    ("destination", "text"),
    [
        (None, "destination is not provided"),
        ("http", "destination is not provided"),
        ({"protocol": "UDP"}, "protocol should be HTTP or TCP"),
        ({"protocol": "TCP"}, "port is not provided"),
        ({"protocol": "TCP", "port": "8080"}, "port should be between 1 and 65535"),
        ({"protocol": "TCP", "port": True}, "port should be between 1 and 65535"),
        ({"protocol": "TCP", "port": 65536}, "port should be between 1 and 65535"),
        ({"protocol": "TCP", "port": 9001}, "port 9001 is reserved"),
        ({"protocol": "HTTP"}, "URI is not provided"),
        (uri("http://sandbox.localdomain:9001"), "URI port 9001 is reserved"),
        (uri("http://example.com:8080"), "URI host should be sandbox.localdomain"),
        (uri("https://sandbox.localdomain:8080"), "URI scheme should be http"),
        (uri("http://sandbox.localdomain:x"), "URI is not valid"),
        (uri("http://sandbox.localdomain:80/é"), "URI is not valid"),
        (uri("http://sandbox.localdomain:80/a b"), "URI is not valid"),
        ({**uri("http://sandbox.localdomain:80"), "method": "PUT"}, "method should be POST"),
        ({**uri("http://sandbox.localdomain:80"), "encoding": "XML"}, "encoding should be JSON"),
    ],
)
def test_wrong_destinations(destination: Any, text: str) -> None:
    assert complaint(destination=destination) == text


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("maxItems", 1_000, 10_000), ("maxBytes", 262_144, 1_048_576), ("timeoutMs", 25, 30_000)],
)
def test_buffering_has_limits(name: str, least: int, most: int) -> None:
    for value in (least - 1, most + 1, "x", True, 1.5):
        assert complaint(buffering={name: value}) == f"{name} should be between {least} and {most}"
    for value in (least, most):
        parse(buffering={name: value})


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"types": None}, "types should not be empty"),
        ({"types": ["platform", "gossip", 1]}, "type gossip is not supported; type 1 is not supported"),
        ({"schemaVersion": None}, "schemaVersion is not provided"),
        ({"schemaVersion": "2020-08-15"}, "schemaVersion 2020-08-15 is not supported"),
        ({"buffering": []}, "buffering should be an object"),
    ],
)
def test_other_complaints(changed: dict[str, Any], text: str) -> None:
    assert complaint(**changed) == text


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"1", b"[" * 100_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(SubscriptionRefused, match=r"^request "):
        parse_subscription(Api.TELEMETRY, body)
