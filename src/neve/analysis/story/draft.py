"""Collects the rows of a picture in any order and puts them into that of time."""

from dataclasses import dataclass
from typing import Literal

from neve.domain.picture import Activity, Row, RowKind, Thread, ThreadEnd, Tone, moment

_EARLIER_MS = 0.001

ActivityKind = Literal["init", "invoke", "leak"]


@dataclass(eq=False, slots=True)
class Entry:
    """A row to be. `answer` is the row that comes back to it."""

    kind: RowKind
    at_ms: float
    source: str
    text: str
    target: str | None
    detail: str
    back: str
    tone: Tone
    arrives: bool
    leak: str | None
    answer: "Entry | None" = None


class Draft:
    """The rows so far."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._activities: list[tuple[str, ActivityKind, Entry, Entry, bool]] = []
        self._threads: list[tuple[str, str, Entry, Entry | None, ThreadEnd]] = []

    @property
    def began_ms(self) -> float:
        """When the first row is; 0 without any."""
        return min((entry.at_ms for entry in self._entries), default=0.0)

    def row(
        self,
        kind: RowKind,
        at_ms: float,
        source: str,
        text: str,
        *,
        target: str | None = None,
        detail: str = "",
        back: str = "",
        tone: Tone = "plain",
        arrives: bool = True,
        leak: str | None = None,
    ) -> Entry:
        """One more. Of two at the same time the one that is told first is above."""
        entry = Entry(kind, at_ms, source, text, target, detail, back, tone, arrives, leak)
        self._entries.append(entry)
        return entry

    def note(
        self,
        at_ms: float,
        source: str,
        text: str,
        *,
        detail: str = "",
        tone: Tone = "plain",
        leak: str | None = None,
    ) -> Entry:
        """A row in which `source` says something."""
        return self.row("note", at_ms, source, text, detail=detail, tone=tone, leak=leak)

    def together(self, there: Entry, back: Entry) -> None:
        """An answer: shown in the row of what it answers when nothing happened in between."""
        there.answer = back

    def first_of(self, leak: str, since_ms: float, until_ms: float) -> float:
        """Just before the first row of this leak since then; `until_ms` when none is earlier."""
        own = [entry.at_ms for entry in self._entries if entry.leak == leak and entry.at_ms >= since_ms]
        return min([until_ms, *(at_ms - _EARLIER_MS for at_ms in own)])

    def last_of(self, leak: str, source: str, after: Entry, until_ms: float) -> Entry:
        """The last row of this leak until then; `after` when there is none."""
        own = [
            entry
            for entry in self._entries
            if entry.leak == leak and source in (entry.source, entry.target) and after.at_ms <= entry.at_ms <= until_ms
        ]
        return max([after, *own], key=lambda entry: entry.at_ms)

    def activity(self, participant: str, kind: ActivityKind, first: Entry, last: Entry, failed: bool = False) -> None:
        """A bar between two rows."""
        self._activities.append((participant, kind, first, last, failed))

    def thread(self, leak: str, participant: str, first: Entry, last: Entry | None, end: ThreadEnd) -> None:
        """Left-over work between two rows; without a last one it goes to the end of the picture."""
        self._threads.append((leak, participant, first, last, end))

    def finished(self) -> tuple[list[Row], list[Activity], list[Thread]]:
        """Rows in the order of time, and what refers to them by index."""
        entries = sorted(self._entries, key=lambda entry: entry.at_ms)  # which is stable
        began_ms = self.began_ms
        lasted_ms = entries[-1].at_ms - began_ms if entries else 0.0
        rows: list[Row] = []
        index: dict[int, int] = {}
        skipped: set[int] = set()
        for at, entry in enumerate(entries):
            if id(entry) in skipped:
                continue
            following = entries[at + 1] if at + 1 < len(entries) else None
            joined = entry.answer if entry.answer is not None and entry.answer is following else None
            index[id(entry)] = len(rows)
            if joined is not None:
                index[id(joined)] = len(rows)
                skipped.add(id(joined))
            rows.append(_row(entry, joined, began_ms, lasted_ms))
        return rows, self._bars(index), self._lines(index, len(rows))

    def _bars(self, index: dict[int, int]) -> list[Activity]:
        return [
            Activity(participant, kind, index[id(first)], max(index[id(first)], index[id(last)]), failed)
            for participant, kind, first, last, failed in self._activities
        ]

    def _lines(self, index: dict[int, int], count: int) -> list[Thread]:
        return [
            Thread(leak, participant, index[id(first)], count if last is None else index[id(last)], end)
            for leak, participant, first, last, end in self._threads
        ]


def _row(entry: Entry, joined: Entry | None, began_ms: float, lasted_ms: float) -> Row:
    at_ms = entry.at_ms - began_ms
    kind, back, detail, tone = entry.kind, entry.back, entry.detail, entry.tone
    if joined is not None:
        kind, back, detail = "exchange", joined.text, joined.detail
        tone = joined.tone if joined.tone == "error" else tone
    return Row(
        kind=kind,
        at_ms=round(at_ms, 3),
        when=moment(at_ms, lasted_ms),
        source=entry.source,
        text=entry.text,
        target=entry.target,
        detail=detail,
        back=back,
        tone=tone,
        arrives=entry.arrives,
        leak=entry.leak,
    )
