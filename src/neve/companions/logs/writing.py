"""PutLogEvents: the rules of a batch, in the order in which the service applies them."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from neve.clock import Clock
from neve.companions.logs.faults import invalid, no_group
from neve.companions.logs.streams import SEQUENCE_TOKEN, Streams
from neve.domain.call import Call
from neve.storage.store import LogLine, LogStore

BATCH_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
BATCH_EVENTS = 10_000
DAY_MS = 86_400_000
SPAN_MS = DAY_MS
OLDEST_MS = 14 * DAY_MS
NEWEST_MS = 2 * 3_600_000

Members = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Accepted:
    """Which part of the batch is taken, `[first, end)`, and the indexes to report for the rest."""

    first: int
    end: int
    rejected: Mapping[str, int]


class Writing:
    """The operation that writes."""

    def __init__(self, store: LogStore, clock: Clock, streams: Streams) -> None:
        self._store = store
        self._clock = clock
        self._streams = streams

    async def put(self, call: Call, members: Members) -> Members:
        """PutLogEvents."""
        group, stream = members["logGroupName"], members["logStreamName"]
        events = members["logEvents"]
        _check_batch(events)
        await self._streams.require(call, group, stream)
        accepted = _accept(
            [event["timestamp"] for event in events], self._clock.now_ms(), await self._retention(call, group)
        )
        chosen = events[accepted.first : accepted.end]
        _check_span(chosen)
        await self._store.append(
            [LogLine(call.world, group, stream, event["timestamp"], _clean(event["message"])) for event in chosen]
        )
        answer: dict[str, Any] = {"nextSequenceToken": SEQUENCE_TOKEN}
        if accepted.rejected:
            answer["rejectedLogEventsInfo"] = dict(accepted.rejected)
        return answer

    async def _retention(self, call: Call, group: str) -> int | None:
        found = await self._store.group(call.world, group)
        if found is None:
            raise no_group()
        return found.retention_days


def _clean(message: str) -> str:
    """JSON can carry half of a surrogate pair, which no text on disk can."""
    return message if message.isascii() else message.encode("utf-8", "replace").decode()


def _check_batch(events: Sequence[Mapping[str, Any]]) -> None:
    if not 1 <= len(events) <= BATCH_EVENTS:
        raise invalid(f"A batch holds 1 to {BATCH_EVENTS} log events, not {len(events)}.")
    sizes = [len(event["message"].encode("utf-8", "replace")) + EVENT_OVERHEAD_BYTES for event in events]
    if max(sizes) > BATCH_BYTES:
        raise invalid(f"Log event too large: {max(sizes)} bytes exceeds limit of {BATCH_BYTES}")
    if sum(sizes) > BATCH_BYTES:
        raise invalid(f"Upload too large: {sum(sizes)} bytes exceeds limit of {BATCH_BYTES}")
    times = [event["timestamp"] for event in events]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")


def _check_span(events: Sequence[Mapping[str, Any]]) -> None:
    if events and events[-1]["timestamp"] - events[0]["timestamp"] > SPAN_MS:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")


def _accept(times: Sequence[int], now_ms: float, retention_days: int | None) -> _Accepted:
    """Too old, expired and too new events are left out; as the batch is in order, each kind is one end of it."""
    too_old = bisect_left(times, now_ms - OLDEST_MS)
    expired = 0 if retention_days is None else bisect_left(times, now_ms - retention_days * DAY_MS)
    too_new = bisect_right(times, now_ms + NEWEST_MS)
    rejected = {}
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired:
        rejected["expiredLogEventEndIndex"] = expired
    if too_new < len(times):
        rejected["tooNewLogEventStartIndex"] = too_new
    return _Accepted(max(too_old, expired), too_new, rejected)
