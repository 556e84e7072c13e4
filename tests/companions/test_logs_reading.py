"""GetLogEvents and FilterLogEvents: pages, tokens, ranges; `aws logs tail --follow` by its calls."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from neve.companions.logs import reading
from neve.domain.errors import CallerError
from neve.domain.world import World
from neve.storage.sqlite.logs import SqliteLogStore
from neve.storage.store import LogLine

Ask = Callable[..., Awaitable[dict[str, Any]]]
NOW = 1_800_000_000_000
G = "/aws/lambda/f"


def fill(store: SqliteLogStore, *messages: str, stream: str = "s", at: int = NOW, step: int = 1) -> None:
    for number, message in enumerate(messages):
        store.append_nowait(LogLine(World(), G, stream, at + number * step, message))


def texts(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]


def numbers(first: int, end: int) -> list[str]:
    return [str(number) for number in range(first, end)]


# GetLogEvents


async def test_newest_page_comes_by_default_and_in_order(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, *numbers(0, 10))
    answer = await ask("GetLogEvents", logGroupName=G, logStreamName="s", limit=3)
    assert texts(answer) == ["7", "8", "9"]
    assert answer["events"][0] == {"timestamp": NOW + 7, "message": "7", "ingestionTime": NOW}


async def test_forward_tokens_walk_to_the_end_where_the_same_token_comes_back(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, *numbers(0, 7), step=0)
    members: dict[str, Any] = {"logGroupName": G, "logStreamName": "s", "limit": 3, "startFromHead": True}
    pages = []
    answer = await ask("GetLogEvents", **members)
    while answer["events"]:
        pages.append(texts(answer))
        token = answer["nextForwardToken"]
        answer = await ask("GetLogEvents", nextToken=token, **members)
    assert pages == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert answer["nextForwardToken"] == token
    fill(store, "late", at=NOW + 1)
    assert texts(await ask("GetLogEvents", nextToken=token, **members)) == ["late"]


async def test_backward_tokens_walk_to_the_beginning(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, *numbers(0, 5))
    members: dict[str, Any] = {"logGroupName": G, "logStreamName": "s", "limit": 2}
    pages = []
    answer = await ask("GetLogEvents", **members)
    while answer["events"]:
        pages.append(texts(answer))
        token = answer["nextBackwardToken"]
        answer = await ask("GetLogEvents", nextToken=token, **members)
    assert pages == [["3", "4"], ["1", "2"], ["0"]]
    assert answer["nextBackwardToken"] == token


async def test_turning_round_at_the_end_meets_the_last_events_again(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, *numbers(0, 5))
    members: dict[str, Any] = {"logGroupName": G, "logStreamName": "s", "limit": 2}
    newest = await ask("GetLogEvents", **members)
    end = await ask("GetLogEvents", nextToken=newest["nextForwardToken"], **members)
    assert end["events"] == []
    assert texts(await ask("GetLogEvents", nextToken=end["nextBackwardToken"], **members)) == ["3", "4"]
    oldest = await ask("GetLogEvents", startFromHead=True, **members)
    start = await ask("GetLogEvents", nextToken=oldest["nextBackwardToken"], **members)
    assert start["events"] == []
    assert texts(await ask("GetLogEvents", nextToken=start["nextForwardToken"], **members)) == ["0", "1"]


async def test_forward_token_of_an_empty_stream_sees_what_comes(ask: Ask, store: SqliteLogStore) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    await ask("CreateLogStream", logGroupName=G, logStreamName="s")
    empty = await ask("GetLogEvents", logGroupName=G, logStreamName="s")
    assert empty["nextForwardToken"].startswith("f/")
    assert empty["nextBackwardToken"].startswith("b/")
    fill(store, "first")
    answer = await ask("GetLogEvents", logGroupName=G, logStreamName="s", nextToken=empty["nextForwardToken"])
    assert texts(answer) == ["first"]


async def test_start_is_included_and_end_is_not(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, *numbers(0, 5))
    answer = await ask("GetLogEvents", logGroupName=G, logStreamName="s", startTime=NOW + 1, endTime=NOW + 3)
    assert texts(answer) == ["1", "2"]


async def test_page_ends_at_a_megabyte_and_nothing_is_skipped(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, *(f"{number}{'x' * 200_000}" for number in range(8)))
    members: dict[str, Any] = {"logGroupName": G, "logStreamName": "s", "startFromHead": True}
    first = await ask("GetLogEvents", **members)
    second = await ask("GetLogEvents", nextToken=first["nextForwardToken"], **members)
    assert [text[0] for text in texts(first)] == numbers(0, 5)
    assert [text[0] for text in texts(second)] == numbers(5, 8)


async def test_page_ends_at_ten_thousand_events(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, *numbers(0, 10_001))
    answer = await ask("GetLogEvents", logGroupName=G, logStreamName="s", startFromHead=True)
    assert len(answer["events"]) == 10_000


@pytest.mark.parametrize("token", ["x", "f/1/s", "g/" + "0" * 56 + "/s", "f/" + "9" * 56 + "/s", "f/" + "0" * 56])
async def test_foreign_token_is_refused(ask: Ask, store: SqliteLogStore, token: str) -> None:
    fill(store, "m")
    with pytest.raises(CallerError, match=r"The specified nextToken is invalid\."):
        await ask("GetLogEvents", logGroupName=G, logStreamName="s", nextToken=token)


# FilterLogEvents


async def test_streams_are_interleaved_by_time(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, "a0", "a1", stream="a", step=10)
    fill(store, "b0", "b1", stream="b", at=NOW + 5, step=10)
    answer = await ask("FilterLogEvents", logGroupName=G, interleaved=True)
    assert texts(answer) == ["a0", "b0", "a1", "b1"]
    assert answer["searchedLogStreams"] == []
    assert "nextToken" not in answer
    assert answer["events"][1]["logStreamName"] == "b"
    assert texts(await ask("FilterLogEvents", logGroupName=G, startFromHead=False)) == ["b1", "a1", "b0", "a0"]


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({"logStreamNames": ["a"]}, ["a0"]),
        ({"logStreamNames": ["b", "a"]}, ["a0", "b0"]),
        ({"logStreamNames": ["none"]}, []),
        ({"logStreamNamePrefix": "b"}, ["b0", "bb0"]),
        ({"startTime": NOW + 1}, ["b0", "bb0"]),
        ({"endTime": NOW + 1}, ["a0", "b0"]),  # included, unlike in GetLogEvents
        ({"filterPattern": "b0"}, ["b0", "bb0"]),
        ({"filterPattern": ""}, ["a0", "b0", "bb0"]),
    ],
)
async def test_choice_of_events(ask: Ask, store: SqliteLogStore, members: dict[str, Any], wanted: list[str]) -> None:
    for number, stream in enumerate(("a", "b", "bb")):
        fill(store, f"{stream}0", stream=stream, at=NOW + number)
    assert texts(await ask("FilterLogEvents", logGroupName=G, **members)) == wanted


async def test_names_and_prefix_exclude_each_other(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, "m")
    with pytest.raises(CallerError) as raised:
        await ask("FilterLogEvents", logGroupName=G, logStreamNames=["s"], logStreamNamePrefix="s")
    assert raised.value.code == "InvalidParameterException"


@pytest.mark.parametrize("from_head", [True, False])
async def test_pages_hold_every_match_once(ask: Ask, store: SqliteLogStore, from_head: bool) -> None:
    fill(store, *(f"{'odd' if number % 2 else 'even'} {number}" for number in range(1000)), step=0)
    found: list[str] = []
    token: dict[str, str] = {"start": ""}
    while token:
        members = {} if "start" in token else token
        answer = await ask(
            "FilterLogEvents", logGroupName=G, filterPattern="odd", limit=60, startFromHead=from_head, **members
        )
        found += texts(answer)
        assert len(answer["events"]) <= 60
        token = {"nextToken": answer["nextToken"]} if "nextToken" in answer else {}
    wanted = [f"odd {number}" for number in range(1, 1000, 2)]
    assert found == (wanted if from_head else wanted[::-1])


async def test_long_search_answers_with_a_token_before_it_is_through(
    ask: Ask, store: SqliteLogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SCANNED_EVENTS", 300)
    fill(store, *numbers(0, 500), "needle")
    first = await ask("FilterLogEvents", logGroupName=G, filterPattern="needle")
    assert first["events"] == []
    second = await ask("FilterLogEvents", logGroupName=G, filterPattern="needle", nextToken=first["nextToken"])
    assert texts(second) == ["needle"]
    assert "nextToken" not in second


async def test_a_search_through_much_text_answers_before_it_is_through(
    ask: Ask, store: SqliteLogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SCANNED_BYTES", 1_000_000)
    fill(store, *["x" * 100_000] * 25, "needle")
    token, searches = None, 0
    while searches == 0 or token:
        more: dict[str, Any] = {"nextToken": token} if token else {}
        answer = await ask("FilterLogEvents", logGroupName=G, filterPattern="needle", **more)
        token, searches = answer.get("nextToken"), searches + 1
    assert (texts(answer), searches) == (["needle"], 3)


async def test_bad_token_is_refused(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, "m")
    with pytest.raises(CallerError, match=r"The specified nextToken is invalid\."):
        await ask("FilterLogEvents", logGroupName=G, nextToken="Wy0xXQ==")


async def test_event_ids_are_unique_and_stable(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, *numbers(0, 5), step=0)
    first = [event["eventId"] for event in (await ask("FilterLogEvents", logGroupName=G))["events"]]
    second = [event["eventId"] for event in (await ask("FilterLogEvents", logGroupName=G))["events"]]
    assert first == second
    assert len(set(first)) == 5


class Tail:
    """The calls that `aws logs tail GROUP --follow` of AWS CLI v2 makes: all pages from a start time, then again from the
    time of the newest event, skipping ids that were printed at that time."""

    def __init__(self, ask: Ask, since_ms: int) -> None:
        self._ask = ask
        self._start = since_ms
        self._printed: set[str] = set()

    async def poll(self) -> list[str]:
        printed: list[str] = []
        members: dict[str, Any] = {"logGroupName": G, "interleaved": True, "startTime": self._start}
        while True:
            answer = await self._ask("FilterLogEvents", **members)
            printed += [self._print(event) for event in answer["events"] if event["eventId"] not in self._printed]
            if "nextToken" not in answer:
                return printed
            members["nextToken"] = answer["nextToken"]

    def _print(self, event: dict[str, Any]) -> str:
        self._printed.add(event["eventId"])
        self._start = max(self._start, event["timestamp"])
        return str(event["message"])


async def test_tail_prints_every_line_once_as_it_comes(ask: Ask, store: SqliteLogStore) -> None:
    fill(store, "too old", at=NOW - 60_000)
    fill(store, *numbers(0, 300), step=0)
    tail = Tail(ask, NOW - 1000)
    assert await tail.poll() == numbers(0, 300)
    assert await tail.poll() == []
    fill(store, "same millisecond", at=NOW)
    fill(store, "other environment", stream="t", at=NOW + 3)
    assert await tail.poll() == ["same millisecond", "other environment"]
    assert await tail.poll() == []
