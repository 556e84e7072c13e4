"""What the leak watch has found, under `/_neve/leaks` (docs/leaks.md)."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from neve.domain.diagnosis import Diagnosis, Waiting
from neve.domain.errors import InvalidParameterValue
from neve.domain.leak import Leak, LeftOverLine, Source
from neve.domain.leak_groups import LeakGroup, by_line
from neve.domain.world import World


class LeakReports(Protocol):
    """Who knows the leaks."""

    async def leaks(self, function_name: str | None) -> Sequence[Leak]:
        """The newest first."""

    async def diagnoses(self, function_name: str | None) -> Sequence[Diagnosis]:
        """The newest first."""

    async def lines(self, function_name: str, since_ms: int) -> Sequence[LeftOverLine]:
        """In the order of time."""


async def look(reports: LeakReports, query: Mapping[str, str]) -> dict[str, Any]:
    """`?function=NAME`, else of all functions: each leak, those of the init phase apart, groups by line, timeouts."""
    name = query.get("function")
    found = [leak for leak in await reports.leaks(name) if _is_meant(leak.world, query)]
    leaks = [leak for leak in found if leak.origin is not None]
    return {
        "leaks": [_leak(leak) for leak in leaks],
        "init": [_leak(leak) for leak in found if leak.origin is None],
        "groups": [_group(group) for group in by_line(leaks)],
        "timeouts": [_diagnosis(each) for each in await reports.diagnoses(name) if _is_meant(each.world, query)],
    }


async def lines(reports: LeakReports, query: Mapping[str, str]) -> dict[str, Any]:
    """`?function=NAME&since=MS`: the log events that left-over work wrote into other invocations' logs."""
    name, since = query.get("function"), query.get("since", "0")
    if name is None or not since.isdigit():
        raise InvalidParameterValue("Ask for ?function=NAME&since=MS, in Unix milliseconds.")
    found = await reports.lines(name, min(int(since), 2**62))
    return {"lines": [_line(line) for line in found if _is_meant(line.world, query)]}


def _is_meant(world: World, query: Mapping[str, str]) -> bool:
    return query.get("account") in (None, world.account)


def _leak(leak: Leak) -> dict[str, Any]:
    return {
        "id": leak.id,
        "kind": leak.kind,
        "description": leak.description,
        "count": leak.count,
        "source": _source(leak.source),
        "stack": list(leak.stack),
        "origin": leak.origin,
        "seenIn": list(leak.seen_in),
        "fate": leak.fate.value if leak.origin is not None else None,
        "finished": leak.finished,
        "failed": leak.failed,
        "error": leak.error,
        "fatal": leak.fatal if leak.error is not None else None,
        "function": leak.function_name,
        "version": leak.version,
        "account": leak.world.account,
        "region": leak.world.region,
        "environment": leak.environment_id,
        "at": int(leak.at_ms),
    }


def _group(group: LeakGroup) -> dict[str, Any]:
    return {
        "function": group.function_name,
        "account": group.world.account,
        "region": group.world.region,
        "kind": group.kind,
        "source": _source(group.source),
        "count": group.count,
        "fates": {fate.value: count for fate, count in group.fates.items()},
        "first": int(group.first_ms),
        "last": int(group.last_ms),
        "example": _leak(group.example),
    }


def _diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "requestId": diagnosis.request_id,
        "timeoutSeconds": diagnosis.timeout_s,
        "answeredMs": diagnosis.answered_ms,
        "waiting": [_waiting(each) for each in diagnosis.waiting],
        "blocked": diagnosis.blocked,
        "stack": list(diagnosis.stack),
        "family": diagnosis.family,
        "function": diagnosis.function_name,
        "version": diagnosis.version,
        "account": diagnosis.world.account,
        "region": diagnosis.world.region,
        "at": int(diagnosis.at_ms),
    }


def _waiting(waiting: Waiting) -> dict[str, Any]:
    return {
        "kind": waiting.kind,
        "description": waiting.description,
        "count": waiting.count,
        "source": _source(waiting.source),
        "stack": list(waiting.stack),
        "origin": waiting.origin,
    }


def _line(line: LeftOverLine) -> dict[str, Any]:
    return {
        "time": line.time_ms,
        "sha256": line.digest,
        "leftOverFrom": line.left_over_from,
        "requestId": line.request_id,
    }


def _source(source: Source | None) -> dict[str, Any] | None:
    return None if source is None else {"file": source.file, "line": source.line, "column": source.column}
