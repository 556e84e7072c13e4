"""What the live log says of execution leaks: a block when a line leaks for the first time, then only now and then a count."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Styled = tuple[str, Mapping[str, Any]]
Record = Mapping[str, Any]

LEAK: Mapping[str, Any] = {"fg": "yellow", "bold": True}
_QUIET: Mapping[str, Any] = {"dim": True}
_BAD: Mapping[str, Any] = {"fg": "red"}
_COUNTED = frozenset({10, 100, 1_000, 10_000, 100_000})
_MOST_OPEN = 10_000


def place(source: Mapping[str, Any] | None, folder: str = "") -> str:
    """`functions/orders/index.mjs:7:3`, or that it is not known."""
    if source is None:
        return "a line that is not known yet"
    file = source["file"]
    shown = file if file.startswith("/") else posixpath.normpath(folder + file)
    return f"{shown}:{source['line']}:{source['column']}"


def caller(stack: list[str] | tuple[str, ...]) -> str:
    """In which function: ` in handler`."""
    name = stack[0].partition(" (")[0] if stack else ""
    return "" if name in ("", "<anonymous>") else f" in {name}"


@dataclass
class _Line:
    """One line of a function's code that leaks."""

    description: str
    shown: str
    count: int = 0
    went_on: bool = False
    never: bool = False


@dataclass
class LeakRows:
    """Rows to show for the records of leaks. `folder` says where a function's code comes from, with a slash."""

    folder: Callable[[str], str]
    _lines: dict[tuple[str, str], _Line] = field(default_factory=dict)
    _open: dict[str, tuple[_Line, str, str]] = field(default_factory=dict)  # leak id → line, origin, environment

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
        if len(self._open) < _MOST_OPEN:
            self._open[members["leakId"]] = (line, members["origin"], record["environment"])
        if before == 0:
            many = f" ×{members['count']}" if members["count"] > 1 else ""
            yield [("LEAK ", LEAK), (f"{members['description']}{many} is left unfinished", {})]
            yield [("     ", {}), (where, {"fg": "yellow"}), (caller(members["stack"]), _QUIET)]
        elif any(before < step <= line.count for step in _COUNTED):
            yield [("LEAK ", LEAK), (f"{line.count} times now, from {where}", _QUIET)]

    def _went_on(self, record: Record) -> Iterator[list[Styled]]:
        known = self._open.get(record["record"]["leakId"])
        if known is None or known[0].went_on:
            return
        line, origin, _ = known
        line.went_on = True
        yield [("LEAK ", LEAK), (f"{line.description} of {origin[:8]} goes on here", {}), (f", {line.shown}", _QUIET)]

    def _finished(self, record: Record) -> Iterator[list[Styled]]:
        if record["record"]["requestId"] is not None:
            yield from self._went_on(record)
        self._open.pop(record["record"]["leakId"], None)

    def _failed(self, record: Record) -> Iterator[list[Styled]]:
        known = self._open.pop(record["record"]["leakId"], None)
        if known is not None:
            text = f"an error of work that {known[1][:8]} left behind ends this invocation: {record['record']['error']}"
            yield [("LEAK ", LEAK), (text, _BAD)]

    def _stopped(self, record: Record) -> Iterator[list[Styled]]:
        gone = [leak for leak, (_, _, environment) in self._open.items() if environment == record["environment"]]
        for leak in gone:
            line, origin, _ = self._open.pop(leak)
            if not line.never and not line.went_on:
                line.never = True
                yield [
                    ("LEAK ", LEAK),
                    (f"{line.description} of {origin[:8]} never went on", {}),
                    (f", {line.shown}", _QUIET),
                ]
