"""PutLogEvents: what is taken, what is rejected, what is refused."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from neve.domain.errors import CallerError

Ask = Callable[..., Awaitable[dict[str, Any]]]
NOW = 1_800_000_000_000
HOUR, DAY = 3_600_000, 86_400_000
G = "/g"


@pytest.fixture(autouse=True)
async def group(ask: Ask) -> None:
    await ask("CreateLogGroup", logGroupName=G)
    await ask("CreateLogStream", logGroupName=G, logStreamName="s")


async def put(ask: Ask, *events: tuple[int, str]) -> dict[str, Any]:
    rows = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    return await ask("PutLogEvents", logGroupName=G, logStreamName="s", logEvents=rows, sequenceToken="ignored")


async def kept(ask: Ask) -> list[str]:
    return [event["message"] for event in (await ask("FilterLogEvents", logGroupName=G))["events"]]


async def test_batch_is_read_back_at_once(ask: Ask) -> None:
    answer = await put(ask, (NOW - 1, "a"), (NOW, "ü\n"))
    assert answer["nextSequenceToken"]
    assert "rejectedLogEventsInfo" not in answer
    assert await kept(ask) == ["a", "ü\n"]


async def test_too_old_and_too_new_events_are_left_out_and_the_rest_is_kept(ask: Ask) -> None:
    answer = await put(
        ask,
        (NOW - 15 * DAY, "old"),
        (NOW - 14 * DAY - 1, "old"),
        (NOW, "kept"),
        (NOW + 2 * HOUR, "kept too"),
        (NOW + 2 * HOUR + 1, "new"),
    )
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 2, "tooNewLogEventStartIndex": 4}
    assert await kept(ask) == ["kept", "kept too"]


async def test_events_past_the_retention_are_expired(ask: Ask) -> None:
    await ask("PutRetentionPolicy", logGroupName=G, retentionInDays=3)
    answer = await put(ask, (NOW - 3 * DAY - 1, "expired"), (NOW - 3 * DAY + 1, "kept"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert await kept(ask) == ["kept"]


async def test_batch_of_nothing_but_old_events_is_answered_all_the_same(ask: Ask) -> None:
    answer = await put(ask, (1, "old"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert await kept(ask) == []


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ([(NOW, "b"), (NOW - 1, "a")], "Log events in a single PutLogEvents request must be in chronological order."),
        (
            [(NOW - DAY - 1, "a"), (NOW, "b")],
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ),
        ([(NOW, "x" * 524_263)] * 2, "Upload too large: 1048578 bytes exceeds limit of 1048576"),
        ([(NOW, "x" * 1_048_551)], "Log event too large: 1048577 bytes exceeds limit of 1048576"),
    ],
)
async def test_batch_against_the_rules_is_refused_as_a_whole(
    ask: Ask, events: list[tuple[int, str]], sentence: str
) -> None:
    with pytest.raises(CallerError) as raised:
        await put(ask, *events)
    assert (raised.value.code, raised.value.message) == ("InvalidParameterException", sentence)
    assert await kept(ask) == []


async def test_largest_batches_are_taken(ask: Ask) -> None:
    await put(ask, (NOW, "x" * (1_048_576 - 26)))
    await put(ask, *[(NOW, "m")] * 10_000)
    answer = await ask("DescribeLogGroups")
    assert answer["logGroups"][0]["storedBytes"] == 1_048_576 + 270_000


async def test_half_a_surrogate_pair_is_replaced(ask: Ask) -> None:
    await put(ask, (NOW, "a\ud800b"))
    assert await kept(ask) == ["a?b"]
