"""What a log group holds in both formats, at each level, in both runtimes. Source: lifecycle facts §7, §8."""

import json
import re
from typing import Any

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed

RUNTIMES = pytest.mark.parametrize("runtime", ["nodejs24.x", "python3.11"])
APPLICATION_LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
PYTHON_NAMES = {"WARNING": "WARN", "CRITICAL": "FATAL"}


# Callers of these tests ask for the tail: then the answer comes after the report, and everything is in the log.


def in_json(application: str = "INFO", system: str = "INFO") -> dict[str, Any]:
    return {"LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": application, "SystemLogLevel": system}}


def events(function: Deployed) -> list[dict[str, Any]]:
    """Every event of the log group; with the JSON format each is an object."""
    return [json.loads(line) for line in function.log_lines()]


def system_types(function: Deployed) -> list[str]:
    return [each["type"] for each in events(function) if "type" in each]


def application_levels(function: Deployed) -> list[str]:
    """What the function itself logged, in the levels of LoggingConfig."""
    levels = [each["level"] for each in events(function) if str(each.get("message", "")).startswith("a ")]
    return [PYTHON_NAMES.get(level, level) for level in levels]


@RUNTIMES
def test_json_events_are_those_of_the_telemetry_schema(deployed: Deploy, runtime: str) -> None:
    function = deployed("f-levels", runtime, **in_json(system="DEBUG"))
    request_id = function.invoke(tail=True).request_id
    system = {each["type"]: each["record"] for each in events(function) if "type" in each}
    assert list(system) == [
        *("platform.initStart", "platform.initRuntimeDone", "platform.initReport"),
        *("platform.start", "platform.runtimeDone", "platform.report"),
    ]
    start, runtime_done, init_report, begun, done, report = system.values()
    assert start.keys() == {
        *("initializationType", "phase", "runtimeVersion", "runtimeVersionArn"),
        *("functionName", "functionVersion", "instanceId", "instanceMaxMemory"),
    }
    assert runtime_done == {"initializationType": "on-demand", "phase": "init", "status": "success"}
    assert init_report.keys() == {*runtime_done, "metrics"}
    assert begun.keys() == {"requestId", "functionArn", "version", "tracing"}
    assert done.keys() == {"requestId", "status", "metrics", "spans", "tracing"}
    assert report.keys() == {"requestId", "status", "metrics", "tracing"}
    assert {each["requestId"] for each in (begun, done, report)} == {request_id}
    assert list(report["metrics"]) == [
        *("durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"),
    ]


@RUNTIMES
@pytest.mark.parametrize("level", ["TRACE", "INFO", "WARN", "FATAL"])
def test_lines_of_the_function_are_filtered_by_the_application_level(
    deployed: Deploy, runtime: str, level: str
) -> None:
    function = deployed("f-levels", runtime, **in_json(application=level))
    assert function.invoke(tail=True).error is None
    wanted = APPLICATION_LEVELS[APPLICATION_LEVELS.index(level) :]
    if runtime.startswith("python"):
        wanted = [each for each in wanted if each != "TRACE"]  # its logging knows none
    assert application_levels(function) == wanted
    assert system_types(function) == ["platform.initStart", "platform.start", "platform.report"]


@pytest.mark.parametrize(
    ("how", "status", "error_type"),
    [
        ("throw", "failure", "Runtime.Unknown"),
        ("exit", "error", "Runtime.ExitError"),
        ("hang", "timeout", None),
    ],
)
def test_at_level_warn_only_what_failed_is_told(
    deployed: Deploy, how: str, status: str, error_type: str | None
) -> None:
    function = deployed("f-levels", "nodejs24.x", timeout_s=1, **in_json("FATAL", "WARN"))
    assert function.invoke(tail=True).error is None
    assert system_types(function) == []
    assert function.invoke({"how": how}, tail=True).error == "Unhandled"
    failed = [each for each in events(function) if "type" in each]
    assert [each["type"] for each in failed] == ["platform.runtimeDone", "platform.report"]
    for each in failed:
        assert (each["record"]["status"], each["record"].get("errorType")) == (status, error_type)


def test_a_failed_init_is_told_at_level_warn(deployed: Deploy) -> None:
    function = deployed({"index.mjs": "throw new Error('on purpose')"}, **in_json("FATAL", "WARN"))
    assert function.invoke(tail=True).error == "Unhandled"
    system = [each for each in events(function) if "type" in each]
    assert [(each["type"], each["record"].get("phase"), each["record"]["status"]) for each in system] == [
        ("platform.initRuntimeDone", "init", "error"),
        ("platform.initReport", "init", "error"),
        ("platform.initRuntimeDone", "invoke", "error"),
        ("platform.initReport", "invoke", "error"),
        ("platform.runtimeDone", None, "error"),
        ("platform.report", None, "error"),
    ]


def test_a_python_import_error_reads_as_on_the_service(deployed: Deploy) -> None:
    function = deployed({"index.py": "import nothing_of_this_name"}, "python3.11")
    request_id = function.invoke(tail=True).request_id
    lines = function.log_lines()
    failed = "Error Type: Runtime.ImportModuleError"
    assert [re.sub(r"\d+\.\d\d ms", "N ms", line) for line in lines if line.startswith(("INIT", "START", "END"))] == [
        next(line for line in lines if line.startswith("INIT_START")),
        f"INIT_REPORT Init Duration: N ms\tPhase: init\tStatus: error\t{failed}",
        f"INIT_REPORT Init Duration: N ms\tPhase: invoke\tStatus: error\t{failed}",
        f"START RequestId: {request_id} Version: $LATEST",
        f"END RequestId: {request_id}",
    ]
    assert lines[-1].endswith(f"\tStatus: error\t{failed}")
    assert sum(line.startswith("[ERROR] Runtime.ImportModuleError: Unable to import module") for line in lines) == 2


# X-Ray


def traced(function: Deployed, header: str | None = None) -> tuple[dict[str, str], list[str]]:
    """The members of the trace header that the function had, and the lines of its REPORT."""
    client = function.server.client("lambda")
    names = "before-call.lambda.Invoke"

    def add_header(params: dict[str, Any], **_: object) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = header

    if header is not None:
        client.meta.events.register(names, add_header)
    try:
        answer = function.invoke(tail=True)
    finally:
        if header is not None:
            client.meta.events.unregister(names, add_header)
    assert answer.log is not None
    return dict(each.split("=", 1) for each in answer.value.split(";")), answer.log.split("REPORT ")[1].split("\n")


@RUNTIMES
def test_an_active_function_has_a_segment_of_its_own_in_each_run(deployed: Deploy, runtime: str) -> None:
    function = deployed("f-levels", runtime, TracingConfig={"Mode": "Active"})
    segments = []
    for _ in range(2):
        members, report = traced(function)
        assert members["Sampled"] == "1"
        root, parent = members["Root"], members["Parent"]
        assert report[1:] == [f"XRAY TraceId: {root}\tSegmentId: {parent}\tSampled: true\t", ""]
        segments.append((root, parent))
    assert len({root for root, _ in segments}) == len({parent for _, parent in segments}) == 2
    assert sum("XRAY" in line for line in function.log_lines()) == 2  # one event with REPORT


ROOT = "1-677faf89-09a6b95269c6e56c4d1ab356"
PARENT = "53995c3f42cd8ad8"


@pytest.mark.parametrize(
    ("mode", "header", "parent", "sampled"),
    [
        ("Active", f"Root={ROOT};Parent={PARENT};Sampled=1", None, "1"),
        ("Active", f"Root={ROOT};Parent={PARENT};Sampled=0", PARENT, "0"),
        ("PassThrough", f"Root={ROOT};Parent={PARENT};Sampled=1", PARENT, "1"),
    ],
)
def test_the_caller_decides_what_is_sampled(
    deployed: Deploy, mode: str, header: str, parent: str | None, sampled: str
) -> None:
    function = deployed("f-levels", "nodejs24.x", TracingConfig={"Mode": mode})
    members, report = traced(function, header)
    assert (members["Root"], members["Sampled"]) == (ROOT, sampled)
    if parent is not None:
        assert members["Parent"] == parent
    assert report[1].startswith(f"XRAY TraceId: {ROOT}\tSegmentId: {members['Parent']}") == (parent is None)


def test_records_name_the_segment(deployed: Deploy) -> None:
    function = deployed("f-levels", "nodejs24.x", TracingConfig={"Mode": "Active"}, **in_json(system="DEBUG"))
    parent = function.invoke(tail=True).value.split("Parent=")[1].split(";")[0]
    tracing = [each["record"]["tracing"] for each in events(function) if "tracing" in each.get("record", ())]
    assert [each["spanId"] for each in tracing] == [parent] * 3
    assert all(f"Parent={parent}" in each["value"] and each["type"] == "X-Amzn-Trace-Id" for each in tracing)
