"""Tells records as an environment and the event queue do, in few words."""

from collections.abc import Mapping
from typing import Any

from neve.domain import record as kinds
from neve.domain.record import Origin, Record
from neve.domain.world import World

FIRST, SECOND, THIRD = (f"{n}0000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
ENVIRONMENT = "e1a2b3c4d5"


class Told:
    """Records so far; times are milliseconds after the first."""

    def __init__(self, function: str = "photos", environment: str = ENVIRONMENT) -> None:
        self.records: list[Record] = []
        self._function = function
        self._environment = environment

    def tell(self, type_: str, at_ms: float, request_id: str | None = None, /, **members: Any) -> None:
        of_queue = type_ in (kinds.QUEUED, kinds.LEASED, kinds.RETRY_AT, kinds.DROPPED, kinds.DELIVERED)
        environment = "" if of_queue else self._environment
        origin = Origin(World(), self._function, "$LATEST", environment, "g", "s")
        self.records.append(Record(type_, 1_000_000.0 + at_ms, origin, request_id, members))

    def init(self, at_ms: float, took_ms: float, status: str = "success") -> None:
        self.tell(kinds.INIT_START, at_ms, initializationType="on-demand", phase="init")
        metrics = {"durationMs": took_ms}
        self.tell(kinds.INIT_REPORT, at_ms + took_ms, phase="init", status=status, metrics=metrics)

    def start(self, at_ms: float, request_id: str = FIRST) -> None:
        self.tell(kinds.START, at_ms, request_id, requestId=request_id)

    def end(
        self, at_ms: float, took_ms: float, request_id: str = FIRST, status: str = "success", **metrics: Any
    ) -> None:
        spans = [{"name": "responseLatency", "durationMs": took_ms}, {"name": "responseDuration", "durationMs": 0.0}]
        done: Mapping[str, Any] = {"status": status, "spans": spans} if status == "success" else {"status": status}
        self.tell(kinds.RUNTIME_DONE, at_ms, request_id, requestId=request_id, metrics={"durationMs": took_ms}, **done)
        told = {"durationMs": took_ms, "billedDurationMs": int(took_ms) + 1, "memorySizeMB": 128, "maxMemoryUsedMB": 60}
        self.tell(kinds.REPORT, at_ms + 0.2, request_id, requestId=request_id, status=status, metrics=told | metrics)

    def run(self, at_ms: float, took_ms: float, request_id: str = FIRST) -> None:
        """A whole invocation, and the freeze."""
        self.start(at_ms, request_id)
        self.end(at_ms + took_ms, took_ms, request_id)
        self.freeze(at_ms + took_ms + 0.5)

    def leaving(self) -> None:
        """An invocation from 0 to 6 that leaves a timer behind at 5, and the freeze at 7."""
        self.start(0)
        self.leak(5)
        self.end(6, 5)
        self.freeze(7)

    def next(self) -> None:
        """The one that comes after it, at 1000 and in the same environment; it goes on."""
        self.start(1000, SECOND)
        self.thaw(1001, SECOND)

    def freeze(self, at_ms: float) -> None:
        self.tell(kinds.FREEZE, at_ms, durationMs=0.1)

    def thaw(self, at_ms: float, request_id: str) -> None:
        self.tell(kinds.THAW, at_ms, request_id, frozenMs=1.0)

    def leak(self, at_ms: float, leak: str = "l1", origin: str = FIRST, what: str = "timer (120 ms)") -> None:
        source = {"file": "index.mjs", "line": 3, "column": 5}
        members = {"kind": "timer", "description": what, "count": 1, "source": source, "stack": []}
        self.tell(kinds.LEAK, at_ms, origin, leakId=leak, origin=origin, **members)

    def resume(self, at_ms: float, inside: str, leak: str = "l1") -> None:
        self.tell(kinds.LEAK_RESUMED, at_ms, inside, leakId=leak, requestId=inside)

    def finish(self, at_ms: float, inside: str | None, leak: str = "l1") -> None:
        self.tell(kinds.LEAK_FINISHED, at_ms, inside, leakId=leak, requestId=inside)

    def call(self, at_ms: float, took_ms: float | None, path: str = "/1", origin: str = FIRST, **members: Any) -> None:
        told = {
            "callId": f"c{len(self.records)}",
            "origin": origin,
            "method": "GET",
            "host": "photos.example",
            "path": path,
            "startMs": 1_000_000.0 + at_ms,
            "durationMs": took_ms,
            "status": None if took_ms is None else 200,
            "error": None,
            "sent": True,
            "service": None,
            "target": None,
            "leakId": None,
            "source": None,
            "stack": [],
        }
        self.tell(kinds.CALL, at_ms + (took_ms or 0.0), origin, **{**told, **members})
