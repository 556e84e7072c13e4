"""Reads an environment's life from the records of the stream.

Pure. Records may begin in the middle (older ones are forgotten): what has no beginning is left out.
"""

from collections.abc import Iterable

from neve.analysis.history import Frozen, Init, LeakFacts, LeftOver, Life, Run
from neve.domain import record as kinds
from neve.domain.leak import Source
from neve.domain.outgoing import call_of
from neve.domain.record import Record


def life_of(environment_id: str, records: Iterable[Record]) -> Life:
    """The life that these records of one environment tell, in their order."""
    reader = _Reader(Life(environment_id))
    for record in records:
        read = _READS.get(record.type)
        if read is not None:
            read(reader, record)
    return reader.life


class _Reader:
    def __init__(self, life: Life) -> None:
        self.life = life
        self._init: Init | None = None
        self._inits: list[Init] = []

    def init_started(self, record: Record) -> None:
        ahead = record.record.get("initializationType", "on-demand") != "on-demand"
        self._init = Init(record.time_ms, record.time_ms, ahead=ahead)

    def init_reported(self, record: Record) -> None:
        members = record.record
        duration_ms = members["metrics"]["durationMs"]
        init = self._init or Init(record.time_ms - duration_ms, record.time_ms)
        init.ended_ms, init.inside = record.time_ms, members["phase"] == "invoke"
        init.status, init.error_type = members["status"], members.get("errorType")
        self._init = None
        self._inits.append(init)

    def started(self, record: Record) -> None:
        assert record.request_id is not None
        run = Run(record.request_id, self.life.environment_id, record.time_ms)
        run.inits = [init for init in self._inits if not init.ahead]
        self._inits = []
        self.life.runs.append(run)

    def runtime_done(self, record: Record) -> None:
        run, members = self._run(record), record.record
        if run is None:
            return
        run.done_ms, run.status, run.error_type = record.time_ms, members["status"], members.get("errorType")
        took = {each["name"]: each["durationMs"] for each in members.get("spans", ())}
        if "responseLatency" in took:
            answered = run.began_ms + took["responseLatency"] + took.get("responseDuration", 0.0)
            run.answered_ms = min(answered, record.time_ms)

    def reported(self, record: Record) -> None:
        run, members = self._run(record), record.record
        if run is None:
            return
        run.ended_ms, run.metrics = record.time_ms, members["metrics"]
        run.architecture, run.storage_mb = record.origin.architecture, record.origin.storage_mb
        run.status, run.error_type = members["status"], members.get("errorType", run.error_type)
        spans = {each["name"]: each["durationMs"] for each in members.get("spans", ())}
        run.extensions_ms = spans.get("extensionOverhead", 0.0)

    def printed(self, record: Record) -> None:
        run, origin = self._run(record), record.record.get("leftOverFrom")
        if run is not None and origin is not None:
            run.lines.append(LeftOver(record.time_ms, record.record["text"], origin))

    def called(self, record: Record) -> None:
        call = call_of(record.record)
        self.life.calls[call.id] = call

    def waited(self, record: Record) -> None:
        run = self._run(record)
        if run is not None:
            run.waited_since_ms = record.record["sinceMs"]

    def explained(self, record: Record) -> None:
        run = self._run(record)
        if run is not None:
            run.diagnosis = record.record

    def froze(self, record: Record) -> None:
        self._inits = []  # whoever comes later did not wait for them
        self.life.frozen.append(Frozen(record.time_ms))

    def thawed(self, record: Record) -> None:
        if self.life.frozen and self.life.frozen[-1].to_ms is None:
            self.life.frozen[-1].to_ms = record.time_ms

    def left(self, record: Record) -> None:
        members = record.record
        if members["origin"] is None:
            return
        source = members["source"]
        self.life.leaks[members["leakId"]] = LeakFacts(
            id=members["leakId"],
            origin=members["origin"],
            kind=members["kind"],
            description=members["description"],
            count=members["count"],
            source=None if source is None else Source(source["file"], source["line"], source["column"]),
            opened_ms=record.time_ms,
        )

    def resumed(self, record: Record) -> None:
        leak = self._leak(record)
        if leak is not None:
            leak.resumed.setdefault(record.record["requestId"], record.time_ms)

    def finished(self, record: Record) -> None:
        leak, inside = self._leak(record), record.record["requestId"]
        if leak is not None:
            leak.finished_ms, leak.finished_in = record.time_ms, inside
            if inside is not None:
                leak.resumed.setdefault(inside, record.time_ms)

    def failed(self, record: Record) -> None:
        leak, members = self._leak(record), record.record
        if leak is not None:
            leak.failed_in, leak.error = members["requestId"], members["error"]
            leak.fatal = members.get("fatal", True)
            leak.finished_ms, leak.finished_in = record.time_ms, members["requestId"]

    def lost(self, record: Record) -> None:
        for leak in self.life.leaks.values():
            if leak.finished_ms is None and leak.lost_ms is None:
                leak.lost_ms = record.time_ms

    def stopped(self, record: Record) -> None:
        self.lost(record)
        self.life.ended_ms = record.time_ms
        self.thawed(record)

    def _run(self, record: Record) -> Run | None:
        return self.life.run(record.request_id)

    def _leak(self, record: Record) -> LeakFacts | None:
        return self.life.leaks.get(record.record["leakId"])


_READS = {
    kinds.INIT_START: _Reader.init_started,
    kinds.INIT_REPORT: _Reader.init_reported,
    kinds.START: _Reader.started,
    kinds.RUNTIME_DONE: _Reader.runtime_done,
    kinds.REPORT: _Reader.reported,
    kinds.FUNCTION: _Reader.printed,
    kinds.CALL: _Reader.called,
    kinds.WAITED: _Reader.waited,
    kinds.DIAGNOSIS: _Reader.explained,
    kinds.FREEZE: _Reader.froze,
    kinds.THAW: _Reader.thawed,
    kinds.LEAK: _Reader.left,
    kinds.LEAK_RESUMED: _Reader.resumed,
    kinds.LEAK_FINISHED: _Reader.finished,
    kinds.LEAK_FAILED: _Reader.failed,
    kinds.FAULT: _Reader.lost,
    kinds.ENVIRONMENT_STOPPED: _Reader.stopped,
}
