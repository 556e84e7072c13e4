"""Event patterns: what they let through, and what is none."""

import json
from typing import Any

import pytest

from neve.domain.filtering import InvalidPattern, matches, parse, read


@pytest.mark.parametrize(
    ("pattern", "event", "passes"),
    [
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": ["x"]}, {"a": "X"}, False),
        ({"a": ["x"]}, {}, False),
        ({"a": ["x"]}, None, False),
        ({"a": [300]}, {"a": 300}, True),
        ({"a": [300]}, {"a": 300.0}, False),
        ({"a": [1]}, {"a": "1"}, False),
        ({"a": [1]}, {"a": True}, False),
        ({"a": [True]}, {"a": True}, True),
        ({"a": [None]}, {"a": None}, True),
        ({"a": [None]}, {}, False),
        ({"a": [""]}, {"a": ""}, True),
        ({"a": ["x"], "b": ["y"]}, {"a": "x", "b": "z"}, False),
        ({"a": {"b": ["x"]}}, {"a": {"b": "x", "c": 1}}, True),
        ({"a": {"b": ["x"]}}, {"a": "x"}, False),
        ({"a": ["x"]}, {"a": ["z", "x"]}, True),
        ({"a": {"b": ["x"]}}, {"a": [{"b": "y"}, {"b": "x"}]}, True),
        ({"a": [{"equals-ignore-case": "Alice"}]}, {"a": "aLICE"}, True),
        ({"a": [{"prefix": "us-"}]}, {"a": "us-east-1"}, True),
        ({"a": [{"prefix": {"equals-ignore-case": "US-"}}]}, {"a": "us-east-1"}, True),
        ({"a": [{"prefix": "us-"}]}, {"a": 5}, False),
        ({"a": [{"suffix": ".png"}]}, {"a": "b.png"}, True),
        ({"a": [{"anything-but": ["x", 1]}]}, {"a": "y"}, True),
        ({"a": [{"anything-but": "x"}]}, {"a": "x"}, False),
        ({"a": [{"anything-but": {"prefix": "x"}}]}, {"a": "xy"}, False),
        ({"a": [{"anything-but": {"suffix": ["x", "y"]}}]}, {"a": "z"}, True),
        ({"a": [{"anything-but": "x"}]}, {}, False),
        ({"a": [{"numeric": [">", 10, "<=", 20]}]}, {"a": 20}, True),
        ({"a": [{"numeric": [">", 10, "<=", 20]}]}, {"a": 10}, False),
        ({"a": [{"numeric": ["=", 5]}]}, {"a": "5"}, False),
        ({"a": [{"exists": True}]}, {"a": None}, True),
        ({"a": [{"exists": True}]}, {"a": {"b": 1}}, False),
        ({"a": [{"exists": False}]}, {}, True),
        ({"a": [{"exists": False}]}, {"a": 1}, False),
        ({"a": ["x", {"exists": False}]}, {}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}], "c": ["z"]}, {"b": "y"}, False),
        ({"a": {"$or": [{"b": ["x"]}, {"c": ["y"]}]}}, {"a": {"c": "y"}}, True),
    ],
)
def test_pattern(pattern: Any, event: Any, passes: bool) -> None:
    for given in (event, read(json.dumps(event))):
        assert matches(parse(json.dumps(pattern)), given) == passes


def test_numbers_are_what_is_written() -> None:
    assert matches(parse('{"a":[3.0e2]}'), read('{"a":3.0e2}'))
    assert not matches(parse('{"a":[3.0e2]}'), read('{"a":300}'))
    assert matches(parse('{"a":[{"numeric":["=",3.0e2]}]}'), read('{"a":300}'))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '"x"',
        '{"a":"x"}',
        '{"a":[]}',
        '{"a":{}}',
        '{"a":[["x"]]}',
        '{"a":[{}]}',
        '{"a":[{"prefix":"x","suffix":"y"}]}',
        '{"a":[{"unknown":1}]}',
        '{"a":[{"prefix":1}]}',
        '{"a":[{"prefix":{"suffix":"x"}}]}',
        '{"a":[{"exists":"true"}]}',
        '{"a":[{"numeric":[">"]}]}',
        '{"a":[{"numeric":["!",1]}]}',
        '{"a":[{"numeric":[">","1"]}]}',
        '{"a":[{"anything-but":[]}]}',
        '{"a":[{"anything-but":{}}]}',
        '{"a":[{"anything-but":{"numeric":[">",1]}}]}',
        '{"$or":[{"a":["x"]}]}',
        '{"$or":{"a":["x"]}}',
        '{"a":' * 5000,
    ],
)
def test_text_that_is_no_pattern(text: str) -> None:
    with pytest.raises(InvalidPattern):
        parse(text)
