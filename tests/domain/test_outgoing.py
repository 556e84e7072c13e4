"""What is read of a runtime client's calls, and what people call them."""

import json
from typing import Any

import pytest

from neve.domain.leak import Source
from neve.domain.outgoing import call_of, host_of, located_call, read_calls, told_at

TOLD: dict[str, Any] = {
    "id": "k3.1",
    "origin": "first",
    "method": "PUT",
    "to": "https://photos.example",
    "path": "/1",
    "ago": 30.0,
    "took": 20.0,
    "status": 200,
    "sent": True,
    "leak": "z.1",
    "stacks": [[["handler", "/var/task/index.mjs", 3, 5]]],
}


def read(*items: object) -> list[Any]:
    return [located_call(each) for each in read_calls({"calls": list(items)}, "e", "/var/task", 1_000.0)]


def test_times_are_counted_back_from_now() -> None:
    (members,) = read(TOLD)
    call = call_of(members)
    assert (call.began_ms, call.ended_ms) == (970.0, 990.0)
    assert (call.id, call.leak_id, call.host, call.origin) == ("e.k3.1", "e.z.1", "photos.example", "first")
    assert call.source == Source("index.mjs", 3, 5)


@pytest.mark.parametrize(
    ("at", "told"),
    [(990.0, 1_090.0), (901, 1_001.0), (1_001.0, 1_100.0), (-9e9, 1_100.0), (None, 1_100.0), (float("nan"), 1_100.0)],
)
def test_way_to_neve_does_not_count(at: object, told: float) -> None:
    assert told_at({"at": at}, 1_100.0, 100.0) == told


def test_open_call_has_no_end() -> None:
    (members,) = read({**TOLD, "took": None, "status": None, "sent": False})
    call = call_of(members)
    assert (call.ended_ms, call.status, call.sent, call.failed) == (None, None, False, False)


@pytest.mark.parametrize(
    "item", ["text", {}, {**TOLD, "id": 3}, {**TOLD, "ago": "x"}, {**TOLD, "ago": -1}, {**TOLD, "ago": 1e300}]
)
def test_what_is_no_call_is_left_out(item: object) -> None:
    assert read(item) == []


def test_no_more_calls_are_read_than_a_client_tells() -> None:
    assert len(read(*[TOLD] * 1_000)) == 200


@pytest.mark.parametrize(
    ("members", "to", "what"),
    [
        ({"service": "dynamodb", "target": "DynamoDB_20120810.PutItem"}, "DynamoDB", "PutItem"),
        (
            {"service": "lambda", "method": "POST", "path": "/2015-03-31/functions/resize/invocations"},
            "Lambda",
            "invoke resize",
        ),
        ({"service": "s3", "path": "/photos/1"}, "S3", "PUT /photos/1"),
        ({"service": "braket"}, "braket", "PUT /1"),
        ({}, "photos.example", "PUT /1"),
    ],
)
def test_names(members: dict[str, Any], to: str, what: str) -> None:
    (told,) = read({**TOLD, **members})
    assert (call_of(told).to, call_of(told).what) == (to, what)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://a.example:443", "a.example"),
        ("http://a.example:8080", "a.example:8080"),
        ("http://[::1]:99999", "http://[::1]:99999"),
    ],
)
def test_usual_ports_are_left_out(origin: str, host: str) -> None:
    assert host_of(origin) == host


def test_record_of_a_call_can_be_written_as_json() -> None:
    (members,) = read({**TOLD, "stacks": [[["save", "/var/task/index.mjs", 3, 5]]]})
    assert json.loads(json.dumps(members))["source"] == {"file": "index.mjs", "line": 3, "column": 5}
    assert "stacks" not in members
