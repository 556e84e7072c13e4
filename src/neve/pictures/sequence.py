"""Draws the sequence diagram: columns for who takes part, rows for what happened, bars for who was at work, or frozen."""

from collections.abc import Sequence
from dataclasses import dataclass

from neve.domain.picture import Activity, Participant, Picture, Row, Thread
from neve.pictures.columns import (
    HEAD_SIZE,
    LONGEST_LABEL,
    LONGEST_NAME,
    LONGEST_NOTE,
    NOTE_AWAY,
    SLOT,
    SMALL_SIZE,
    Columns,
    columns_of,
    head_width,
    note_width,
)
from neve.pictures.svg import Drawing
from neve.pictures.text import width

_HEAD_HEIGHT = 40.0
_BAR = 10.0
_ICE = 16.0
_HEIGHTS = {"message": 36.0, "exchange": 54.0, "note": 34.0, "frozen": 46.0, "wait": 46.0, "end": 34.0}
_DETAILED = {"message": 48.0, "note": 46.0}
_TAIL = 22.0

# tone: (line, tip, text, box)
_TONES = {
    "plain": ("arrow", "tip", "ink", "box"),
    "answer": ("reply", "replytip", "ink", "box"),
    "leak": ("leak d", "leaktip", "leakink", "leakbox"),
    "error": ("bad", "badtip", "badink", "badbox"),
    "quiet": ("reply", "replytip", "dim", "box"),
    "init": ("initedge", "initink", "initink", "initbox"),
}
_BARS = {"init": "initbar initedge", "invoke": "runbar runedge", "leak": "leakbar leak"}


@dataclass(frozen=True, slots=True)
class _Place:
    """A row's upper edge and height."""

    top: float
    height: float

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def draw_sequence(drawing: Drawing, picture: Picture, left: float, top: float) -> tuple[float, float]:
    """Draw it with its upper left corner there; its right and lower edge."""
    return _Sequence(drawing, picture, left, top).draw()


class _Sequence:
    def __init__(self, drawing: Drawing, picture: Picture, left: float, top: float) -> None:
        self._drawing = drawing
        self._picture = picture
        self._left = left
        self._top = top
        self._slots = _slots(picture.threads)
        self._columns: Columns = columns_of(picture, left, max(self._slots.values(), default=-1) + 1)
        self._places = self._rows(top + _HEAD_HEIGHT + 10.0)
        self._bottom = (self._places[-1].top + self._places[-1].height if self._places else top + _HEAD_HEIGHT) + _TAIL

    def draw(self) -> tuple[float, float]:
        for row, place in zip(self._picture.rows, self._places, strict=True):
            self._drawing.text(
                "dim", self._left + 62.0, place.top + self._line_of(row) + 4.0, row.when, size=SMALL_SIZE, anchor="end"
            )
        for participant in self._picture.participants:
            self._lifeline(participant)
        for activity in self._picture.activities:
            self._activity(activity)
        for row, place in zip(self._picture.rows, self._places, strict=True):
            if row.kind in ("frozen", "wait"):
                self._stretch(row, place)
        for thread in self._picture.threads:
            self._thread(thread)
        for row, place in zip(self._picture.rows, self._places, strict=True):
            self._row(row, place)
        return self._columns.right, self._bottom

    # Places

    def _rows(self, y: float) -> list[_Place]:
        places = []
        for row in self._picture.rows:
            height = (_DETAILED if row.detail else _HEIGHTS).get(row.kind, _HEIGHTS[row.kind])
            places.append(_Place(y, height))
            y += height
        return places

    @staticmethod
    def _line_of(row: Row) -> float:
        """How far below a row's upper edge its arrow, or its middle, is."""
        if row.kind in ("message", "exchange"):
            return 24.0
        return (_DETAILED if row.detail else _HEIGHTS).get(row.kind, _HEIGHTS[row.kind]) / 2

    def _x(self, participant: str) -> float:
        return self._columns.at[participant]

    def _thread_x(self, thread: Thread) -> float:
        return self._x(thread.participant) + NOTE_AWAY + 6.0 + SLOT * self._slots[thread.leak]

    def _threads_at(self, index: int, participant: str, but: str | None) -> int:
        """How many slots a note of this row has to stand clear of."""
        taken = [
            self._slots[each.leak] + 1
            for each in self._picture.threads
            if each.participant == participant and each.first < index < each.last and each.leak != but
        ]
        own = self._slots.get(but, 0) if but is not None else 0
        return max([own, *taken]) if but is None else own

    # Columns

    def _lifeline(self, participant: Participant) -> None:
        x, wide = self._x(participant.id), head_width(participant)
        ended = [
            place.middle
            for row, place in zip(self._picture.rows, self._places, strict=True)
            if row.kind == "end" and row.source == participant.id
        ]
        self._drawing.line("line", x, self._top + _HEAD_HEIGHT, x, ended[-1] if ended else self._bottom)
        look = "runedge w" if participant.kind == "environment" else "edge w"
        self._drawing.rect(f"box {look}", x - wide / 2, self._top, wide, _HEAD_HEIGHT, 6.0)
        y = self._top + (17.0 if participant.detail else 24.5)
        self._drawing.text("ink", x, y, participant.name, size=HEAD_SIZE, most=LONGEST_NAME, anchor="middle", bold=True)
        self._drawing.text("dim", x, y + 15.0, participant.detail, size=SMALL_SIZE, most=LONGEST_NAME, anchor="middle")

    def _activity(self, activity: Activity) -> None:
        first, last = self._places[activity.first], self._places[activity.last]
        y1 = first.top + self._line_of(self._picture.rows[activity.first])
        y2 = last.top + self._line_of(self._picture.rows[activity.last])
        x, wide = self._x(activity.participant) - _BAR / 2, _BAR
        if activity.kind == "leak":
            x, wide = x + _BAR, 5.0
        look = _BARS[activity.kind]
        if activity.failed:
            look = "badbar bad"
        self._drawing.rect(f"{look} w", x, y1, wide, max(8.0, y2 - y1), 2.0)

    def _stretch(self, row: Row, place: _Place) -> None:
        """Time in which nothing moves."""
        x, y, height = self._x(row.source), place.top + 4.0, place.height - 8.0
        self._drawing.rect("icebar icelines w", x - _ICE / 2, y, _ICE, height, 4.0)
        if row.kind == "frozen":
            strokes = "".join(
                f"M{x - 5:.1f} {at:.1f}l10 -6" for at in (y + 10.0 + 7.0 * n for n in range(int((height - 8.0) / 7.0)))
            )
            self._drawing.path("icelines", strokes)
        else:
            for n in range(3):
                self._drawing.dot("iceink", x, place.middle + 8.0 * (n - 1), 1.7)

    # Rows

    def _row(self, row: Row, place: _Place) -> None:
        if row.kind == "message":
            self._message(row, place.top + self._line_of(row))
        elif row.kind == "exchange":
            self._exchange(row, place.top + self._line_of(row))
        elif row.kind in ("frozen", "wait"):
            self._beside(row, place)
        else:
            self._note(row, place)

    def _ends(self, source: str, target: str) -> tuple[float, float]:
        """From the edge of one bar to the edge of the other."""
        x1, x2 = self._x(source), self._x(target)
        away = 1.0 if x2 > x1 else -1.0
        return x1 + away * self._half(source), x2 - away * self._half(target)

    def _half(self, participant: str) -> float:
        kind = next(each.kind for each in self._picture.participants if each.id == participant)
        return _BAR / 2 + 1.0 if kind == "environment" else 1.0

    def _message(self, row: Row, y: float) -> None:
        assert row.target is not None
        x1, x2 = self._ends(row.source, row.target)
        if not row.arrives:
            x2 = x1 + (x2 - x1) * 0.72
        line, tip, ink, _ = _TONES[row.tone]
        self._drawing.line(line, x1, y, x2, y)
        if row.arrives:
            self._tip(tip, x2, y, x2 > x1)
        else:
            self._cross(x2, y)
        self._label(row.text, ink, x1, x2, y - 6.0)
        self._label(row.detail, "dim", x1, x2, y + 14.0, SMALL_SIZE)

    def _exchange(self, row: Row, y: float) -> None:
        assert row.target is not None
        x1, x2 = self._ends(row.source, row.target)
        line, tip, ink, _ = _TONES["plain" if row.tone == "error" else row.tone]
        back = "error" if row.tone == "error" else "leak" if row.tone == "leak" else "answer"
        back_line, back_tip, back_ink, _ = _TONES[back]
        self._drawing.line(line, x1, y, x2, y)
        self._tip(tip, x2, y, x2 > x1)
        self._drawing.line(back_line, x2, y + 8.0, x1, y + 8.0)
        self._tip(back_tip, x1, y + 8.0, x1 > x2)
        self._label(row.text, ink, x1, x2, y - 6.0)
        gap = 10.0 if row.detail else 0.0
        both = width(row.back, 12.0) + width(row.detail, SMALL_SIZE) + gap
        if both <= LONGEST_LABEL and row.detail:
            middle = (x1 + x2) / 2
            self._drawing.text(back_ink, middle - both / 2, y + 22.0, row.back)
            self._drawing.text("dim", middle + both / 2, y + 22.0, row.detail, size=SMALL_SIZE, anchor="end")
        else:
            self._label(row.back, back_ink, x1, x2, y + 22.0)

    def _label(self, text: str, look: str, x1: float, x2: float, y: float, size: float = 12.0) -> None:
        if text:
            wide = min(width(text, size), LONGEST_LABEL)
            middle = (x1 + x2) / 2
            self._drawing.rect("ground", middle - wide / 2 - 2.0, y - size + 2.0, wide + 4.0, size + 1.0)
            self._drawing.text(look, middle, y, text, size=size, most=LONGEST_LABEL, anchor="middle")

    def _beside(self, row: Row, place: _Place) -> None:
        index = self._picture.rows.index(row)
        x = self._x(row.source) + NOTE_AWAY + SLOT * self._threads_at(index, row.source, None) + 2.0
        y = place.middle + (-2.0 if row.detail else 4.0)
        wide = note_width(row) - 16.0
        self._drawing.rect("ground", x - 2.0, place.top + 4.0, wide, place.height - 8.0)
        if row.kind == "frozen":
            self._flake(x + 5.0, y - 4.0)
            x += 15.0
        self._drawing.text("iceink", x, y, row.text, most=LONGEST_NOTE, bold=row.kind == "frozen")
        self._drawing.text("dim", x, y + 14.0, row.detail, size=SMALL_SIZE, most=LONGEST_NOTE)

    def _note(self, row: Row, place: _Place) -> None:
        index = self._picture.rows.index(row)
        line, _, ink, box = _TONES[row.tone]
        x = self._x(row.source) + NOTE_AWAY + SLOT * self._threads_at(index, row.source, row.leak)
        wide, height = note_width(row), place.height - 10.0
        y = place.top + 5.0
        if row.kind == "end":
            self._cross(self._x(row.source), place.middle)
        self._drawing.rect(f"{box} {line.split()[0]} w", x, y, wide, height, 5.0)
        self._drawing.text(ink, x + 10.0, y + 16.0, row.text, most=LONGEST_NOTE)
        self._drawing.text("dim", x + 10.0, y + 30.0, row.detail, size=SMALL_SIZE, most=LONGEST_NOTE)

    # Left-over work

    def _thread(self, thread: Thread) -> None:
        x = self._thread_x(thread)
        first = self._places[thread.first]
        y1 = first.top + first.height - 5.0
        if thread.last >= len(self._places):
            self._drawing.line("leak d thread", x, y1, x, self._bottom - 4.0)
            for n in range(3):
                self._drawing.dot("leaktip", x, self._bottom + 1.0 + 4.0 * n, 1.3)
            return
        last = self._places[thread.last]
        y2 = last.top + 5.0
        self._drawing.line("leak d thread", x, y1, x, y2 - (6.0 if thread.end != "never" else 8.0))
        if thread.end == "never":
            self._cross(x, y2 - 8.0)
        else:
            self._drawing.path("leaktip", f"M{x - 4.5:.1f} {y2 - 7:.1f}h9l-4.5 7z")

    # Signs

    def _tip(self, look: str, x: float, y: float, right: bool) -> None:
        away = -8.0 if right else 8.0
        self._drawing.path(look, f"M{x:.1f} {y:.1f}l{away:.0f} -4v8z")

    def _cross(self, x: float, y: float) -> None:
        self._drawing.path("bad thread", f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10")

    def _flake(self, x: float, y: float) -> None:
        self._drawing.path(
            "icelines", f"M{x:.1f} {y - 5:.1f}v10M{x - 4.3:.1f} {y - 2.5:.1f}l8.6 5M{x - 4.3:.1f} {y + 2.5:.1f}l8.6 -5"
        )


def _slots(threads: Sequence[Thread]) -> dict[str, int]:
    """Side by side: what lasts longest is innermost."""
    found: dict[str, int] = {}
    taken: list[tuple[int, int, int, str]] = []
    for thread in sorted(threads, key=lambda each: (-each.last, each.first)):
        slot = 0
        while any(
            used == slot and first <= thread.last and thread.first <= last and participant == thread.participant
            for used, first, last, participant in taken
        ):
            slot += 1
        found[thread.leak] = slot
        taken.append((slot, thread.first, thread.last, thread.participant))
    return found
