"""The text of platform records, as log groups of the Text format hold them. Source: lifecycle facts §7."""

from collections.abc import Callable, Mapping
from typing import Any

from neve.domain import record as kinds
from neve.domain.record import Record
from neve.domain.tracing import trace_id


def text_line(record: Record) -> str | None:
    """The log event of a record, without a newline at its end; None when the record has no line in the Text format."""
    if record.type in kinds.PRINTED:
        text: str = record.record["text"]
        return text
    render = _RENDERERS.get(record.type)
    return render(record.record) if render is not None else None


def _init_start(members: Mapping[str, Any]) -> str:
    return (
        f"INIT_START Runtime Version: {members['runtimeVersion']}\tRuntime Version ARN: {members['runtimeVersionArn']}"
    )


def _init_report(members: Mapping[str, Any]) -> str | None:
    """On-demand environments report their init only when it failed; one inside an invocation is no provisioned one any more."""
    ahead = members.get("initializationType", "on-demand") != "on-demand" and members["phase"] == "init"
    if members["status"] == "success" and not ahead:
        return None
    line = f"INIT_REPORT Init Duration: {members['metrics']['durationMs']:.2f} ms\tPhase: {members['phase']}"
    return line + _status(members)


def _start(members: Mapping[str, Any]) -> str:
    return f"START RequestId: {members['requestId']} Version: {members['version']}"


def _extension(members: Mapping[str, Any]) -> str:
    line = f"EXTENSION\tName: {members['name']}\tState: {members['state']}\tEvents: [{', '.join(members['events'])}]"
    error_type = members.get("errorType")
    return f"{line}\tError Type: {error_type}" if error_type else line


def _subscription(members: Mapping[str, Any]) -> str:
    types = ", ".join(each.capitalize() for each in members["types"])
    return f"Name: {members['name']}\tState: {members['state']}\tTypes: [{types}]"


def _end(members: Mapping[str, Any]) -> str:
    return f"END RequestId: {members['requestId']}"


def _report(members: Mapping[str, Any]) -> str:
    metrics = members["metrics"]
    line = (
        f"REPORT RequestId: {members['requestId']}\tDuration: {metrics['durationMs']:.2f} ms\t"
        f"Billed Duration: {metrics['billedDurationMs']} ms\tMemory Size: {metrics['memorySizeMB']} MB\t"
        f"Max Memory Used: {metrics['maxMemoryUsedMB']} MB\t"
    )
    if "initDurationMs" in metrics:
        line += f"Init Duration: {metrics['initDurationMs']:.2f} ms\t"
    # A thrown error is reported as a success of the platform: only crashes and timeouts have a status here.
    if members["status"] in ("error", "timeout"):
        line += _status(members)[1:]
    tracing = members.get("tracing", {})
    return line + _xray(tracing) if "spanId" in tracing else line


def _xray(tracing: Mapping[str, Any]) -> str:
    """A second line of the same log event, when the function began a segment of its own."""
    return f"\nXRAY TraceId: {trace_id(tracing['value'])}\tSegmentId: {tracing['spanId']}\tSampled: true\t"


def _status(members: Mapping[str, Any]) -> str:
    status = f"\tStatus: {members['status']}"
    error_type = members.get("errorType")
    return f"{status}\tError Type: {error_type}" if error_type and members["status"] == "error" else status


_RENDERERS: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    kinds.INIT_START: _init_start,
    kinds.INIT_REPORT: _init_report,
    kinds.PLATFORM_EXTENSION: _extension,
    kinds.TELEMETRY_SUBSCRIPTION: lambda members: f"TELEMETRY\t{_subscription(members)}",
    kinds.LOGS_SUBSCRIPTION: lambda members: f"LOGS\t{_subscription(members)}",
    kinds.START: _start,
    kinds.END: _end,
    kinds.REPORT: _report,
}
