"""Log streams: create, delete, describe."""

from collections.abc import Mapping
from typing import Any

from neve.clock import Clock
from neve.companions.logs import tokens
from neve.companions.logs.faults import exists, invalid, no_group, no_stream
from neve.companions.logs.names import asked_group, stream_arn
from neve.domain.call import Call
from neve.storage.store import LogStore, LogStream

PAGE = 50
SEQUENCE_TOKEN = f"{1:056d}"
"""Ignored by the service since 2023; old clients want to see one."""

Members = Mapping[str, Any]


class Streams:
    """The operations on log streams."""

    def __init__(self, store: LogStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, call: Call, members: Members) -> Members:
        """CreateLogStream. The store says ResourceNotFound when the group is not there."""
        stream = LogStream(call.world, members["logGroupName"], members["logStreamName"], int(self._clock.now_ms()))
        if not await self._store.create_stream(stream):
            raise exists("log stream")
        return {}

    async def delete(self, call: Call, members: Members) -> Members:
        """DeleteLogStream."""
        group, name = members["logGroupName"], members["logStreamName"]
        if not await self._store.delete_stream(call.world, group, name):
            await self.require_group(call, group)
            raise no_stream()
        return {}

    async def describe(self, call: Call, members: Members) -> Members:
        """DescribeLogStreams, by name or by last event."""
        group = asked_group(call.world, members)
        prefix = members.get("logStreamNamePrefix", "")
        by_last_event = members.get("orderBy") == "LastEventTime"
        if by_last_event and prefix:
            raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        await self.require_group(call, group)
        offset, limit = tokens.parse_offset("streams", members.get("nextToken")), members.get("limit", PAGE)
        found = await self._store.streams(
            call.world, group, prefix, by_last_event, bool(members.get("descending")), offset, limit + 1
        )
        answer: dict[str, Any] = {"logStreams": [_described(stream) for stream in found[:limit]]}
        if len(found) > limit:
            answer["nextToken"] = tokens.render("streams", offset + limit)
        return answer

    async def require_group(self, call: Call, group: str) -> None:
        """ResourceNotFound when it is not there."""
        if await self._store.group(call.world, group) is None:
            raise no_group()

    async def require(self, call: Call, group: str, name: str) -> None:
        """ResourceNotFound that says whether the group or the stream is not there."""
        if await self._store.stream(call.world, group, name) is None:
            await self.require_group(call, group)
            raise no_stream()


def _described(stream: LogStream) -> dict[str, Any]:
    times = {
        "firstEventTimestamp": stream.first_event_ms,
        "lastEventTimestamp": stream.last_event_ms,
        "lastIngestionTime": stream.last_ingestion_ms,
    }
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        **{name: value for name, value in times.items() if value is not None},
        "uploadSequenceToken": SEQUENCE_TOKEN,
        "arn": stream_arn(stream.world, stream.group, stream.name),
        "storedBytes": 0,  # no longer counted for streams since 2019, says the service model
    }
