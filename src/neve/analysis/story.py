"""Tells a run as a picture: which rows there are, in which order, and what is left out. Pure.

What is shown is the run that was asked for, in every attempt, and those that share leaked work with it; other invocations of
the environment are counted. Of many equal calls in a row one row is left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from neve.analysis.calls import Group, grouped
from neve.analysis.draft import Draft, Entry
from neve.analysis.history import Frozen, LeakFacts, LeftOver, Life, Run
from neve.analysis.timeline import lanes_of
from neve.domain import record as kinds
from neve.domain.outgoing import OutgoingCall, service_name
from neve.domain.picture import Participant, Picture, Tone, span
from neve.domain.price import Prices, cost_of, money, usage_of
from neve.domain.system_log import iso_time

_MOST_RUNS = 5
_MOST_OTHERS = 5
_MOST_LEAKS = 4
_LEAST_SHOWN_MS = 1.0
_LONGEST_LINE = 60
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Step:
    """A record of an event: accepted, tried, put off, delivered."""

    type: str
    at_ms: float
    members: Mapping[str, Any]


def picture_of(request_id: str, function: str, prices: Prices, lives: Sequence[Life], steps: Sequence[Step]) -> Picture:
    """The picture of one run: `lives` are the environments that it ran in, `steps` what the event queue tells of it."""
    story = _Story(request_id, function, bool(steps))
    for step in steps:
        story.step(step)
    for life in sorted(lives, key=lambda life: life.runs[0].began_ms):
        story.life(life)
    shown = [(life, runs_shown(life, request_id)) for life in lives]
    began_ms = story.draft.began_ms
    rows, activities, threads = story.draft.finished()
    runs = [run for life, _ in shown for run in life.runs if run.request_id == request_id]
    lanes = lanes_of(request_id, shown, [(step.type, step.at_ms, step.members) for step in steps], began_ms)
    subtitle = _subtitle(runs, began_ms, prices)
    told = [f"{row.when}: {row.text}" for row in rows]
    return Picture(
        request_id=request_id,
        function=function,
        title=f"{function} · {request_id[:_SHORT]}",
        subtitle=subtitle,
        description=f"What happened when {function} ran ({subtitle}). " + "; ".join(told)[:3000],
        began_ms=began_ms,
        participants=story.participants(),
        rows=rows,
        activities=activities,
        threads=threads,
        lanes=lanes,
        legend=story.legend(),
    )


def runs_shown(life: Life, request_id: str) -> list[Run]:
    """Those of this id, and the nearest that share leaked work with them; in their order."""
    own = {index for index, run in enumerate(life.runs) if run.request_id == request_id}
    related: set[int] = set()
    for leak in life.leaks.values():
        if request_id == leak.origin or request_id in leak.resumed:
            ids = {leak.origin, *leak.resumed}
            related |= {index for index, run in enumerate(life.runs) if run.request_id in ids}
    related |= {index + 1 for index in own if _is_cleared_away(life.runs[index + 1 : index + 2])}
    nearest = sorted(related - own, key=lambda index: min((abs(index - each) for each in own), default=0))
    return [life.runs[index] for index in sorted(own | set(nearest[: max(0, _MOST_RUNS - len(own))]))]


def _is_cleared_away(following: Sequence[Run]) -> bool:
    """Whether the next run had to initialize again, because this one cost the processes."""
    return any(init.inside for run in following for init in run.inits)


class _Story:
    def __init__(self, request_id: str, function: str, is_event: bool) -> None:
        self.request_id = request_id
        self.function = function
        self.is_event = is_event
        self.draft = Draft()
        self._queue = "queue"
        self._environments: dict[str, Participant] = {}
        self._others: dict[str, Participant] = {}
        self._targets: dict[str, Participant] = {}
        self._notes: set[str] = set()

    # Who takes part

    def participants(self) -> list[Participant]:
        asked = [Participant("queue", "queue", "Event queue")] if self.is_event else []
        return [
            Participant("caller", "caller", "Caller"),
            *asked,
            *self._environments.values(),
            *self._others.values(),
            *self._targets.values(),
        ]

    def legend(self) -> list[str]:
        told = ["Rows are in the order of time, not to scale; the bars below are."]
        if "leak" in self._notes:
            told.append("Dashed: work that nobody waited for. It stands still while its environment is frozen.")
        return told

    def _other(self, call: OutgoingCall) -> str:
        key = f"to {call.service or call.host}"
        if key not in self._others:
            if len(self._others) >= _MOST_OTHERS:
                self._others.setdefault("to others", Participant("to others", "other", "Others", "further hosts"))
                return "to others"
            detail = call.host if call.service else ""
            self._others[key] = Participant(key, "other", call.to, detail)
        return key

    # The event queue

    def step(self, step: Step) -> None:
        tell = {
            kinds.QUEUED: self._queued,
            kinds.LEASED: self._leased,
            kinds.RETRY_AT: self._retry_at,
            kinds.DROPPED: self._dropped,
            kinds.DELIVERED: self._delivered,
            kinds.DELIVERY_FAILED: self._delivery_failed,
        }[step.type]
        tell(step.at_ms, step.members)

    def _queued(self, at_ms: float, members: Mapping[str, Any]) -> None:
        self.draft.row("exchange", at_ms, "caller", "invoke (Event)", target="queue", back="202, it is on disk")

    def _leased(self, at_ms: float, members: Mapping[str, Any]) -> None:
        """The attempt itself tells."""

    def _retry_at(self, at_ms: float, members: Mapping[str, Any]) -> None:
        wait = span(members["at"] - at_ms)
        reason = members["reason"] or "put off"
        self.draft.row("wait", at_ms, "queue", f"waits {wait}", detail=_cut(reason, _LONGEST_LINE))

    def _dropped(self, at_ms: float, members: Mapping[str, Any]) -> None:
        times = members["attempts"]
        told = "" if members["told"] else "nobody is told"
        text = f"given up after {times} attempt{'' if times == 1 else 's'}"
        self.draft.row("note", at_ms, "queue", text, detail=told or members["condition"], tone="error")

    def _delivered(self, at_ms: float, members: Mapping[str, Any]) -> None:
        self.draft.row(
            "message", at_ms, "queue", _DELIVERIES.get(members["kind"], members["kind"]), target=self._target(members)
        )

    def _delivery_failed(self, at_ms: float, members: Mapping[str, Any]) -> None:
        text, target = f"not delivered: {members['reason']}", self._target(members)
        self.draft.row("message", at_ms, "queue", _cut(text, _LONGEST_LINE), target=target, tone="error", arrives=False)

    def _target(self, members: Mapping[str, Any]) -> str:
        parts = members["target"].split(":")
        key = f"target {members['target']}"
        if key not in self._targets:
            service = service_name(parts[2]) if len(parts) > 5 else "target"
            name = ":".join(parts[6:]) or parts[-1] if len(parts) > 5 and parts[2] == "lambda" else parts[-1]
            self._targets[key] = Participant(key, "target", name.split("/")[-1], service)
        return key

    # An environment

    def life(self, life: Life) -> None:
        shown = runs_shown(life, self.request_id)
        key = f"environment {life.environment_id}"
        self._environments[key] = Participant(
            key, "environment", self.function, f"environment {life.environment_id[:_SHORT]}"
        )
        ids = {run.request_id for run in shown}
        leaks = [each for each in life.leaks.values() if each.origin in ids][: _MOST_LEAKS * len(shown)]
        for index, run in enumerate(shown):
            _Running(self, life, key, run, ids).tell()
            following = shown[index + 1] if index + 1 < len(shown) else None
            self._between(life, key, run, following)
        last = shown[-1]
        for leak in leaks:
            self._leak(life, key, leak, last)

    def _between(self, life: Life, key: str, run: Run, following: Run | None) -> None:
        """What lies between two runs that are shown, or behind the last one."""
        until = following.arrived_ms if following is not None else float("inf")
        unseen = [each for each in life.runs if run.began_ms < each.began_ms < until and each is not run]
        frozen = [each for each in life.frozen if run.began_ms <= each.from_ms < until]
        if following is None:
            if frozen:
                self._frozen(key, frozen[0], bool(unseen))
            self._ended(life, key, run)
        elif unseen:
            count = len(unseen)
            self.draft.row(
                "frozen",
                frozen[0].from_ms if frozen else run.last_ms,
                key,
                f"{count} other invocation{'s' if count > 1 else ''} and freezes",
            )
        else:
            for each in frozen:
                self._frozen(key, each, False)

    def _frozen(self, key: str, frozen: Frozen, others: bool) -> None:
        if frozen.to_ms is None:
            self.draft.row("frozen", frozen.from_ms, key, "frozen", detail="until somebody invokes it")
        else:
            after = "then other invocations" if others else ""
            self.draft.row("frozen", frozen.from_ms, key, f"frozen {span(frozen.to_ms - frozen.from_ms)}", detail=after)

    def _ended(self, life: Life, key: str, last: Run) -> None:
        lost = any(each.lost_ms is not None and not each.resumed for each in life.leaks.values())
        if life.ended_ms is not None and lost:
            self.draft.row("end", life.ended_ms, key, "the environment is gone")

    def _leak(self, life: Life, key: str, leak: LeakFacts, last: Run) -> None:
        """Its thread: from where it was left to what became of it."""
        self._notes.add("leak")
        where = f"{leak.source.file}:{leak.source.line}" if leak.source is not None else ""
        many = f" ×{leak.count}" if leak.count > 1 else ""
        at_ms = leak.opened_ms
        origin = life.run(leak.origin)
        if origin is not None:
            at_ms = max(at_ms, origin.answered_ms or at_ms)
        text = f"left behind: {short(leak.description)}{many}"
        first = self.draft.row("note", at_ms, key, text, detail=where, tone="leak", leak=leak.id)
        self._fate(life, key, leak, first, last)

    def _fate(self, life: Life, key: str, leak: LeakFacts, first: Entry, last: Run) -> None:
        shown = {run.request_id for run in runs_shown(life, self.request_id)}
        seen = [(at_ms, request_id) for request_id, at_ms in leak.resumed.items() if request_id in shown]
        told = short(leak.description)
        if seen:
            at_ms, request_id = min(seen)
            whose = (
                f"of {leak.origin[:_SHORT]}" if leak.origin == self.request_id else f"left by {leak.origin[:_SHORT]}"
            )
            run = life.run(request_id)
            if run is not None:
                at_ms = self.draft.first_of(leak.id, run.began_ms, at_ms)
            row = self.draft.row(
                "note", at_ms, key, "goes on in this invocation", detail=f"{told}, {whose}", tone="leak", leak=leak.id
            )
            self.draft.thread(leak.id, key, first, row, "continued")
            if run is not None:
                self.draft.activity(key, "leak", row, self.draft.last_of(leak.id, key, row, run.last_ms))
            if leak.error is not None and leak.failed_in == request_id and leak.finished_ms is not None:
                self.draft.row(
                    "note",
                    leak.finished_ms,
                    key,
                    _cut(leak.error, _LONGEST_LINE),
                    tone="error",
                    detail="its error ends this invocation" if leak.fatal else "nobody catches its error",
                )
        elif leak.resumed:
            self.draft.thread(leak.id, key, first, None, "open")
        elif leak.finished_ms is not None and leak.finished_in is None:
            row = self.draft.row(
                "note",
                leak.finished_ms,
                key,
                "done before the freeze",
                detail=f"luck: {told}",
                tone="leak",
                leak=leak.id,
            )
            self.draft.thread(leak.id, key, first, row, "finished")
        elif leak.lost_ms is not None:
            row = self.draft.row("note", leak.lost_ms, key, "never went on", detail=told, tone="error", leak=leak.id)
            self.draft.thread(leak.id, key, first, row, "never")
        else:
            self.draft.thread(leak.id, key, first, None, "open")


class _Running:
    """One invocation in its environment."""

    def __init__(self, story: _Story, life: Life, key: str, run: Run, shown: set[str]) -> None:
        self._story = story
        self._draft = story.draft
        self._life = life
        self._key = key
        self._run = run
        self._shown = shown
        self._asker = "queue" if story.is_event and run.request_id == story.request_id else "caller"

    def tell(self) -> None:
        run, draft, key = self._run, self._draft, self._key
        first = draft.row("message", run.arrived_ms, self._asker, self._asked(), target=key)
        began = self._inits(first)
        self._calls()
        if run.waited_since_ms is not None:
            waited = (run.answered_ms or run.waited_since_ms) - run.waited_since_ms
            draft.row(
                "note",
                run.waited_since_ms,
                key,
                "callback called",
                detail=f"the answer waits {span(waited)} for the event loop",
                tone="quiet",
            )
        for line in run.lines[:3]:
            draft.row(
                "note",
                line.at_ms,
                key,
                f"prints “{_cut(_said(line.text), _LONGEST_LINE)}”",
                detail=f"a line of {line.origin[:_SHORT]}",
                tone="leak",
                leak=self._leak_of(line),
            )
        last = self._answer()
        if last is not None:
            draft.activity(key, "invoke", began, last, run.status not in (None, "success"))
        if run.extensions_ms >= _LEAST_SHOWN_MS and run.done_ms is not None:
            draft.row("note", run.done_ms, key, f"extensions work {span(run.extensions_ms)} longer", tone="quiet")

    def _leak_of(self, line: LeftOver) -> str | None:
        """Whose line it is: of that invocation's leaks the one that went on last."""
        seen = [
            (at_ms, leak.id)
            for leak in self._life.leaks.values()
            if leak.origin == line.origin and (at_ms := leak.resumed.get(self._run.request_id)) is not None
        ]
        return max([each for each in seen if each[0] <= line.at_ms + _LEAST_SHOWN_MS] or seen, default=(0.0, None))[1]

    def _asked(self) -> str:
        attempts = [each for each in self._life.runs if each.request_id == self._run.request_id]
        if self._asker == "queue":
            number = attempts.index(self._run) + 1
            return f"attempt {number}"
        if len({*self._shown}) > 1:
            return f"invoke {self._run.request_id[:_SHORT]}"
        return "invoke"

    def _inits(self, first: Entry) -> Entry:
        """Where the handler's own time begins."""
        began = first
        for init in self._run.inits:
            failed = init.status != "success"
            name = "init again, inside the invocation" if init.inside else "init"
            ends = {"timeout": "ran out of time after "}.get(init.status, "failed after " if failed else "")
            row = self._draft.row(
                "note",
                init.ended_ms,
                self._key,
                f"{name}: {ends}{span(init.ended_ms - init.began_ms)}",
                detail=init.error_type or "",
                tone="error" if failed else "init",
            )
            self._draft.activity(self._key, "init", began, row, failed)
            began = row
        return began

    def _calls(self) -> None:
        run = self._run
        calls = [_within(call, run) for call in self._life.calls_of(run)]
        groups = grouped(calls)
        for group in groups:
            self._group(group, any(group.overlaps(other) for other in groups if other is not group))

    def _group(self, group: Group, beside: bool) -> None:
        """`beside`: others are open at the same time, so an answer has to say whose it is."""
        draft, key, call = self._draft, self._key, group.calls[0]
        to = self._story._other(call)
        left = group.left(self._run)
        tone: Tone = "leak" if left else "plain"
        entry = draft.row(
            "message",
            group.began_ms,
            key,
            group.what,
            target=to,
            tone=tone,
            arrives=call.sent,
            leak=call.leak_id,
            detail="" if call.sent else "not sent",
        )
        if group.ended_ms is not None:
            answered: Tone = "error" if group.failed else "answer" if tone == "plain" else tone
            back = draft.row(
                "message",
                group.ended_ms,
                to,
                f"{group.answered} to {group.what}" if beside else group.answered,
                target=key,
                tone=answered,
                leak=call.leak_id,
                detail=span(group.ended_ms - group.began_ms),
            )
            if not beside:
                draft.together(entry, back)

    def _answer(self) -> Entry | None:
        run = self._run
        tone: Tone
        at_ms = run.answered_ms if run.answered_ms is not None else run.done_ms
        if at_ms is None:
            return self._draft.row("note", run.last_ms, self._key, "still runs", tone="quiet")
        if run.status == "timeout":
            text, tone = f"timed out after {span(run.metrics.get('durationMs', 0.0))}", "error"
            self._waiting(at_ms)
        elif run.status in (None, "success"):
            text, tone = "answer", "answer"
        else:
            told = run.error_type if run.error_type not in (None, "Runtime.Unknown") else ""
            text, tone = f"fails: {told}" if told else "fails", "error"
        return self._draft.row("message", at_ms, self._key, text, target=self._asker, tone=tone, detail=self._cost())

    def _waiting(self, at_ms: float) -> None:
        """What the diagnosis says of a timeout."""
        diagnosis = self._run.diagnosis
        if diagnosis is None:
            return
        if diagnosis["answeredMs"] is not None:
            self._draft.row(
                "note",
                self._run.began_ms + diagnosis["answeredMs"],
                self._key,
                "callback called",
                detail="the answer waits for the event loop",
                tone="quiet",
            )
        if diagnosis["blocked"]:
            where = diagnosis["stack"][0] if diagnosis["stack"] else ""
            self._draft.row("note", at_ms, self._key, "the event loop is blocked", detail=where, tone="error")
        elif diagnosis["stack"]:
            self._draft.row("note", at_ms, self._key, "it is here", detail=diagnosis["stack"][0], tone="error")
        for each in diagnosis["waiting"][:3]:
            place = f"{each['source']['file']}:{each['source']['line']}" if each["source"] else ""
            beside = diagnosis.get("family") == "python" and each["kind"] != "http"
            told = f"{'beside it: ' if beside else 'waits for '}{short(each['description'])}"
            self._draft.row("note", at_ms, self._key, told, detail=place, tone="error")

    def _cost(self) -> str:
        metrics = self._run.metrics
        return f"billed {metrics['billedDurationMs']} ms" if "billedDurationMs" in metrics else ""


_DELIVERIES = {
    "deadLetter": "the event (dead-letter queue)",
    "onSuccess": "record of the success",
    "onFailure": "record of the failure",
}


def _within(call: OutgoingCall, run: Run) -> OutgoingCall:
    """Times of calls come a little late: what was awaited ended before the answer."""
    began = max(call.began_ms, run.began_ms)
    answered = run.answered_ms
    if answered is not None:
        began = min(began, answered) if began - answered < _LEAST_SHOWN_MS else began
    ended = call.ended_ms
    if ended is None:
        return replace(call, began_ms=began)
    if answered is not None and 0.0 < ended - answered < _LEAST_SHOWN_MS:
        ended = answered
    return replace(call, began_ms=began, took_ms=max(0.0, ended - began))


def short(description: str) -> str:
    """A leak without the scheme of its address."""
    return _cut(description.replace("http://", "").replace("https://", ""), _LONGEST_LINE)


def _said(text: str) -> str:
    """A printed line without the columns that a runtime client puts before it."""
    return text.strip().split("\t")[-1].splitlines()[0] if text.strip() else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _subtitle(runs: Iterable[Run], began_ms: float, prices: Prices) -> str:
    told = [f"{iso_time(began_ms)[:19].replace('T', ' ')} UTC"]
    found = list(runs)
    if len(found) > 1:
        told.append(f"{len(found)} attempts")
    for run in found[-1:]:
        metrics = run.metrics
        told.append({"success": "success", "timeout": "timeout"}.get(run.status or "", run.status or "running"))
        if "billedDurationMs" in metrics:
            told.append(f"{span(metrics['durationMs'])}, billed {metrics['billedDurationMs']} ms")
            told.append(f"{metrics['maxMemoryUsedMB']} of {metrics['memorySizeMB']} MB")
        if "initDurationMs" in metrics:
            told.append(f"cold start, init {span(metrics['initDurationMs'])}")
    costs = [_cost(run, prices) for run in found if "billedDurationMs" in run.metrics]
    if costs:
        told.append(f"${money(sum(costs))}")
    return " · ".join(told)


def _cost(run: Run, prices: Prices) -> float:
    metrics = run.metrics
    billed_ms, init_ms = metrics["billedDurationMs"], metrics.get("initDurationMs", 0.0)
    used = usage_of(billed_ms, init_ms, metrics["memorySizeMB"], run.storage_mb)
    return cost_of(used, run.architecture, prices).total
