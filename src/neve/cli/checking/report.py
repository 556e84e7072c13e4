"""What a check found, as plain values: what every way of printing it starts from."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from neve.cli.checking.advice import TIMERS, advice
from neve.cli.checking.code import parse, stumble
from neve.cli.checking.compare import HINT, LEAK, Finding
from neve.cli.checking.culprit import culprit, ends_a_promise, places
from neve.cli.checking.hints import CALLBACK_IN_ASYNC, FLOATING_PROMISE, SCRIPTS, Hint, hints
from neve.cli.checking.observed import Observed, error_of
from neve.cli.checking.targets import Target

_UNREADABLE = re.compile(r"^Runtime\.UserCodeSyntaxError: SyntaxError: (?!The requested module)")


@dataclass(frozen=True)
class Told:
    """A finding with what the code around it tells. `file` is the path as people write it; `code` its line."""

    finding: Finding
    advice: str
    file: str | None = None
    line: int = 0
    column: int = 0
    code: str | None = None

    @property
    def where(self) -> str:
        """`src/save.js:12:5`, or nothing."""
        return "" if self.file is None else ":".join(str(each) for each in (self.file, self.line, self.column) if each)


@dataclass(frozen=True)
class Checked:
    """One function."""

    target: Target
    told: Sequence[Told]
    observed: Sequence[Observed]
    seconds: float

    def failing(self, kinds: Iterable[str]) -> bool:
        """Whether it has a finding that counts."""
        return any(each.finding.kind in kinds for each in self.told)


def explain(target: Target, findings: Sequence[Finding], observed: Sequence[Observed], seconds: float) -> Checked:
    """With advice, the lines of the code, and hints where nothing was seen to happen."""
    hinted = hints(target)
    findings = [_with_place(target, each) for each in findings]
    find = cache(lambda file: parse(target.files.get(file, b"")))
    known = {each.place[:2] for each in findings if each.place}
    told = []
    for each in findings:
        found = culprit(each.stack, find) if each.kind == LEAK else None
        hint = next((hint for hint in hinted if each.kind == LEAK and hint[3:5] in places(each.stack)), None)
        awaitable = found is not None and (each.work not in TIMERS or ends_a_promise(each.stack, find))
        call = f"{found[0]} in {target.shown(found[1])}:{found[2]}" if found is not None and awaitable else None
        text = advice(each, target.runtime, call)
        if found is not None:
            known.add(found[1:])
        elif hint is not None and hint.rule in (
            CALLBACK_IN_ASYNC,
            FLOATING_PROMISE,
        ):  # nearer to the mistake than where the work began
            known.add(hint[3:5])
            text = f"{target.shown(hint.file)}:{hint.line}: {hint.text}. {hint.advice}"
        told.append(_told(target, each, text))
    rest = [_hinted(target, each) for each in hinted if (each.file, each.line) not in known]
    return Checked(target, [*told, *rest], observed, seconds)


def _with_place(target: Target, finding: Finding) -> Finding:
    """Node.js does not say where a module is that it cannot read."""
    if finding.place is not None or not _UNREADABLE.search(finding.subject):
        return finding
    scripts = sorted((name for name in target.files if name.endswith(SCRIPTS)), key=lambda name: name != target.entry)
    places = ((name, *place) for name in scripts if (place := stumble(target.files[name])) is not None)
    return replace(finding, place=next(places, None))


def _hinted(target: Target, hint: Hint) -> Told:
    place = (hint.file, hint.line, hint.column)
    return _told(target, Finding(HINT, hint.text, hint.rule, place), hint.advice)


def _told(target: Target, finding: Finding, text: str) -> Told:
    if finding.place is None:
        return Told(finding, text)
    file, line, column = finding.place
    lines = target.source(file)
    code = lines[line - 1].strip() if lines is not None and 0 < line <= len(lines) else None
    return Told(finding, text, target.shown(file), line, column, code)


def as_plain(checked: Sequence[Checked], kinds: Sequence[str]) -> Mapping[str, Any]:
    """The shape of `--json` (docs/checking.md)."""
    return {
        "ok": not any(each.failing(kinds) for each in checked),
        "failOn": list(kinds),
        "functions": [_function(each) for each in checked],
    }


def _function(checked: Checked) -> dict[str, Any]:
    return {
        "name": checked.target.name,
        "runtime": checked.target.runtime,
        "event": checked.target.event_name,
        "seconds": round(checked.seconds, 3),
        "findings": [_finding(each) for each in checked.told],
        "fates": {each.fate.value: _fate(each) for each in checked.observed},
    }


def _finding(told: Told) -> dict[str, Any]:
    finding = told.finding
    return {
        "kind": finding.kind,
        "title": finding.title,
        "work": finding.work or None,
        "file": told.file,
        "line": told.line or None,
        "column": told.column or None,
        "code": told.code,
        "stack": list(finding.stack),
        "fates": {
            fate.value: {"outcome": outcome.word, "text": outcome.text} for fate, outcome in finding.fates.items()
        },
        "effects": [{"what": each.what, "outcome": each.outcome or None} for each in finding.effects],
        "details": list(finding.details),
        "advice": told.advice or None,
    }


def _fate(observed: Observed) -> dict[str, Any]:
    seen = observed.seen
    answers = [each for each in (seen.first, seen.second) if each is not None]
    return {
        "forced": seen.unforced is None,
        "why": seen.unforced,
        "settled": seen.settled,
        "seconds": round(seen.seconds, 3),
        "answers": [
            {
                "requestId": request_id,
                "payload": answer.body.decode(errors="replace"),
                "failed": error_of(answer) is not None,
            }
            for request_id, answer in zip(observed.ids, answers, strict=True)
        ],
        "calls": [{"what": effect.what, "status": effect.outcome} for _, effect in observed.calls],
        "lateLines": list(observed.stray_lines),
    }
