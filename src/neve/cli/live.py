"""The live log on a terminal: one row for each fact, columns for time, function and request.

    03:31:02 hello-node 8f3c1a2e START
    03:31:02 hello-node 8f3c1a2e hello
    03:31:02 hello-node 8f3c1a2e REPORT 2.31 ms, billed 43 ms, 61 MB, init 40 ms

A request is its first eight digits, everywhere. A line that names another request than the one it runs in is what an
execution leak looks like: that id is set off. END is shown when an invocation did not end well; else REPORT tells it.
"""

import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from neve.cli.live_leaks import LeakRows
from neve.cli.output import has_colour, paint
from neve.cli.timeouts import explained

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_IDS = re.compile(rf"\b({_UUID[:11]})-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}\b")
_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_NODE_LINE = re.compile(rf"{_STAMP}\t(?P<id>{_UUID}|undefined|)\t(?P<level>[A-Z]+)\t(?P<text>.*)", re.DOTALL)
_PYTHON_LINE = re.compile(rf"\[(?P<level>[A-Z]+)\]\t{_STAMP}\t(?P<id>{_UUID}|)\t(?P<text>.*)", re.DOTALL)
_PYTHON_ERROR = re.compile(r"\[ERROR\] (?P<text>.*)", re.DOTALL)
_REPORT_FIELD = re.compile(r"(Duration|Billed Duration|Max Memory Used|Init Duration|Status|Error Type): ([^\t]+)")
_UNPACKED = re.compile(r"[^\s\"'(]*/tasks/[0-9a-f]{64}/|(?:file://)?/var/task/")
_BOILERPLATE = "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code."
_WORDS = re.compile(r"\s*\S+\s?|\s+")
_PALETTE = ("cyan", "green", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta", "bright_blue")
_LEVEL_STYLES: Mapping[str, Mapping[str, Any]] = {
    "TRACE": {"dim": True},
    "DEBUG": {"dim": True},
    "WARN": {"fg": "yellow"},
    "WARNING": {"fg": "yellow"},
    "ERROR": {"fg": "red"},
    "FATAL": {"fg": "red"},
    "CRITICAL": {"fg": "red"},
}
_LONGEST_NAME = 20
_QUIET: Mapping[str, Any] = {"dim": True}
_BAD: Mapping[str, Any] = {"fg": "red", "bold": True}

Styled = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Layout:
    """How rows look: `width` None never wraps (nobody looks), `names` None has no function column."""

    width: int | None
    colour: bool
    names: int | None

    @classmethod
    def of(cls, stream: TextIO, names: Sequence[str] | None) -> "Layout":
        """The layout for a stream and the functions that will be shown."""
        width = shutil.get_terminal_size().columns if stream.isatty() else None
        longest = None if names is None else min(max(map(len, names), default=10), _LONGEST_NAME)
        return cls(width, has_colour(stream), longest)


@dataclass(frozen=True)
class Line:
    """A log line of user code, taken apart: what its columns repeat is gone from the text."""

    text: str
    level: str | None = None
    request_id: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Line":
        """Lines of the Node.js and Python clients in both formats; anything else is text."""
        found = _NODE_LINE.fullmatch(text) or _PYTHON_LINE.fullmatch(text)
        if found is not None:
            own = found["id"] if "-" in found["id"] else None
            return cls(found["text"].rstrip("\n"), found["level"], own)
        if _PYTHON_ERROR.fullmatch(text):
            return cls(text.removeprefix("[ERROR] ").replace("\u00a0", " "), "ERROR")
        return cls._parse_json(text) if text.startswith("{") else cls(text)

    @classmethod
    def _parse_json(cls, text: str) -> "Line":
        try:
            members = json.loads(text)
        except ValueError:
            return cls(text)
        known = {"timestamp", "level", "message", "requestId", "logger"}
        if not isinstance(members.get("message"), str) or members.keys() - known:
            return cls(text, members.get("level"), members.get("requestId"))
        return cls(members["message"], members.get("level"), members.get("requestId"))


class LiveLog:
    """Writes rows; several threads may."""

    def __init__(self, stream: TextIO, layout: Layout) -> None:
        self._stream = stream
        self._layout = layout
        self._colours: dict[str, str] = {}
        self._lock = threading.Lock()
        self.sources: dict[str, str] = {}  # where a function's code comes from, with a slash: traces then name it
        self._leaks = LeakRows(lambda function: self.sources.get(function, ""))
        self._shows: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "platform.initReport": self._init_report,
            "platform.start": self._start,
            "platform.runtimeDone": self._runtime_done,
            "platform.report": self._report,
            "platform.extension": self._extension,
            "platform.logsDropped": self._logs_dropped,
            "function": self._function,
            "extension": self._function,
            "neve.freeze": lambda record: self._quiet(record, "· frozen"),
            "neve.thaw": lambda record: self._quiet(record, "· thawed"),
            "neve.environmentStarted": lambda record: self._quiet(record, "· new environment"),
            "neve.environmentStopped": lambda record: self._quiet(record, "· environment stopped"),
            "neve.notice": self._notice,
            "neve.diagnosis": self._diagnosis,
        }

    def show(self, record: Mapping[str, Any]) -> None:
        """One record of the stream, as `/_neve/records` sends it; types that say nothing to people are left out."""
        show = self._shows.get(record["type"])
        if show is not None:
            show(record)
        for pieces in self._leaks.rows(record):
            self._row_of(record, *pieces)

    def note(self, function: str, text: str, **style: Any) -> None:
        """Something of our own about a function."""
        self._row(time.time() * 1000, function, None, (text, style))

    def show_line(self, time_ms: float, text: str, left_over_from: str | None = None) -> None:
        """One event of a log group: as it is when nobody looks, like a record on a terminal.

        `left_over_from` is the invocation whose left-over work wrote it into another's log.
        """
        if self._layout.width is None:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ms / 1000))
            self._write(f"{stamp}.{int(time_ms % 1000):03d}Z {text}")
            return
        kind, _, rest = text.partition(" RequestId: ")
        if kind == "START":
            self._row(time_ms, None, rest.split(" ")[0], ("START", {"bold": True}))
        elif kind == "REPORT":
            self._row(time_ms, None, rest.split("\t")[0], *_report_pieces(dict(_REPORT_FIELD.findall(rest))))
        elif kind != "END":
            self._user_line(time_ms, None, None, Line.parse(text), left_over_from)

    # One method for each kind of record

    def _start(self, record: Mapping[str, Any]) -> None:
        self._row_of(record, ("START", {"bold": True}))

    def _function(self, record: Mapping[str, Any]) -> None:
        line = Line.parse(record["record"]["text"])
        level = line.level or record["record"].get("level")
        line = Line(line.text, level, line.request_id)
        origin = record["record"].get("leftOverFrom")
        self._user_line(record["time"], record["function"], record.get("requestId"), line, origin)

    def _shortened(self, text: str, function: str | None) -> str:
        """Without what a reader has to read past: long ids, the place where the code was unpacked, a boilerplate."""
        if text.startswith(_BOILERPLATE):
            return _BOILERPLATE
        source = self.sources.get(function or "")
        if source is not None:
            text = _UNPACKED.sub(lambda _: source, text)
        return _IDS.sub(r"\1", text).replace("\r", "\n")

    def _user_line(
        self, time_ms: float, function: str | None, request_id: str | None, line: Line, origin: str | None = None
    ) -> None:
        style = _LEVEL_STYLES.get(line.level or "", {})
        prefix = f"{line.level} " if line.level in ("WARN", "WARNING", "ERROR", "FATAL", "CRITICAL") else ""
        text = (prefix + self._shortened(line.text, function), style)
        inside = request_id or line.request_id
        if origin is None and line.request_id != inside:
            origin = line.request_id  # the line names another invocation than the one that it was written in
        if origin is not None:
            mark = (f"{origin[:8]} ", {"fg": "yellow", "bold": True})
            self._row(time_ms, function, inside, ("left over from ", {"fg": "yellow"}), mark, text)
        else:
            self._row(time_ms, function, inside, text)

    def _runtime_done(self, record: Mapping[str, Any]) -> None:
        members = record["record"]
        if members["status"] != "success":
            reason = members.get("errorType") or ""
            detail = "" if reason.endswith(".Unknown") else f" {reason}"  # the error itself was logged just above
            self._row_of(record, (f"END {members['status']}{detail}".rstrip(), _BAD))

    def _report(self, record: Mapping[str, Any]) -> None:
        metrics, status = record["record"]["metrics"], record["record"].get("status")
        fields = {
            "Duration": f"{metrics['durationMs']} ms",
            "Billed Duration": f"{metrics['billedDurationMs']} ms",
            "Max Memory Used": f"{metrics['maxMemoryUsedMB']} MB",
        }
        if "initDurationMs" in metrics:
            fields["Init Duration"] = f"{metrics['initDurationMs']} ms"
        if status in ("error", "timeout"):
            fields["Status"] = status
        self._row_of(record, *_report_pieces(fields))

    def _init_report(self, record: Mapping[str, Any]) -> None:
        members = record["record"]
        if members["status"] != "success":
            reason = members.get("errorType") or members["status"]
            self._row_of(record, (f"INIT failed after {_ms(members['metrics']['durationMs'])}: {reason}", _BAD))

    def _extension(self, record: Mapping[str, Any]) -> None:
        members = record["record"]
        if "errorType" in members:
            self._row_of(record, (f"extension {members['name']}: {members['errorType']} ({members['state']})", _BAD))
        else:
            self._row_of(record, (f"· extension {members['name']} {members['state'].lower()}", _QUIET))

    def _logs_dropped(self, record: Mapping[str, Any]) -> None:
        lost = record["record"]["droppedRecords"]
        text = f"{lost} telemetry record{'s' if lost > 1 else ''} dropped: an extension does not take them"
        self._row_of(record, (text, {"fg": "yellow"}))

    def _diagnosis(self, record: Mapping[str, Any]) -> None:
        first, *others = explained(record["record"], self.sources.get(record["function"], ""))
        self._row_of(record, ("TIMEOUT ", _BAD), (first, {}))
        for line in others:
            self._row_of(record, ("        ", {}), (line, {}))

    def _notice(self, record: Mapping[str, Any]) -> None:
        self._row_of(record, (record["record"]["text"], {"fg": "yellow"}))

    def _quiet(self, record: Mapping[str, Any], text: str) -> None:
        self._row(record["time"], record["function"], None, (text, _QUIET))

    # Rows

    def _row_of(self, record: Mapping[str, Any], *pieces: Styled) -> None:
        self._row(record["time"], record["function"], record.get("requestId"), *pieces)

    def _row(self, time_ms: float, function: str | None, request_id: str | None, *pieces: Styled) -> None:
        clock = time.strftime("%H:%M:%S", time.localtime(time_ms / 1000))
        columns: list[Styled] = [(clock, _QUIET)]
        if self._layout.names is not None:
            columns.append(self._name_column(function or "", self._layout.names))
        columns.append(((request_id or "")[:8].ljust(8), _QUIET))
        head = " ".join(paint(text, self._layout.colour, **style) for text, style in columns)
        indent = sum(len(text) + 1 for text, _ in columns)
        self._write("\n".join(self._body(head, indent, pieces)))

    def _name_column(self, name: str, width: int) -> Styled:
        colour = self._colours.setdefault(name, _PALETTE[len(self._colours) % len(_PALETTE)])
        shown = name if len(name) <= width else name[: width - 1] + "…"
        return shown.ljust(width), {"fg": colour}

    def _body(self, head: str, indent: int, pieces: Sequence[Styled]) -> list[str]:
        """The pieces as lines: those of the text itself, and those that the width makes of them."""
        room = None if self._layout.width is None else max(self._layout.width - indent, 20)
        rows = [row for line in _lines(pieces) for row in _wrap(line, room)]
        painted = ["".join(paint(text, self._layout.colour, **style) for text, style in row) for row in rows]
        return [f"{head} {painted[0]}", *(" " * indent + row for row in painted[1:])]

    def _write(self, text: str) -> None:
        with self._lock:
            self._stream.write(text + "\n")
            self._stream.flush()


def _lines(pieces: Sequence[Styled]) -> list[list[Styled]]:
    """Cut at newlines; at least one line."""
    lines: list[list[Styled]] = [[]]
    for text, style in pieces:
        first, *others = text.expandtabs(4).split("\n")
        lines[-1].append((first, style))
        lines += [[(other, style)] for other in others]
    return lines


def _wrap(line: Sequence[Styled], room: int | None) -> list[list[Styled]]:
    """Cut between words where the room ends; a word longer than the room is cut, too."""
    if room is None or "\x1b" in "".join(text for text, _ in line):
        return [list(line)]
    rows: list[list[Styled]] = [[]]
    used = 0
    for text, style in line:
        for word in _WORDS.findall(text):
            if used and used + len(word.rstrip()) > room:
                rows.append([])
                used = 0
            for part in _parts(word, room):
                if used + len(part) > room:
                    rows.append([])
                    used = 0
                rows[-1].append((part, style))
                used += len(part)
    return rows


def _parts(word: str, room: int) -> list[str]:
    """A word in pieces that fit, the space behind it only where it fits, too."""
    if len(word.rstrip()) <= room:
        return [word[:room]]
    return [word[start : start + room] for start in range(0, len(word), room)]


def _report_pieces(fields: Mapping[str, str]) -> list[Styled]:
    duration, billed = _ms(_number(fields["Duration"])), _ms(_number(fields["Billed Duration"]))
    facts: list[Styled] = [(duration, {}), (f"billed {billed}", _QUIET), (fields["Max Memory Used"], _QUIET)]
    if "Init Duration" in fields:
        facts.append((f"init {_ms(_number(fields['Init Duration']))}", {"fg": "cyan", "bold": True}))
    if "Status" in fields:
        facts.append((fields["Status"], _BAD))
    pieces: list[Styled] = [("REPORT ", {"bold": True})]
    for text, style in facts[:-1]:
        pieces += [(text, style), (", ", _QUIET)]
    return [*pieces, facts[-1]]


def _number(text: str) -> float:
    return float(text.split(" ")[0])


def _ms(value: float) -> str:
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.0f} ms" if value >= 10 or value == int(value) else f"{value:.2f} ms"
