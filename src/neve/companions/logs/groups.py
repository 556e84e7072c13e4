"""Log groups: create, delete, describe, retention, tags."""

from collections.abc import Mapping, Sequence
from typing import Any

from neve.clock import Clock
from neve.companions.logs import tokens
from neve.companions.logs.faults import exists, invalid, no_group
from neve.companions.logs.names import group_arn, named_by
from neve.domain.call import Call
from neve.storage.store import LogGroup, LogStore

PAGE = 50
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""The values that PutRetentionPolicy takes."""

Members = Mapping[str, Any]


class Groups:
    """The operations on log groups."""

    def __init__(self, store: LogStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, call: Call, members: Members) -> Members:
        """CreateLogGroup. Class, key and tags are accepted and mean nothing here."""
        name = members["logGroupName"]
        if name.lower().startswith("aws/"):
            raise invalid("Log groups starting with AWS/ are reserved for AWS.")
        if not await self._store.create_group(LogGroup(call.world, name, int(self._clock.now_ms()))):
            raise exists("log group")
        return {}

    async def delete(self, call: Call, members: Members) -> Members:
        """DeleteLogGroup."""
        if not await self._store.delete_group(call.world, members["logGroupName"]):
            raise no_group()
        return {}

    async def describe(self, call: Call, members: Members) -> Members:
        """DescribeLogGroups: by prefix, by a part of the name, or those that are named."""
        if members.get("logGroupNamePrefix") and members.get("logGroupNamePattern"):
            raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        if members.get("logGroupIdentifiers"):
            return {"logGroups": [_described(group) for group in await self._named(call, members)]}
        limit = members.get("limit", PAGE)
        found = await self._store.groups(
            call.world,
            members.get("logGroupNamePrefix", ""),
            members.get("logGroupNamePattern", ""),
            tokens.parse_name("groups", members.get("nextToken")),
            limit + 1,
        )
        render = _sketched if members.get("logGroupNamePattern") else _described
        answer: dict[str, Any] = {"logGroups": [render(group) for group in found[:limit]]}
        if len(found) > limit:
            answer["nextToken"] = tokens.render("groups", found[limit - 1].name)
        return answer

    async def put_retention(self, call: Call, members: Members) -> Members:
        """PutRetentionPolicy."""
        days = members["retentionInDays"]
        if days not in RETENTION_DAYS:
            allowed = ", ".join(map(str, RETENTION_DAYS))
            raise invalid(
                f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
                f"Member must satisfy enum value set: [{allowed}]"
            )
        return await self._set_retention(call, members["logGroupName"], days)

    async def delete_retention(self, call: Call, members: Members) -> Members:
        """DeleteRetentionPolicy: keep for ever."""
        return await self._set_retention(call, members["logGroupName"], None)

    async def tags(self, call: Call, members: Members) -> Members:
        """ListTagsForResource: groups have no tags here."""
        if await self._store.group(call.world, named_by(call.world, members["resourceArn"])) is None:
            raise no_group()
        return {"tags": {}}

    async def _set_retention(self, call: Call, name: str, days: int | None) -> Members:
        if not await self._store.set_retention(call.world, name, days):
            raise no_group()
        return {}

    async def _named(self, call: Call, members: Members) -> Sequence[LogGroup]:
        names = sorted({named_by(call.world, identifier) for identifier in members["logGroupIdentifiers"]})
        found = [await self._store.group(call.world, name) for name in names]
        return [group for group in found if group is not None]


def _described(group: LogGroup) -> dict[str, Any]:
    described = _sketched(group) | {
        "metricFilterCount": 0,
        "storedBytes": group.stored_bytes,
        "logGroupClass": "STANDARD",
        "logGroupArn": group_arn(group.world, group.name),
    }
    if group.retention_days is not None:
        described["retentionInDays"] = group.retention_days
    return described


def _sketched(group: LogGroup) -> dict[str, Any]:
    """All that a search by a part of the name returns (DescribeLogGroups, `logGroupNamePattern`)."""
    return {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "arn": f"{group_arn(group.world, group.name)}:*",
    }
