"""Platform lines compared as text with the facts."""

from collections.abc import Mapping
from typing import Any

import pytest

from neve.domain import record as kinds
from neve.domain.platform_lines import text_line
from neve.domain.record import Origin, Record
from neve.domain.system_log import json_line
from neve.domain.world import World

ID = "8f5c1d5e-0a52-4ff8-a9ab-7c1b5d1e2f3a"
METRICS = {"durationMs": 2.49, "billedDurationMs": 101, "memorySizeMB": 128, "maxMemoryUsedMB": 64}
NOT_TRACED = {"type": "X-Amzn-Trace-Id", "value": "Root=1-677faf89-09a6b95269c6e56c4d1ab356;Sampled=1"}
TRACED = {"spanId": "7e44b09386b9ab35", **NOT_TRACED}
XRAY = "\nXRAY TraceId: 1-677faf89-09a6b95269c6e56c4d1ab356\tSegmentId: 7e44b09386b9ab35\tSampled: true\t"
INIT = {"durationMs": 97.63}
WARM = (
    f"REPORT RequestId: {ID}\tDuration: 2.49 ms\tBilled Duration: 101 ms\tMemory Size: 128 MB\tMax Memory Used: 64 MB\t"
)


def record(kind: str, members: Mapping[str, Any], system_level: str = "INFO") -> Record:
    origin = Origin(World(), "f", "$LATEST", "e", "/aws/lambda/f", "s", system_log_level=system_level)
    return Record(kind, 1_790_935_200_123.0, origin, ID, members)


@pytest.mark.parametrize(
    ("kind", "members", "line"),
    [
        (kinds.START, {"requestId": ID, "version": "$LATEST"}, f"START RequestId: {ID} Version: $LATEST"),
        (kinds.RUNTIME_DONE, {"requestId": ID, "status": "success"}, None),
        (kinds.END, {"requestId": ID}, f"END RequestId: {ID}"),
        (kinds.REPORT, {"requestId": ID, "status": "success", "metrics": METRICS}, WARM),
        (
            kinds.REPORT,
            {"requestId": ID, "status": "success", "metrics": METRICS | {"initDurationMs": 97.63}},
            WARM + "Init Duration: 97.63 ms\t",
        ),
        (
            kinds.REPORT,
            {"requestId": ID, "status": "timeout", "errorType": "Sandbox.Timedout", "metrics": METRICS},
            WARM + "Status: timeout",
        ),
        (
            kinds.REPORT,
            {"requestId": ID, "status": "error", "errorType": "Runtime.ExitError", "metrics": METRICS},
            WARM + "Status: error\tError Type: Runtime.ExitError",
        ),
        (
            kinds.REPORT,
            {"requestId": ID, "status": "failure", "errorType": "Function.Unknown", "metrics": METRICS},
            WARM,
        ),
        (
            kinds.REPORT,
            {"requestId": ID, "status": "success", "metrics": METRICS, "tracing": TRACED},
            WARM + XRAY,
        ),
        (
            kinds.REPORT,
            {"requestId": ID, "status": "timeout", "metrics": METRICS, "tracing": TRACED},
            WARM + "Status: timeout" + XRAY,
        ),
        (
            kinds.REPORT,
            {"requestId": ID, "status": "success", "metrics": METRICS, "tracing": NOT_TRACED},
            WARM,
        ),
        (
            kinds.INIT_START,
            {"runtimeVersion": "nodejs:22.v1", "runtimeVersionArn": "arn:aws:lambda:us-east-1::runtime:00"},
            "INIT_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:00",
        ),
        (kinds.INIT_REPORT, {"phase": "init", "status": "success", "metrics": {"durationMs": 5.0}}, None),
        (
            kinds.INIT_REPORT,
            {"phase": "init", "status": "timeout", "errorType": "Sandbox.Timedout", "metrics": {"durationMs": 9999.81}},
            "INIT_REPORT Init Duration: 9999.81 ms\tPhase: init\tStatus: timeout",
        ),
        (
            kinds.INIT_REPORT,
            {"phase": "invoke", "status": "error", "errorType": "Extension.Crash", "metrics": {"durationMs": 1236.04}},
            "INIT_REPORT Init Duration: 1236.04 ms\tPhase: invoke\tStatus: error\tError Type: Extension.Crash",
        ),
        (
            kinds.INIT_REPORT,
            {"phase": "init", "status": "success", "initializationType": "provisioned-concurrency", "metrics": INIT},
            "INIT_REPORT Init Duration: 97.63 ms\tPhase: init\tStatus: success",
        ),
        (
            kinds.PLATFORM_EXTENSION,
            {"name": "lambda-adapter", "state": "Ready", "events": []},
            "EXTENSION\tName: lambda-adapter\tState: Ready\tEvents: []",
        ),
        (
            kinds.PLATFORM_EXTENSION,
            {"name": "agent", "state": "Ready", "events": ["SHUTDOWN", "INVOKE"]},
            "EXTENSION\tName: agent\tState: Ready\tEvents: [SHUTDOWN, INVOKE]",
        ),
        (
            kinds.PLATFORM_EXTENSION,
            {"name": "agent", "state": "LaunchError", "events": [], "errorType": "PermissionDenied"},
            "EXTENSION\tName: agent\tState: LaunchError\tEvents: []\tError Type: PermissionDenied",
        ),
        (
            kinds.TELEMETRY_SUBSCRIPTION,
            {"name": "datadog-agent", "state": "Subscribed", "types": ["platform", "function", "extension"]},
            "TELEMETRY\tName: datadog-agent\tState: Subscribed\tTypes: [Platform, Function, Extension]",
        ),
        (
            kinds.LOGS_SUBSCRIPTION,
            {"name": "agent", "state": "Subscribed", "types": ["platform"]},
            "LOGS\tName: agent\tState: Subscribed\tTypes: [Platform]",
        ),
        (kinds.LOGS_DROPPED, {"reason": "x", "droppedRecords": 1, "droppedBytes": 2}, None),
        (kinds.FAULT, {"text": "RequestId: x Error: y"}, None),
        (kinds.FREEZE, {}, None),
        (kinds.EXTENSION, {"text": "an agent says hello", "level": None}, "an agent says hello"),
        (kinds.FUNCTION, {"text": "hello", "level": None}, "hello"),
    ],
)
def test_text_line(kind: str, members: Mapping[str, Any], line: str | None) -> None:
    assert text_line(record(kind, members)) == line


def test_json_line_is_an_event_of_the_telemetry_schema() -> None:
    line = json_line(record(kinds.START, {"requestId": ID, "version": "1"}))
    assert line == (
        '{"time":"2026-10-02T10:00:00.123Z","type":"platform.start","record":{"requestId":"' + ID + '","version":"1"}}'
    )


SUCCESS = {"status": "success"}
FAILED = {"status": "error"}
ON_DEMAND = {"initializationType": "on-demand"}
AHEAD = {"initializationType": "provisioned-concurrency"}


@pytest.mark.parametrize(
    ("kind", "members", "level"),
    [
        (kinds.INIT_START, {"runtimeVersion": "nodejs:24"}, "INFO"),
        (kinds.INIT_START, {}, "DEBUG"),
        (kinds.INIT_RUNTIME_DONE, SUCCESS, "DEBUG"),
        (kinds.INIT_RUNTIME_DONE, FAILED, "WARN"),
        (kinds.INIT_REPORT, SUCCESS | ON_DEMAND, "DEBUG"),
        (kinds.INIT_REPORT, SUCCESS | AHEAD, "INFO"),
        (kinds.INIT_REPORT, FAILED | ON_DEMAND, "WARN"),
        (kinds.START, {}, "INFO"),
        (kinds.RUNTIME_DONE, SUCCESS, "DEBUG"),
        (kinds.RUNTIME_DONE, {"status": "failure"}, "WARN"),
        (kinds.REPORT, SUCCESS, "INFO"),
        (kinds.REPORT, {"status": "timeout"}, "WARN"),
        (kinds.PLATFORM_EXTENSION, {"state": "Ready"}, "INFO"),
        (kinds.PLATFORM_EXTENSION, {"state": "ExitError", "errorType": "Extension.Crash"}, "WARN"),
        (kinds.TELEMETRY_SUBSCRIPTION, {}, "INFO"),
        (kinds.LOGS_SUBSCRIPTION, {}, "INFO"),
        (kinds.LOGS_DROPPED, {}, "WARN"),
        (kinds.END, {}, None),
        (kinds.FAULT, {}, None),
        (kinds.FREEZE, {}, None),
    ],
)
def test_json_lines_are_filtered_by_the_system_log_level(
    kind: str, members: Mapping[str, Any], level: str | None
) -> None:
    levels = ("DEBUG", "INFO", "WARN")
    kept = [each for each in levels if json_line(record(kind, members, each)) is not None]
    assert kept == ([] if level is None else list(levels[: levels.index(level) + 1]))


@pytest.mark.parametrize("kind", [kinds.FUNCTION, kinds.EXTENSION])
def test_what_is_printed_is_not_filtered_by_the_system_log_level(kind: str) -> None:
    assert json_line(record(kind, {"text": "hello", "level": None}, "WARN")) == "hello"
