"""Records of the stream as events of the Telemetry and Logs APIs. Source: lifecycle facts §8."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from neve.dataplane.runtime_api.http import as_json
from neve.dataplane.runtime_api.subscription import TYPES, Api, Subscription
from neve.domain import record as kinds
from neve.domain.record import Record
from neve.domain.system_log import iso_time

# What each API does not know. Of dropped events only those hear that missed them: their outbox tells.
_NOT_TELEMETRY = {kinds.END, kinds.FAULT, kinds.LOGS_SUBSCRIPTION, kinds.LOGS_DROPPED}
_NOT_LOGS = {
    *(kinds.INIT_START, kinds.INIT_RUNTIME_DONE, kinds.INIT_REPORT),
    *(kinds.TELEMETRY_SUBSCRIPTION, kinds.LOGS_DROPPED),
}
# The older API has fewer members.
_LOGS_MEMBERS: Mapping[str, Sequence[str]] = {
    kinds.START: ("requestId", "version"),
    kinds.RUNTIME_DONE: ("requestId", "status"),
    kinds.REPORT: ("requestId", "metrics"),
}
_WITHOUT_RUNTIME_DONE = "2020-08-15"
_WITHOUT_JSON_LINES = "2022-07-01"


def render_event_for(record: Record, subscription: Subscription) -> bytes | None:
    """The event that the subscriber gets for this record, or None."""
    category = record.type.partition(".")[0]
    if category not in TYPES or category not in subscription.types:
        return None
    if subscription.api is Api.LOGS:
        return _logs_event(record, subscription.schema)
    if record.type in _NOT_TELEMETRY:
        return None
    return render_event(record.time_ms, record.type, _telemetry_members(record, subscription.schema))


def render_event(time_ms: float, kind: str, members: Any) -> bytes:
    """`{"time","type","record"}`."""
    return as_json({"time": iso_time(time_ms), "type": kind, "record": members})


def _telemetry_members(record: Record, schema: str) -> Any:
    if record.type not in kinds.PRINTED:
        return record.record
    text = record.record["text"]
    whole = record.origin.log_format == "JSON" and schema != _WITHOUT_JSON_LINES
    return _json_object(text) if whole else text


def _json_object(text: str) -> Any:
    """With the JSON log format a line that is an object is sent as one; what else was printed stays a string."""
    if not text.startswith("{"):
        return text
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and its like are Python's idea of JSON


def _logs_event(record: Record, schema: str) -> bytes | None:
    if record.type in _NOT_LOGS or (record.type == kinds.RUNTIME_DONE and schema == _WITHOUT_RUNTIME_DONE):
        return None
    members: Any = record.record
    if record.type in (*kinds.PRINTED, kinds.FAULT):
        members = members["text"]
    elif record.type in _LOGS_MEMBERS:
        members = {name: members[name] for name in _LOGS_MEMBERS[record.type] if name in members}
    return render_event(record.time_ms, record.type, members)
