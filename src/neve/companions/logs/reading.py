"""GetLogEvents and FilterLogEvents.

Both walk the order (timestamp, id) in slices from the store, so that a page never holds much more than its megabyte. A
token is a place in that order; the rest of the request (streams, times, pattern) comes again with each call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neve.companions.logs import tokens
from neve.companions.logs.faults import invalid
from neve.companions.logs.names import asked_group
from neve.companions.logs.pattern import Match, compile_pattern
from neve.companions.logs.streams import Streams
from neve.companions.logs.tokens import Cursor
from neve.domain.call import Call
from neve.storage.store import LogEvent, LogStore

PAGE_EVENTS = 10_000
PAGE_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
SLICE = 250
"""Events fetched at once: even of the largest size they fit into memory."""
SCANNED_EVENTS = 50_000
SCANNED_BYTES = 64 * 1_048_576
"""How much one FilterLogEvents call looks at; after that it answers with what it has and a token, as the service does."""

Members = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Range:
    """What is read, and from where on."""

    group: str
    streams: Sequence[str] | None
    stream_prefix: str | None
    start_ms: int | None
    end_ms: int | None
    descending: bool
    cursor: Cursor | None


@dataclass(slots=True)
class _Page:
    """Events of one answer. `last` is the last event looked at, whether or not it is in the page."""

    limit: int
    events: list[LogEvent] = field(default_factory=list)
    bytes: int = 0
    scanned: int = 0
    scanned_bytes: int = 0
    last: Cursor | None = None
    full: bool = False

    def offer(self, event: LogEvent, matches: Match) -> bool:
        """Take an event if it matches; False, and nothing taken, when the page is full."""
        wanted = matches(event.message)
        size = len(event.message.encode()) + EVENT_OVERHEAD_BYTES if wanted else 0
        if self._has_no_room(wanted, size):
            self.full = True
            return False
        self.scanned += 1
        self.scanned_bytes += len(event.message)
        self.last = (event.timestamp_ms, event.id)
        if wanted:
            self.events.append(event)
            self.bytes += size
        return True

    def _has_no_room(self, wanted: bool, size: int) -> bool:
        too_long = len(self.events) >= self.limit or (bool(self.events) and self.bytes + size > PAGE_BYTES)
        return (wanted and too_long) or self.scanned >= SCANNED_EVENTS or self.scanned_bytes >= SCANNED_BYTES


class Reading:
    """The operations that read events."""

    def __init__(self, store: LogStore, streams: Streams) -> None:
        self._store = store
        self._streams = streams

    async def get(self, call: Call, members: Members) -> Members:
        """GetLogEvents. Events come in ascending order, also when the page was found backward."""
        group, stream = asked_group(call.world, members), members["logStreamName"]
        await self._streams.require(call, group, stream)
        direction, cursor = _direction(members, tokens.parse_cursor)
        asked = _Range(
            group, [stream], None, members.get("startTime"), members.get("endTime"), direction == "b", cursor
        )
        page = await self._page(call, asked, _everything, members)
        events = page.events[::-1] if asked.descending else page.events
        return {"events": [_stream_event(event) for event in events], **_neighbours(events, direction, cursor)}

    async def filter(self, call: Call, members: Members) -> Members:
        """FilterLogEvents over a group, some of its streams, or those with a prefix; `endTime` is included."""
        if members.get("logStreamNames") and members.get("logStreamNamePrefix"):
            raise invalid("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.")
        group = asked_group(call.world, members)
        matches = compile_pattern(members.get("filterPattern", ""))
        await self._streams.require_group(call, group)
        direction, cursor = _direction({"startFromHead": True, **members}, tokens.parse_filter_place)
        end_ms = members.get("endTime")
        asked = _Range(
            group,
            members.get("logStreamNames"),
            members.get("logStreamNamePrefix"),
            members.get("startTime"),
            None if end_ms is None else end_ms + 1,
            direction == "b",
            cursor,
        )
        page = await self._page(call, asked, matches, members)
        answer: dict[str, Any] = {"events": [_group_event(event) for event in page.events], "searchedLogStreams": []}
        if page.full and page.last is not None:
            answer["nextToken"] = tokens.render("filter", direction, *page.last)
        return answer

    async def _page(self, call: Call, asked: _Range, matches: Match, members: Members) -> _Page:
        page = _Page(members.get("limit", PAGE_EVENTS))
        size = min(SLICE, page.limit + 1)
        cursor = asked.cursor
        while True:
            found = await self._slice(call, asked, cursor, size)
            if not all(page.offer(event, matches) for event in found) or len(found) < size:
                return page
            cursor = page.last

    async def _slice(self, call: Call, asked: _Range, cursor: Cursor | None, size: int) -> Sequence[LogEvent]:
        return await self._store.events(
            call.world,
            asked.group,
            asked.streams,
            asked.stream_prefix,
            asked.start_ms,
            asked.end_ms,
            None if asked.descending else cursor,
            cursor if asked.descending else None,
            asked.descending,
            size,
        )


def _everything(message: str) -> bool:
    return True


def _direction(members: Members, parse: Callable[[str], tuple[str, Cursor]]) -> tuple[str, Cursor | None]:
    """A token decides the direction; without one, `startFromHead` does."""
    token = members.get("nextToken")
    if token is not None:
        return parse(token)
    return ("f" if members.get("startFromHead") else "b"), None


def _neighbours(events: Sequence[LogEvent], direction: str, cursor: Cursor | None) -> dict[str, str]:
    """Both tokens: after the last event, before the first. Of an empty page: the token that was given comes back, and the
    other one turns round in that place, so that the event it was made of is met again."""
    if events:
        before, after = (events[0].timestamp_ms, events[0].id), (events[-1].timestamp_ms, events[-1].id)
    elif cursor is None:
        before, after = (0, 0), (0, 0)
    elif direction == "f":
        before, after = (cursor[0], cursor[1] + 1), cursor
    else:
        before, after = cursor, (cursor[0], cursor[1] - 1)
    return {
        "nextForwardToken": tokens.render_cursor("f", after),
        "nextBackwardToken": tokens.render_cursor("b", before),
    }


def _stream_event(event: LogEvent) -> dict[str, Any]:
    return {"timestamp": event.timestamp_ms, "message": event.message, "ingestionTime": event.ingestion_ms}


def _group_event(event: LogEvent) -> dict[str, Any]:
    return {"logStreamName": event.stream, **_stream_event(event), "eventId": f"{event.id:056d}"}
