"""Platform records as log events of the JSON format, filtered by the system log level. Source: lifecycle facts §8."""

import functools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from neve.domain import record as kinds
from neve.domain.record import Record

_LEVELS = ("DEBUG", "INFO", "WARN")


def _init_start(members: Mapping[str, Any]) -> str:
    return "INFO" if "runtimeVersion" in members else "DEBUG"


def _init_report(members: Mapping[str, Any]) -> str:
    return _fixed("DEBUG" if members["initializationType"] == "on-demand" else "INFO")(members)


def _fixed(level: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda members: level if members.get("status", "success") == "success" else "WARN"


# The level of each system record when it tells a success; failures are WARN.
_LEVEL_OF: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    kinds.INIT_START: _init_start,
    kinds.INIT_RUNTIME_DONE: _fixed("DEBUG"),
    kinds.INIT_REPORT: _init_report,
    kinds.PLATFORM_EXTENSION: lambda members: "WARN" if "errorType" in members else "INFO",
    kinds.TELEMETRY_SUBSCRIPTION: _fixed("INFO"),
    kinds.LOGS_SUBSCRIPTION: _fixed("INFO"),
    kinds.LOGS_DROPPED: _fixed("WARN"),
    kinds.START: _fixed("INFO"),
    kinds.RUNTIME_DONE: _fixed("DEBUG"),
    kinds.REPORT: _fixed("INFO"),
}


def json_line(record: Record) -> str | None:
    """The log event, or None for a record that is filtered out or is none of the service's."""
    if record.type in kinds.PRINTED:
        text: str = record.record["text"]
        return text
    level_of = _LEVEL_OF.get(record.type)
    if level_of is None or _LEVELS.index(level_of(record.record)) < _LEVELS.index(record.origin.system_log_level):
        return None
    event = {"time": iso_time(record.time_ms), "type": record.type, "record": record.record}
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def iso_time(time_ms: float) -> str:
    """`2026-10-02T10:00:00.123Z`."""
    seconds, milliseconds = divmod(int(time_ms), 1000)
    return f"{_iso_seconds(seconds)}.{milliseconds:03d}Z"


@functools.lru_cache(maxsize=16)
def _iso_seconds(seconds: int) -> str:
    """Every record has a few times, and most of them lie in the same second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
