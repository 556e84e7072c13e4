"""SARIF 2.1.0, which code hosts show beside the line: paths are relative to the root of the repository."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from neve import __version__
from neve.cli.checking.compare import DIFFERENCE, ERROR, HINT, LEAK, LOST, TIMEOUT
from neve.cli.checking.report import Checked, Told

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_RULES = {
    "leak-request": (
        "Request that nothing waits for",
        "A request was still under way when the handler answered. It freezes with the environment: it ends inside a later "
        "invocation, or never. Await it before you answer.",
    ),
    "leak-timer": (
        "Timer that outlives its invocation",
        "A timer or interval was still set when the handler answered. It fires inside a later invocation, or never. Await or "
        "clear it before you answer.",
    ),
    "leak-process": (
        "Process or thread that outlives its invocation",
        "A child process, worker or thread was still at work when the handler answered. It stands still with the environment, "
        "and goes on at the cost of a later invocation, or never. Wait for its end, or end it, before you answer.",
    ),
    "leak-work": (
        "Work that nothing waits for",
        "Work was still under way when the handler answered: it ends inside a later invocation, or never. Await it, or end "
        "it, before you answer.",
    ),
    "timeout": (
        "Invocation that runs out of time",
        "The function did not end in its time. With callbacks, an answer waits until the event loop is empty: an interval or "
        "an open connection keeps it waiting.",
    ),
    "error": ("Invocation that fails", "The function failed when it was invoked with the event of the check."),
    "difference": (
        "Invocation that left-over work disturbs",
        "An invocation answers otherwise when work of an earlier one goes on in it.",
    ),
    "hint-floating-promise": (
        "Promise that nothing waits for",
        "A call gives a promise, and nobody takes it: the handler may answer before it is settled. Await it, or return it.",
    ),
    "hint-async-for-each": (
        "forEach with an async callback",
        "forEach does not wait for the promises of its callback. Use a loop with await, or Promise.all.",
    ),
    "hint-floating-timer": (
        "Timer in an async function that nothing waits for",
        "An async handler answers without waiting for timers: they fire inside a later invocation, or never.",
    ),
    "hint-callback-in-async": (
        "Callback in an async function",
        "An async handler answers without waiting for callbacks. Use the promise of the call, and await it.",
    ),
    "hint-context-done": (
        "context.done, context.succeed or context.fail",
        "They answer at once, whatever is still under way, and are no more from Node.js 24 on.",
    ),
    "hint-empty-event-loop": (
        "callbackWaitsForEmptyEventLoop = false",
        "The answer does not wait for what is still under way, which freezes with the environment.",
    ),
    "hint-callback-handler": (
        "Handler with a callback for a runtime without callbacks",
        "From nodejs24.x on handlers with three parameters are refused.",
    ),
}
_OF_WORK = {
    **dict.fromkeys(("fetch", "http", "call"), "leak-request"),
    **dict.fromkeys(("timer", "interval", "immediate"), "leak-timer"),
    **dict.fromkeys(("child process", "worker thread", "process", "thread"), "leak-process"),
}
_IDS = list(_RULES)


def sarif_json(checked: Sequence[Checked], kinds: Sequence[str]) -> str:
    """The document. Findings of other kinds than `kinds` are notes."""
    driver = {
        "name": "neve check",
        "semanticVersion": __version__,
        "rules": [_rule(identity, *texts) for identity, texts in _RULES.items()],
    }
    results = [_result(each, told, kinds) for each in checked for told in each.told]
    run = {"tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(identity: str, title: str, text: str) -> dict[str, Any]:
    return {
        "id": identity,
        "name": "".join(part.capitalize() for part in identity.split("-")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": text},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": "error" if identity in (TIMEOUT, ERROR) else "warning"},
        "properties": {"tags": ["reliability", "aws-lambda"]},
    }


def _result(checked: Checked, told: Told, kinds: Sequence[str]) -> dict[str, Any]:
    finding = told.finding
    identity = _rule_of(told)
    fates = [f"{fate.value}: {outcome.text}" for fate, outcome in finding.fates.items()]
    message = [f"{checked.target.name}: {finding.title}.", *fates, *finding.details, told.advice]
    return {
        "ruleId": identity,
        "ruleIndex": _IDS.index(identity),
        "level": _level(told, kinds),
        "message": {"text": "\n".join(line for line in message if line)},
        "locations": [_location(checked, told)],
        "partialFingerprints": {"neveFinding/v1": _fingerprint(checked, told)},
        "properties": {"function": checked.target.name, "fates": {f.value: o.word for f, o in finding.fates.items()}},
    }


def _rule_of(told: Told) -> str:
    if told.finding.kind == HINT:
        return f"hint-{told.finding.work}"
    return _OF_WORK.get(told.finding.work, "leak-work") if told.finding.kind == LEAK else told.finding.kind


def _level(told: Told, kinds: Sequence[str]) -> str:
    if told.finding.kind not in kinds:
        return "note"
    if told.finding.kind == HINT:
        return "warning"
    lost = any(outcome.word == LOST for outcome in told.finding.fates.values())
    return "error" if lost or told.finding.kind not in (LEAK, DIFFERENCE) else "warning"


def _location(checked: Checked, told: Told) -> dict[str, Any]:
    """Where it is not known, the file of the handler."""
    file = told.file or checked.target.shown(checked.target.entry)
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(file), "uriBaseId": "%SRCROOT%"}}
    if told.line:
        column = {"startColumn": told.column} if told.column else {}
        snippet = {"snippet": {"text": told.code}} if told.code else {}
        place["region"] = {"startLine": told.line, **column, **snippet}
    return {"physicalLocation": place}


def _uri(file: str) -> str:
    """Relative to the root of the repository; to where we are, outside of one."""
    path = Path(file).absolute()
    root = next((each for each in path.parents if (each / ".git").exists()), Path.cwd())
    relative = path.relative_to(root) if path.is_relative_to(root) else PurePosixPath(file)
    return quote(relative.as_posix())


def _fingerprint(checked: Checked, told: Told) -> str:
    """The same when the lines above it change."""
    parts = (checked.target.name, _rule_of(told), told.file or "", told.code or told.finding.subject)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
