"""What is read of a runtime client's news, and what becomes of a leak."""

from typing import Any

import pytest

from neve.domain import record as kinds
from neve.domain.leak import MOST_SEEN, Fate, Leak, located, read_news
from neve.domain.world import World

OPEN: dict[str, Any] = {
    "is": "open",
    "leak": "k3.1",
    "kind": "timer",
    "description": "timer (20 ms)",
    "count": 2,
    "origin": "first",
    "detached": False,
    "stacks": [[["handler", "/var/task/index.mjs", 3, 5]]],
}


def leak(origin: str | None = "first") -> Leak:
    world = World("000000000000", "us-east-1")
    return Leak("e.1", world, "f", "$LATEST", "e", 0.0, "timer", "timer (20 ms)", 1, None, (), origin)


def news(*items: object) -> list[tuple[str, Any]]:
    read = read_news({"news": list(items)}, "env", "/var/task")
    return [(kind, dict((located(members) or {}) if kind == kinds.LEAK else members)) for kind, members in read]


def test_news_become_records_with_an_id_of_this_neve() -> None:
    (opened, resumed, finished, failed) = news(
        OPEN,
        {"is": "resumed", "leak": "k3.1", "in": "second"},
        {"is": "finished", "leak": "k3.1", "in": None},
        {"is": "failed", "leak": "k3.1", "in": "second", "error": "Error: boom"},
    )
    assert opened == (
        kinds.LEAK,
        {
            "leakId": "env.k3.1",
            "kind": "timer",
            "description": "timer (20 ms)",
            "count": 2,
            "origin": "first",
            "source": {"file": "index.mjs", "line": 3, "column": 5},
            "stack": ["handler (index.mjs:3:5)"],
        },
    )
    assert resumed == (kinds.LEAK_RESUMED, {"leakId": "env.k3.1", "requestId": "second"})
    assert finished == (kinds.LEAK_FINISHED, {"leakId": "env.k3.1", "requestId": None})
    assert failed == (
        kinds.LEAK_FAILED,
        {"leakId": "env.k3.1", "requestId": "second", "error": "Error: boom", "fatal": True},
    )


def test_leak_without_a_place_has_no_source() -> None:
    ((_, members),) = news({"is": "open", "leak": "1"})
    assert (members["source"], members["kind"], members["stack"], members["origin"]) == (None, "work", [], None)


@pytest.mark.parametrize(
    "item",
    [
        None,
        "open",
        {},
        {"is": []},
        {"is": "open"},
        {"is": "open", "leak": 7},
        {"is": "open", "leak": "no id"},
        {"is": "open", "leak": "x" * 100},
        {"is": "resumed", "leak": "1"},
        {"is": "resumed", "leak": "1", "in": 3},
    ],
)
def test_what_is_no_news_is_left_out(item: object) -> None:
    assert news(item) == []


@pytest.mark.parametrize("header", [{}, {"news": None}, {"news": {"is": "open"}}])
def test_frame_without_news(header: dict[str, Any]) -> None:
    assert list(read_news(header, "env", "/var/task")) == []


def test_what_is_too_long_is_cut() -> None:
    frame = ["c" * 10_000, "/var/task/" + "f" * 10_000, -1, 2**40]
    ((_, members),) = news({**OPEN, "description": "d" * 10_000, "stacks": [[frame] * 1000] * 1000, "count": True})
    assert len(members["description"]) == 500
    assert (len(members["stack"]), len(members["stack"][0])) == (12, 500 + len(" (") + 490 + len(":0)"))
    assert (members["source"]["line"], members["count"]) == (0, 1)


def test_fates() -> None:
    assert leak().fate is Fate.PENDING
    assert leak().finished_in(None).fate is Fate.FINISHED
    assert leak().lost().fate is Fate.NEVER
    went_on = leak().resumed("second")
    assert (went_on.fate, went_on.seen_in, went_on.finished) == (Fate.CONTINUED, ("second",), False)
    assert went_on.lost() == went_on
    assert leak().finished_in("second") == went_on.finished_in("second") == went_on.finished_in(None)
    assert went_on.finished_in("third").seen_in == ("second", "third")


def test_leak_that_seemed_finished_goes_on() -> None:
    assert leak().finished_in(None).resumed("second").fate is Fate.CONTINUED


def test_leak_that_ends_another_invocation() -> None:
    failed = leak().failed_in("second", "Error: boom")
    assert (failed.fate, failed.failed, failed.error, failed.seen_in) == (
        Fate.CONTINUED,
        "second",
        "Error: boom",
        ("second",),
    )
    assert leak().failed_in(None, "Error: boom").fate is Fate.PENDING


def test_what_the_init_phase_made_has_no_fate() -> None:
    assert leak(origin=None).lost().fate is Fate.PENDING


def test_leak_that_goes_on_for_ever_is_told_of_the_first_invocations() -> None:
    each = leak()
    for number in range(100):
        each = each.resumed(str(number))
    assert each.seen_in == tuple(map(str, range(MOST_SEEN)))
