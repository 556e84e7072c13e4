"""Tells the stream what happens to one environment and its invocations, in records of the Telemetry API's schema."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from neve.dataplane.output import Line
from neve.dataplane.plan import Plan, Surroundings
from neve.dataplane.run import Run
from neve.dataplane.runtime_api.listener import Subscribed
from neve.domain import record as kinds
from neve.domain.billing import billed_ms
from neve.domain.extension import Extension
from neve.domain.invocation import InvocationResult, Status
from neve.domain.limits import MEBIBYTE
from neve.domain.record import Origin, Record
from neve.domain.system_log import iso_time


class Measured(msgspec.Struct, frozen=True):
    """What an invocation took; `init_ms` only for the first one after an init phase.

    `extensions_ms` is how much longer than the runtime the extensions took, None without any.
    """

    duration_ms: float
    init_ms: float | None
    memory_bytes: int
    extensions_ms: float | None = None


class Reporter:
    """The voice of one environment."""

    def __init__(self, origin: Origin, plan: Plan, around: Surroundings) -> None:
        self._origin = origin
        self._plan = plan
        self._around = around

    def init_started(self) -> None:
        """An init phase began; a suppressed init does not say so."""
        function = self._plan.function
        version = {
            "runtimeVersion": self._plan.runtime_version,
            "runtimeVersionArn": self._plan.runtime_version_arn,
            "functionName": function.name,
            "functionVersion": function.version,
            "instanceId": self._origin.environment_id,
            "instanceMaxMemory": function.memory_mb * MEBIBYTE,
        }
        self._tell(kinds.INIT_START, self._init("init") | version, None)

    def init_runtime_done(self, phase: str, status: str, error_type: str | None, run: Run | None) -> None:
        """The runtime asked for its first event, or failed; `phase` is `init`, or `invoke` for a suppressed init inside `run`."""
        self._tell(kinds.INIT_RUNTIME_DONE, self._init(phase) | _status(status, error_type), run)

    def init_ended(self, phase: str, status: str, error_type: str | None, duration_ms: float, run: Run | None) -> None:
        """Everybody asked for the first event, or somebody failed."""
        metrics = {"metrics": {"durationMs": round(duration_ms, 2)}}
        self._tell(kinds.INIT_REPORT, self._init(phase) | _status(status, error_type) | metrics, run)

    def extension(self, extension: Extension, run: Run | None) -> None:
        """How far an extension has come when the init phase is over, or failed."""
        members: dict[str, Any] = {"name": extension.name, "state": extension.state.value}
        members["events"] = [phase.value for phase in extension.phases]
        if extension.error_type is not None:
            members["errorType"] = extension.error_type
        self._tell(kinds.PLATFORM_EXTENSION, members, run)

    def subscribed(self, subscribed: Subscribed, run: Run | None) -> None:
        """An extension subscribed to telemetry."""
        kind = kinds.LOGS_SUBSCRIPTION if subscribed.api == "logs" else kinds.TELEMETRY_SUBSCRIPTION
        members = {"name": subscribed.extension.name, "state": "Subscribed", "types": list(subscribed.types)}
        self._tell(kind, members, run)

    def logs_dropped(self, members: Mapping[str, Any]) -> None:
        """A subscriber missed events; it was told so, if it could be."""
        self._tell(kinds.LOGS_DROPPED, members, None)

    def fault(self, run: Run, text: str) -> None:
        """The platform says why an invocation failed: to subscribers of the Logs API, in no log group any more."""
        self._tell(kinds.FAULT, {"text": text}, run)

    def start(self, run: Run) -> None:
        """The invocation begins."""
        invocation = run.invocation
        members = {
            "requestId": run.request_id,
            "functionArn": invocation.invoked_arn,
            "version": self._plan.function.version,
            "tracing": _tracing(run),
        }
        self._tell(kinds.START, members, run)
        run.told_start = True

    def runtime_done(self, run: Run, outcome: InvocationResult, now: float) -> None:
        """The runtime asked for its next event, or failed; extensions may still be at work. `now` is monotonic."""
        members = _outcome(run, outcome)
        members["metrics"] = {
            "durationMs": round((now - run.sent) * 1000.0, 2),
            "producedBytes": run.produced_bytes or (len(run.answer.payload) if run.answer else 0),
        }
        if run.answering is not None:
            members["spans"] = _spans(run, now, self._around.clock.now_ms())
        members["tracing"] = _tracing(run)
        self._tell(kinds.RUNTIME_DONE, members, run)

    def finished(self, run: Run, outcome: InvocationResult, measured: Measured) -> None:
        """The invocation is over: END and REPORT."""
        self._tell(kinds.END, {"requestId": run.request_id}, run)
        members = _outcome(run, outcome)
        members["metrics"] = self._metrics(measured)
        if measured.extensions_ms is not None:
            began_ms = self._around.clock.now_ms() - measured.extensions_ms
            members["spans"] = [_span("extensionOverhead", began_ms, measured.extensions_ms)]
        members["tracing"] = _tracing(run)
        self._tell(kinds.REPORT, members, run)

    def line(self, line: Line, run: Run | None, kind: str = kinds.FUNCTION) -> None:
        """User code, or an extension, printed something; while an invocation runs it belongs to that one, whoever it was."""
        members = {"text": line.text, "level": line.level}
        if line.left_over_from is not None:
            members["leftOverFrom"] = line.left_over_from
        self._tell(kind, members, run)

    def frozen(self, duration_ms: float) -> None:
        """Everything stands still; `duration_ms` is what freezing took."""
        self._tell(kinds.FREEZE, {"durationMs": round(duration_ms, 3)}, None)

    def thawed(self, frozen_ms: float, run: Run) -> None:
        """It goes on, after `frozen_ms`."""
        self._tell(kinds.THAW, {"frozenMs": round(frozen_ms, 2)}, run)

    def stopped(self, invocations: int) -> None:
        """Nothing is left of the environment."""
        self._tell(kinds.ENVIRONMENT_STOPPED, {"invocations": invocations}, None)

    def _metrics(self, measured: Measured) -> dict[str, Any]:
        settings = self._around.settings
        duration_ms = round(measured.duration_ms, 2)
        billed = billed_ms(
            duration_ms, measured.init_ms or 0.0, step_ms=settings.billing_step_ms, init_is_billed=settings.bill_init
        )
        metrics = {
            "durationMs": duration_ms,
            "billedDurationMs": billed,
            "memorySizeMB": self._plan.function.memory_mb,
            "maxMemoryUsedMB": math.ceil(measured.memory_bytes / MEBIBYTE),
        }
        if measured.init_ms is not None:
            metrics["initDurationMs"] = round(measured.init_ms, 2)
        return metrics

    def _init(self, phase: str) -> dict[str, Any]:
        return {"initializationType": self._plan.initialization_type, "phase": phase}

    def tell(self, kind: str, members: Mapping[str, Any], request_id: str | None, time_ms: float) -> None:
        """A record of somebody who knows when it happened."""
        self._around.publish(Record(kind, time_ms, self._origin, request_id, members))

    def _tell(self, kind: str, members: Mapping[str, Any], run: Run | None) -> None:
        self.tell(kind, members, run.request_id if run is not None else None, self._around.clock.now_ms())


def _tracing(run: Run) -> dict[str, Any]:
    if run.segment_id is None:
        return {"type": "X-Amzn-Trace-Id", "value": run.invocation.trace_id}
    return {"spanId": run.segment_id, "type": "X-Amzn-Trace-Id", "value": run.invocation.trace_id}


def _status(status: str, error_type: str | None) -> dict[str, Any]:
    """A timeout has no type of its own, as in REPORT."""
    told = error_type is not None and status != Status.TIMEOUT.value
    return {"status": status, "errorType": error_type} if told else {"status": status}


def _outcome(run: Run, outcome: InvocationResult) -> dict[str, Any]:
    members: dict[str, Any] = {"requestId": run.request_id, "status": outcome.status.value}
    if outcome.error_type is not None and outcome.status is not Status.TIMEOUT:
        members["errorType"] = outcome.error_type
    return members


def _spans(run: Run, now: float, now_ms: float) -> list[dict[str, Any]]:
    """What the time of the runtime went to, as far as it came."""
    sent, answering, answered, done = run.sent, run.answering, run.answered, run.done
    if answering is None:
        return []
    spans = [_span("responseLatency", now_ms - (now - sent) * 1000.0, (answering - sent) * 1000.0)]
    if answered is not None:
        spans.append(_span("responseDuration", now_ms - (now - answering) * 1000.0, (answered - answering) * 1000.0))
        if done is not None:
            spans.append(_span("runtimeOverhead", now_ms - (now - answered) * 1000.0, (done - answered) * 1000.0))
    return spans


def _span(name: str, start_ms: float, duration_ms: float) -> dict[str, Any]:
    # Whole microseconds; `round` takes twice as long, and every invocation has three of these.
    return {"name": name, "start": iso_time(start_ms), "durationMs": int(duration_ms * 1000.0) / 1000.0}
