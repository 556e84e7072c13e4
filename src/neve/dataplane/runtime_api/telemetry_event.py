"""Records of the stream as events of the Telemetry and Logs APIs. Source: lifecycle facts §8."""

import json
from collections.abc import Mapping
from typing import Any

from neve.dataplane.runtime_api.http import as_json
from neve.dataplane.runtime_api.subscription import TYPES, Api, Subscription
from neve.domain import record as kinds
from neve.domain.record import Record
from neve.domain.system_log import iso_time

_LOGGED = ("function", "extension")
_INIT = (kinds.INIT_START, kinds.INIT_RUNTIME_DONE, kinds.INIT_REPORT)
_FIRST_LOGS_SCHEMA = "2020-08-15"


def render_events(record: Record, subscription: Subscription) -> list[bytes]:
    """The events that the subscriber gets for this record: none, one, or (END, which we have no record for) two."""
    category = record.type.partition(".")[0]
    if category not in TYPES or category not in subscription.types:
        return []
    if subscription.api is Api.LOGS:
        return _logs_events(record, subscription.schema)
    return [render_event(record.time_ms, record.type, _telemetry_members(record))]


def render_event(time_ms: float, kind: str, members: Any) -> bytes:
    """`{"time","type","record"}`."""
    return as_json({"time": iso_time(time_ms), "type": kind, "record": members})


def _telemetry_members(record: Record) -> Any:
    if record.type not in _LOGGED:
        return record.record
    text = record.record["text"]
    return _json_object(text) if record.origin.log_format == "JSON" else text


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


def _logs_events(record: Record, schema: str) -> list[bytes]:
    """The older API knows no init events, an END of its own, and fewer members."""
    members: Mapping[str, Any] = record.record
    if record.type in _LOGGED:
        return [render_event(record.time_ms, record.type, members["text"])]
    if record.type in _INIT or (record.type == kinds.RUNTIME_DONE and schema == _FIRST_LOGS_SCHEMA):
        return []
    if record.type == kinds.RUNTIME_DONE:
        return [_picked(record, record.type, "requestId", "status")]
    if record.type == kinds.START:
        return [_picked(record, record.type, "requestId", "version")]
    if record.type == kinds.REPORT:
        return [_picked(record, "platform.end", "requestId"), _picked(record, record.type, "requestId", "metrics")]
    return [render_event(record.time_ms, record.type, members)]


def _picked(record: Record, kind: str, *names: str) -> bytes:
    return render_event(record.time_ms, kind, {name: record.record[name] for name in names if name in record.record})
