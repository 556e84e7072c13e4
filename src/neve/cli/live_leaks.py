"""What the live log says of execution leaks: a block when a line leaks for the first time, then only now and then a count."""

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Styled = tuple[str, Mapping[str, Any]]
Record = Mapping[str, Any]

LEAK: Mapping[str, Any] = {"fg": "yellow", "bold": True}
_QUIET: Mapping[str, Any] = {"dim": True}
_BAD: Mapping[str, Any] = {"fg": "red"}
_COUNTED = frozenset({10, 100, 1_000, 10_000, 100_000})
_MOST_KNOWN = 10_000
_MOST_CALLERS = 4


def place(source: Mapping[str, Any] | None, folder: str = "") -> str:
    """`functions/orders/index.mjs:7:3`, or that it is not known."""
    if source is None:
        return "a line that is not known yet"
    file = source["file"]
    shown = file if file.startswith("/") else posixpath.normpath(folder + file)
    return f"{shown}:{source['line']}:{source['column']}".removesuffix(":0")  # a column that is not known


def caller(stack: Sequence[str]) -> str:
    """In which functions: ` in save ← handler`."""
    names = [name for line in stack if (name := line.partition(" (")[0]) != "<anonymous>"]
    return f" in {' ← '.join(names[:_MOST_CALLERS])}" if names else ""


@dataclass
class _Line:
    """One line of a function's code that leaks."""

    description: str
    shown: str
    count: int = 0
    went_on: bool = False
    never: bool = False


@dataclass
class _Leak:
    """One leak of a line, as long as its environment lives."""

    line: _Line
    origin: str
    environment: str
    over: bool = False


@dataclass
class LeakRows:
    """Rows to show for the records of leaks. `folder` says where a function's code comes from, with a slash."""

    folder: Callable[[str], str]
    _lines: dict[tuple[str, str], _Line] = field(default_factory=dict)
    _leaks: dict[str, _Leak] = field(default_factory=dict)

    def rows(self, record: Record) -> Iterator[list[Styled]]:
        """The rows of one record: none, most of the time."""
        show = {
            "neve.leak": self._left,
            "neve.leakResumed": self._went_on,
            "neve.leakFinished": self._finished,
            "neve.leakFailed": self._failed,
            "neve.environmentStopped": self._stopped,
        }.get(record["type"])
        return iter(()) if show is None else show(record)

    def _left(self, record: Record) -> Iterator[list[Styled]]:
        members = record["record"]
        if members["origin"] is None:
            return
        where = place(members["source"], self.folder(record["function"]))
        line = self._lines.setdefault(
            (record["function"], f"{members['kind']} {where}"), _Line(members["description"], where)
        )
        before, line.count = line.count, line.count + members["count"]
        if len(self._leaks) >= _MOST_KNOWN:
            del self._leaks[next(iter(self._leaks))]
        self._leaks[members["leakId"]] = _Leak(line, members["origin"], record["environment"])
        if before == 0:
            many = f" ×{members['count']}" if members["count"] > 1 else ""
            yield [("LEAK ", LEAK), (f"{members['description']}{many} is left unfinished", {})]
            yield [("     ", {}), (where, {"fg": "yellow"}), (caller(members["stack"]), _QUIET)]
        elif any(before < step <= line.count for step in _COUNTED):
            yield [("LEAK ", LEAK), (f"{line.count} times now, from {where}", _QUIET)]

    def _went_on(self, record: Record) -> Iterator[list[Styled]]:
        leak = self._leaks.get(record["record"]["leakId"])
        if leak is None or leak.line.went_on:
            return
        leak.line.went_on = True
        what = f"{leak.line.description} of {leak.origin[:8]} goes on here"
        yield [("LEAK ", LEAK), (what, {}), (f", {leak.line.shown}", _QUIET)]

    def _finished(self, record: Record) -> Iterator[list[Styled]]:
        if record["record"]["requestId"] is not None:
            yield from self._went_on(record)
        leak = self._leaks.get(record["record"]["leakId"])
        if leak is not None:
            leak.over = True

    def _failed(self, record: Record) -> Iterator[list[Styled]]:
        members = record["record"]
        leak = self._leaks.get(members["leakId"])
        if leak is not None:
            does = "ends this invocation" if members["fatal"] else "is raised here, and nobody catches it"
            text = f"an error of work that {leak.origin[:8]} left behind {does}: {members['error']}"
            yield [("LEAK ", LEAK), (text, _BAD)]

    def _stopped(self, record: Record) -> Iterator[list[Styled]]:
        gone = [each for each, leak in self._leaks.items() if leak.environment == record["environment"]]
        for each in gone:
            leak = self._leaks.pop(each)
            if not (leak.over or leak.line.went_on or leak.line.never):
                leak.line.never = True
                what = f"{leak.line.description} of {leak.origin[:8]} never went on"
                yield [("LEAK ", LEAK), (what, {}), (f", {leak.line.shown}", _QUIET)]
