"""What was seen of one fate, in the words of findings: leaks and what they did, calls of services, lines, answers."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlsplit

from neve.cli.checking.fates import Fate, Seen
from neve.cli.checking.witness import Record
from neve.cli.client import Answer

Place = tuple[str, int, int]
"""File as the function's code has it, line, column."""

_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_LOGGED = re.compile(
    r"\A\S+Z\t\S*\t[A-Z]+\t"
)  # time, request id, level: what console.log of Node.js puts before a text
_PYTHON_LOGGED = re.compile(r"\A\[[A-Z]+\]\t\S+Z\t\S*\t")
_REQUEST = re.compile(r"([A-Z]+) (https?://[^\s,]+)(?: \((\w+)\))?")
_VARYING = re.compile(rf"{_ID.pattern}|\d{{6,}}")  # of names: times, numbers and ids that a function makes up
_MOST_LINE = 100


@dataclass(frozen=True)
class Effect:
    """Something that others have seen, or a reader of the log: `what` it was and how it ended (`200`, `no answer`)."""

    what: str
    outcome: str = ""
    source: Place | None = None

    def __str__(self) -> str:
        return f"{self.what} → {self.outcome}" if self.outcome else self.what


@dataclass(frozen=True)
class Left:
    """One leak in one fate. `again` is whether it was left by the second invocation only."""

    id: str
    kind: str
    description: str
    count: int
    place: Place | None
    stack: Sequence[str]
    of_second: bool
    finished: bool = False
    finished_inside: bool = False
    resumed_inside: bool = False
    error: str | None = None
    effects: Sequence[Effect] = ()


@dataclass(frozen=True)
class Observed:
    """One function in one fate. `endpoint` is the server's own: requests for it are calls of services."""

    seen: Seen
    endpoint: str
    _names: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    @property
    def fate(self) -> Fate:
        return self.seen.fate

    @property
    def records(self) -> Sequence[Record]:
        return self.seen.records

    @cached_property
    def ids(self) -> Sequence[str]:
        """Of its invocations."""
        answers = [each for each in (self.seen.first, self.seen.second) if each is not None]
        return [each.headers.get("x-amzn-requestid", "") for each in answers]

    @cached_property
    def leaks(self) -> Sequence[Left]:
        """What was left, in the order in which it was told."""
        found: dict[str, Left] = {}
        for n, each in enumerate(self.records):
            members = each["record"]
            if each["type"] == "neve.leak" and members["origin"] in self.ids:
                found[members["leakId"]] = self._left(members)
            elif (leak := found.get(members.get("leakId", ""))) is not None:
                found[leak.id] = self._after(leak, each["type"], members, self._is_late(n))
        return list(found.values())

    def _left(self, members: Mapping[str, Any]) -> Left:
        second = len(self.ids) > 1 and members["origin"] == self.ids[1]
        description = self.named(self.plain(members["description"]))
        place, stack = place_of(members["source"]), members["stack"]
        return Left(members["leakId"], members["kind"], description, members["count"], place, stack, second)

    def _is_late(self, number: int) -> bool:
        """Whether a record is from after the thaw."""
        return self.fate is Fate.THAWED and number >= self.seen.turned

    def _after(self, leak: Left, kind: str, members: Mapping[str, Any], late: bool) -> Left:
        inside = members.get("requestId") is not None or (late and not leak.of_second)
        if kind == "neve.leakResumed":
            return replace(leak, resumed_inside=True)
        if kind == "neve.leakFinished":
            return replace(leak, finished=True, finished_inside=leak.finished_inside or inside)
        if kind == "neve.leakFailed":
            return replace(leak, error=members["error"], finished=True, finished_inside=inside)
        if kind == "neve.call" and members["durationMs"] is not None:
            return replace(leak, effects=(*leak.effects, self._effect(members)))
        return leak

    def _effect(self, call: Mapping[str, Any]) -> Effect:
        """What others have seen of a request that is over."""
        target = f" ({call['target'].rpartition('.')[2]})" if call["target"] else ""
        what = f"{call['method']} http://{call['host']}{call['path']}{target}"
        outcome = str(call["status"]) if call["status"] else "no answer"
        return Effect(self.named(self.plain(what)), outcome, place_of(call["source"]))

    @cached_property
    def calls(self) -> Sequence[tuple[bool, Effect]]:
        """Calls of services by the function, and whether they are from before the second invocation."""
        return [
            (n < self.seen.turned, Effect(service_call(each), str(each["record"]["status"])))
            for n, each in enumerate(self.records)
            if each["type"] == "neve.serviceCall" and self._is_functions(each)
        ]

    @property
    def late_calls(self) -> Sequence[str]:
        """Those between the first invocation's end and the second one."""
        told = self.records[self._first_ended : self.seen.turned]
        return [service_call(each) for each in told if each["type"] == "neve.serviceCall" and self._is_functions(each)]

    def _is_functions(self, call: Record) -> bool:
        """Not our own: deploying, and invoking."""
        if call["record"]["service"] != "lambda":
            return True
        return call["record"]["operation"] == "Invoke" and call["requestId"] not in self.ids

    @cached_property
    def stray_lines(self) -> Sequence[str]:
        """What left-over work of the first invocation printed: before the second one, or into its log."""
        first = self.ids[0]
        printed = [
            (n, each) for n, each in enumerate(self.records) if n > self._first_ended and each["type"] == "function"
        ]
        return [
            self.plain(text_of_line(each["record"]["text"]))
            for n, each in printed
            if each["record"].get("leftOverFrom") == first or (each["requestId"] is None and n < self.seen.turned)
        ]

    @property
    def _first_ended(self) -> int:
        """The number of the report of the first invocation."""
        told = enumerate(self.records)
        return next((n for n, each in told if _is(each, "platform.report", self.ids[0])), len(self.records))

    @cached_property
    def timeouts(self) -> Sequence[Record]:
        """Reports of invocations that ran out of time."""
        return [
            each
            for each in self.records
            if each["type"] == "platform.report"
            and each["requestId"] in self.ids
            and each["record"].get("status") == "timeout"
        ]

    @property
    def init_failed(self) -> bool:
        """Whether its first invocation ended in the init phase, which is tried again inside of it."""
        inits = (each for each in self.records if _is(each, "platform.initRuntimeDone", self.ids[0]))
        return any(each["record"]["status"] != "success" for each in inits)

    def diagnosis(self, request_id: str) -> Mapping[str, Any] | None:
        """What an invocation that ran out of time was waiting for."""
        told = (each["record"] for each in self.records if each["type"] == "neve.diagnosis")
        return next((each for each in told if each["requestId"] == request_id), None)

    # Texts that can be compared

    def plain(self, text: str) -> str:
        """Without what is another one in each world: request ids and the account."""
        return _ID.sub("…", text.replace(self.seen.account, "000000000000"))

    def named(self, description: str) -> str:
        """A request for the server's own endpoint as the call of a service that it was."""
        found = _REQUEST.match(description)
        if found is None:
            return description
        if not found[2].startswith(self.endpoint):
            return description.replace("http://", "", 1).replace("https://", "", 1)
        key = (found[1], unquote(urlsplit(found[2]).path) or "/", found[3] or "")
        return self.names.get(key) or self._names.get(key) or description

    @cached_property
    def names(self) -> Mapping[tuple[str, str, str], str]:
        """Its calls by method, path and target, as far as these name one operation: `POST /` may be anything."""
        found: dict[tuple[str, str, str], set[str]] = {}
        for each in self.records:
            if each["type"] == "neve.serviceCall":
                members = each["record"]
                for target in ("", members["operation"]):
                    found.setdefault((members["method"], members["path"], target), set()).add(service_call(each))
        return {key: names.pop() for key, names in found.items() if len(names) == 1}


def observe(seen: Sequence[Seen], endpoint: str) -> list[Observed]:
    """Each of the fates, with the names that any of them knows."""
    names: dict[tuple[str, str, str], str] = {}
    for each in seen:
        names |= Observed(each, endpoint).names
    return [Observed(each, endpoint, names) for each in seen]


def _is(record: Record, kind: str, request_id: str) -> bool:
    return bool(record["type"] == kind and record["requestId"] == request_id)


def service_call(call: Record) -> str:
    """`dynamodb PutItem`, `s3 PUT /photos/1`, `invoke resize`; `…` for what is another one each time."""
    members = call["record"]
    if members["service"] == "lambda" and members["operation"] == "Invoke":
        return f"invoke {members['path'].split('/')[-2].rpartition(':')[2]}"
    return f"{members['service']} {_VARYING.sub('…', members['operation'])}"


def place_of(source: Mapping[str, Any] | None) -> Place | None:
    """A source of a record."""
    return None if source is None else (source["file"], source["line"], source["column"])


def bare_line(text: str) -> str:
    """What somebody printed, without the columns before it."""
    return _PYTHON_LOGGED.sub("", _LOGGED.sub("", text, count=1), count=1).rstrip()


def text_of_line(text: str) -> str:
    """The same, not longer than a line."""
    bare = bare_line(text).strip().split("\n")[0]
    return bare if len(bare) <= _MOST_LINE else bare[: _MOST_LINE - 1] + "…"


def error_of(answer: Answer) -> Mapping[str, Any] | None:
    """The error of an answer, as the function's payload has it; None without one."""
    if "x-amz-function-error" not in answer.headers:
        return None
    try:
        payload = json.loads(answer.body)
    except ValueError:
        payload = None
    if isinstance(payload, dict) and ("errorType" in payload or "errorMessage" in payload):
        return payload
    return {
        "errorType": answer.headers["x-amz-function-error"],
        "errorMessage": answer.body.decode(errors="replace")[:300],
    }
