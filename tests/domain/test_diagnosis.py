"""What is read of a runtime client's answer to the question why."""

from typing import Any

import pytest

from neve.domain.diagnosis import read_diagnosis

WAITING = {
    "kind": "timer",
    "description": "timer (5 ms)",
    "origin": "r",
    "file": "a.js",
    "line": 1,
    "column": 2,
    "stack": ["f"],
}


def test_answer_of_a_loop_that_turns() -> None:
    assert read_diagnosis({"id": "r", "answeredMs": 12.5, "waiting": [WAITING]}, "r", 3.0) == {
        "requestId": "r",
        "timeoutSeconds": 3.0,
        "answeredMs": 12.5,
        "waiting": [
            {
                "kind": "timer",
                "description": "timer (5 ms)",
                "count": 1,
                "source": {"file": "a.js", "line": 1, "column": 2},
                "stack": ["f"],
                "origin": "r",
            }
        ],
        "blocked": False,
        "stack": [],
    }


def test_no_answer_is_a_blocked_loop() -> None:
    told = read_diagnosis(None, "r", 3.0)
    assert (told["blocked"], told["stack"], told["waiting"]) == (True, [], [])


@pytest.mark.parametrize(
    "header",
    [
        {"waiting": None, "answeredMs": True, "blocked": "yes", "stack": "no"},
        {"waiting": [None, 1], "answeredMs": "1", "blocked": 1, "stack": [1]},
    ],
)
def test_nonsense_is_left_out(header: dict[str, Any]) -> None:
    told = read_diagnosis(header, "r", 3.0)
    assert (told["waiting"], told["answeredMs"], told["blocked"], told["stack"]) == ([], None, False, [])


def test_what_is_too_long_is_cut() -> None:
    told = read_diagnosis({"waiting": [{**WAITING, "description": "x" * 9999}] * 100}, "r", 3.0)
    assert (len(told["waiting"]), len(told["waiting"][0]["description"])) == (20, 500)
