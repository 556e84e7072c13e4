"""One invocation in its environment, as rows: asked, initialized, what it called and printed, how it ended."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from neve.analysis.history import LeftOver, Life, Run
from neve.analysis.story.calls import Group, grouped
from neve.analysis.story.cast import QUEUE, Cast
from neve.analysis.story.draft import Draft, Entry
from neve.analysis.story.words import brief, said, short
from neve.domain.outgoing import OutgoingCall
from neve.domain.picture import Tone, span

_LEAST_SHOWN_MS = 1.0
_MOST_LINES = 3
_MOST_WAITING = 3


class Running:
    """`key` is the environment; `is_alone` when every run that is shown has the same id."""

    def __init__(self, draft: Draft, cast: Cast, life: Life, key: str, run: Run, *, is_alone: bool) -> None:
        self._draft = draft
        self._cast = cast
        self._life = life
        self._key = key
        self._run = run
        self._is_alone = is_alone
        self._asker = cast.asker(run.request_id)

    def tell(self) -> None:
        """All rows of it."""
        run = self._run
        first = self._draft.row("message", run.arrived_ms, self._asker, self._asked(), target=self._key)
        began = self._inits(first)
        self._calls()
        if run.waited_since_ms is not None:
            waited = (run.answered_ms or run.waited_since_ms) - run.waited_since_ms
            self._called_back(run.waited_since_ms, f"the answer waits {span(waited)} for the event loop")
        for line in run.lines[:_MOST_LINES]:
            self._line(line)
        last = self._answer()
        if last is not None:
            self._draft.activity(self._key, "invoke", began, last, run.status not in (None, "success"))
        if run.extensions_ms >= _LEAST_SHOWN_MS and run.done_ms is not None:
            self._note(run.done_ms, f"extensions work {span(run.extensions_ms)} longer", tone="quiet")

    def _note(self, at_ms: float, text: str, detail: str = "", *, tone: Tone) -> Entry:
        return self._draft.note(at_ms, self._key, text, detail=detail, tone=tone)

    def _called_back(self, at_ms: float, detail: str) -> None:
        self._note(at_ms, "callback called", detail, tone="quiet")

    # How it begins

    def _asked(self) -> str:
        if self._asker == QUEUE:
            attempts = [each for each in self._life.runs if each.request_id == self._run.request_id]
            return f"attempt {attempts.index(self._run) + 1}"
        return "invoke" if self._is_alone else f"invoke {brief(self._run.request_id)}"

    def _inits(self, first: Entry) -> Entry:
        """Where the handler's own time begins."""
        began = first
        for init in self._run.inits:
            failed = init.status != "success"
            name = "init again, inside the invocation" if init.inside else "init"
            ends = {"timeout": "ran out of time after "}.get(init.status, "failed after " if failed else "")
            text = f"{name}: {ends}{span(init.ended_ms - init.began_ms)}"
            row = self._note(init.ended_ms, text, init.error_type or "", tone="error" if failed else "init")
            self._draft.activity(self._key, "init", began, row, failed)
            began = row
        return began

    # What it does

    def _calls(self) -> None:
        groups = grouped([_within(call, self._run) for call in self._life.calls_of(self._run)])
        for group in groups:
            self._group(group, any(group.overlaps(other) for other in groups if other is not group))

    def _group(self, group: Group, beside: bool) -> None:
        """`beside`: others are open at the same time, so an answer has to say whose it is."""
        draft, key, call = self._draft, self._key, group.calls[0]
        to = self._cast.other(call)
        left = group.left(self._run)
        entry = draft.row(
            "message",
            group.began_ms,
            key,
            group.what,
            target=to,
            tone="leak" if left else "plain",
            arrives=call.sent,
            leak=call.leak_id,
            detail="" if call.sent else "not sent",
        )
        if group.ended_ms is not None:
            back = draft.row(
                "message",
                group.ended_ms,
                to,
                f"{group.answered} to {group.what}" if beside else group.answered,
                target=key,
                tone="error" if group.failed else "leak" if left else "answer",
                leak=call.leak_id,
                detail=span(group.ended_ms - group.began_ms),
            )
            if not beside:
                draft.together(entry, back)

    def _line(self, line: LeftOver) -> None:
        text, detail = f"prints “{said(line.text)}”", f"a line of {brief(line.origin)}"
        self._draft.note(line.at_ms, self._key, text, detail=detail, tone="leak", leak=self._leak_of(line))

    def _leak_of(self, line: LeftOver) -> str | None:
        """Whose line it is: of that invocation's leaks the one that went on last."""
        seen = [
            (at_ms, leak.id)
            for leak in self._life.leaks.values()
            if leak.origin == line.origin and (at_ms := leak.resumed.get(self._run.request_id)) is not None
        ]
        return max([each for each in seen if each[0] <= line.at_ms + _LEAST_SHOWN_MS] or seen, default=(0.0, None))[1]

    # How it ends

    def _answer(self) -> Entry | None:
        run = self._run
        tone: Tone
        at_ms = run.answered_ms if run.answered_ms is not None else run.done_ms
        if at_ms is None:
            return self._note(run.last_ms, "still runs", tone="quiet")
        if run.status == "timeout":
            text, tone = f"timed out after {span(run.metrics.get('durationMs', 0.0))}", "error"
            if run.diagnosis is not None:
                self._waiting(run.diagnosis, at_ms)
        elif run.status in (None, "success"):
            text, tone = "answer", "answer"
        else:
            told = run.error_type if run.error_type not in (None, "Runtime.Unknown") else ""
            text, tone = f"fails: {told}" if told else "fails", "error"
        return self._draft.row("message", at_ms, self._key, text, target=self._asker, tone=tone, detail=self._cost())

    def _waiting(self, diagnosis: Mapping[str, Any], at_ms: float) -> None:
        """What the diagnosis says of a timeout."""
        if diagnosis["answeredMs"] is not None:
            self._called_back(self._run.began_ms + diagnosis["answeredMs"], "the answer waits for the event loop")
        if diagnosis["blocked"]:
            where = diagnosis["stack"][0] if diagnosis["stack"] else ""
            self._note(at_ms, "the event loop is blocked", where, tone="error")
        elif diagnosis["stack"]:
            self._note(at_ms, "it is here", diagnosis["stack"][0], tone="error")
        for each in diagnosis["waiting"][:_MOST_WAITING]:
            place = f"{each['source']['file']}:{each['source']['line']}" if each["source"] else ""
            beside = diagnosis.get("family") == "python" and each["kind"] != "http"
            told = f"{'beside it: ' if beside else 'waits for '}{short(each['description'])}"
            self._note(at_ms, told, place, tone="error")

    def _cost(self) -> str:
        metrics = self._run.metrics
        return f"billed {metrics['billedDurationMs']} ms" if "billedDurationMs" in metrics else ""


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
