"""The picture of a run before it is drawn: who takes part, what happened in which order, and the same to scale.

Rows are in the order of time, one below the other, however far apart; the timeline has the proportions. Texts are ready to be
shown. `analysis/` makes pictures of records, `pictures/` draws them, the command line prints them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ParticipantKind = Literal["caller", "queue", "environment", "other", "target"]
RowKind = Literal["message", "exchange", "note", "frozen", "wait", "end"]
Tone = Literal["plain", "answer", "leak", "error", "quiet", "init"]
BarKind = Literal["init", "invoke", "frozen", "wait", "extensions", "call", "leak"]
ThreadEnd = Literal["continued", "finished", "never", "open"]


@dataclass(frozen=True, slots=True)
class Participant:
    """A column. `detail` is a second, smaller line."""

    id: str
    kind: ParticipantKind
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that happened.

    `message`: from `source` to `target`; `exchange`: there and `back`; `note`: `source` says something; `frozen` and `wait`:
    a stretch of time; `end`: `source` is gone. `at_ms` counts from the picture's beginning, `when` is that as text. `text` is
    the main thing, `detail` what is smaller beside it. `arrives` is False for what never left. `leak` names the thread that
    the row is about.
    """

    kind: RowKind
    at_ms: float
    when: str
    source: str
    text: str
    target: str | None = None
    detail: str = ""
    back: str = ""
    tone: Tone = "plain"
    arrives: bool = True
    leak: str | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """A bar on a participant's line, from one row to another (indexes); `leak`: left-over work at another's expense."""

    participant: str
    kind: Literal["init", "invoke", "leak"]
    first: int
    last: int
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """Work that was left behind, from the row where it was left to the row where its fate is known."""

    leak: str
    participant: str
    first: int
    last: int
    end: ThreadEnd


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch in a lane of the timeline."""

    kind: BarKind
    from_ms: float
    to_ms: float
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """A line of the timeline; `thin` for what belongs to the lane above."""

    name: str
    segments: Sequence[Segment]
    thin: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """One run. `began_ms` counts UTC milliseconds; `legend` says what the reader should know,
    `hints` what could be better, where it is sure."""

    request_id: str
    function: str
    title: str
    subtitle: str
    description: str
    began_ms: float
    participants: Sequence[Participant]
    rows: Sequence[Row]
    activities: Sequence[Activity]
    threads: Sequence[Thread]
    lanes: Sequence[Lane]
    legend: Sequence[str] = ()
    hints: Sequence[str] = ()


def moment(ms: float, of_ms: float) -> str:
    """A time since the beginning of something that takes `of_ms`: `41 ms`, `1.253 s`, `1:00.004`, `2:30:00.000`."""
    if of_ms < 1_000 or ms < 0.05 or (ms < 999.5 and of_ms < 60_000):
        return span(ms)
    if of_ms < 60_000:
        return f"{ms / 1000:.3f} s"
    minutes, left = divmod(round(ms), 60_000)
    text = f"{left / 1000:06.3f}"
    return f"{minutes}:{text}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{text}"


def span(ms: float) -> str:
    """A span of time as people read it: `0.3 ms`, `41 ms`, `1.25 s`, `2 min`, `1 h 5 min`."""
    if ms < 0:
        return f"−{span(-ms)}"
    if ms < 9.95:
        return f"{ms:.1f} ms" if ms >= 0.05 else "0 ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_950:
        return f"{ms / 1000:.2f}".rstrip("0").rstrip(".") + " s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
