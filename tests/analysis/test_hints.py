"""Waiting in a row is told where both the code and the run are sure, and nowhere else."""

from typing import Any

import pytest
from tests.analysis.telling import FIRST, Told
from tests.analysis.test_story import book_of

PAIRS = {"index.mjs": [((4, 4), (5, 6))]}


def told(first: dict[str, Any] | None = None, second: dict[str, Any] | None = None) -> list[str]:
    run = Told()
    run.start(0)
    one = {"at_ms": 10, "took_ms": 100, "stack": ["query (index.mjs:1:30)", "handler (index.mjs:4:17)"]}
    other = {"at_ms": 115, "took_ms": 80, "stack": ["query (index.mjs:1:30)", "handler (index.mjs:6:17)"]}
    run.call(**{**one, **(first or {})})
    run.call(**{**other, **(second or {})})
    run.end(200, 200)
    return list(book_of(run.records).hints(FIRST, PAIRS))


def test_two_reads_that_need_nothing_of_each_other() -> None:
    assert told() == [
        "index.mjs:4 and :5 wait one after the other; side by side (Promise.all) would take 80 ms less, $0.17 for a million."
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"method": "PUT"}, None, id="the first one writes"),
        pytest.param(None, {"method": "POST"}, id="the second one writes"),
        pytest.param(None, {"at_ms": 50}, id="side by side already"),
        pytest.param(None, {"took_ms": None}, id="never answered"),
        pytest.param({"stack": ["handler (index.mjs:3:1)"]}, None, id="another statement"),
        pytest.param({"stack": ["handler (other.mjs:4:1)"]}, None, id="another file"),
        pytest.param({"stack": []}, None, id="no place is known"),
        pytest.param(None, {"took_ms": 0.4}, id="nothing to win"),
    ],
)
def test_no_hint_where_it_is_not_sure(first: dict[str, Any] | None, second: dict[str, Any] | None) -> None:
    assert told(first, second) == []


def test_files_to_look_at_are_those_of_runs_with_several_calls() -> None:
    run = Told()
    run.start(0)
    run.call(1, 5, stack=["handler (index.mjs:3:1)"])
    assert book_of(run.records).code_of(FIRST) == ("", set())
    run.call(7, 5, stack=["handler (lib/a.mjs:3:1)"])
    assert book_of(run.records).code_of(FIRST) == ("", {"index.mjs", "lib/a.mjs"})
