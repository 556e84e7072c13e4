"""What is read of a runtime client's answer to the question why."""

from collections.abc import Mapping
from typing import Any

import pytest

from neve.domain.diagnosis import located_diagnosis, read_diagnosis

WAITING = {
    "kind": "timer",
    "description": "timer (5 ms)",
    "origin": "r",
    "stacks": [[["f", "/var/task/a.js", 1, 2]]],
}


def read(header: dict[str, Any] | None) -> Mapping[str, Any]:
    return located_diagnosis(read_diagnosis(header, "r", 3.0, "/var/task"))


def test_answer_of_a_loop_that_turns() -> None:
    assert read({"id": "r", "answeredMs": 12.5, "waiting": [WAITING]}) == {
        "requestId": "r",
        "timeoutSeconds": 3.0,
        "answeredMs": 12.5,
        "waiting": [
            {
                "kind": "timer",
                "description": "timer (5 ms)",
                "count": 1,
                "source": {"file": "a.js", "line": 1, "column": 2},
                "stack": ["f (a.js:1:2)"],
                "origin": "r",
            }
        ],
        "blocked": False,
        "stack": [],
        "family": "nodejs",
    }


def test_no_answer_is_a_blocked_loop() -> None:
    told = read(None)
    assert (told["blocked"], told["stack"], told["waiting"]) == (True, [], [])


@pytest.mark.parametrize(
    "header",
    [
        {"waiting": None, "answeredMs": True, "blocked": "yes", "stacks": "no"},
        {"waiting": [None, 1], "answeredMs": "1", "blocked": 1, "stacks": [1, [2], [["f", "", 1, 1]]]},
    ],
)
def test_nonsense_is_left_out(header: dict[str, Any]) -> None:
    told = read(header)
    assert (told["waiting"], told["answeredMs"], told["blocked"], told["stack"]) == ([], None, False, [])


def test_what_is_too_long_is_cut() -> None:
    told = read({"waiting": [{**WAITING, "description": "x" * 9999}] * 100})
    assert (len(told["waiting"]), len(told["waiting"][0]["description"])) == (20, 500)
