"""Where the columns of a sequence diagram stand: as near to each other as heads and labels allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from neve.domain.picture import Participant, Picture, Row
from neve.pictures.text import width

HEAD_SIZE, TEXT_SIZE, SMALL_SIZE = 12.0, 12.0, 10.5
LONGEST_NAME, LONGEST_LABEL, LONGEST_NOTE = 190.0, 300.0, 380.0
GUTTER = 78.0
_APART = 26.0
_LABEL_AIR = 44.0
NOTE_AWAY = 14.0
SLOT = 11.0


@dataclass(frozen=True, slots=True)
class Columns:
    """The middle of each column by its participant, and the right end of all."""

    at: Mapping[str, float]
    right: float


def head_width(participant: Participant) -> float:
    """Of the box with its name."""
    name = min(width(participant.name, HEAD_SIZE, bold=True), LONGEST_NAME)
    return max(name, min(width(participant.detail, SMALL_SIZE), LONGEST_NAME)) + 24.0


def label_width(row: Row) -> float:
    """Of what is written at an arrow."""
    text, back, detail = width(row.text, TEXT_SIZE), width(row.back, TEXT_SIZE), width(row.detail, SMALL_SIZE)
    below = back + detail + 10.0 if row.kind == "exchange" and row.detail else max(back, detail)
    return min(max(text, below), LONGEST_LABEL)


def note_width(row: Row) -> float:
    """Of a note's box."""
    return min(max(width(row.text, TEXT_SIZE), width(row.detail, SMALL_SIZE)), LONGEST_NOTE) + 20.0


def columns_of(picture: Picture, left: float, slots: int) -> Columns:
    """`slots`: how many threads lie side by side at most, which notes stand clear of."""
    order = [each.id for each in picture.participants]
    gaps = _gaps(picture, order)
    at: dict[str, float] = {}
    x = left + GUTTER + (head_width(picture.participants[0]) / 2 if picture.participants else 0.0)
    for index, name in enumerate(order):
        at[name] = x
        x += gaps[index] if index < len(gaps) else 0.0
    heads = max((at[each.id] + head_width(each) / 2 for each in picture.participants), default=left)
    notes = [
        at[row.source] + NOTE_AWAY + slots * SLOT + note_width(row)
        for row in picture.rows
        if row.kind not in ("message", "exchange") and row.source in at
    ]
    return Columns(at, max([heads, *notes]))


def _gaps(picture: Picture, order: Sequence[str]) -> list[float]:
    heads = [head_width(each) for each in picture.participants]
    gaps = [(one + other) / 2 + _APART for one, other in pairwise(heads)]
    place = {name: index for index, name in enumerate(order)}
    spans = []
    for row in picture.rows:
        if row.target in place and row.source in place and row.target is not None:
            low, high = sorted((place[row.source], place[row.target]))
            spans.append((high - low, low, high, label_width(row) + _LABEL_AIR))
    for _, low, high, wanted in sorted(spans):
        missing = wanted - sum(gaps[low:high])
        if missing > 0 and high > low:
            for index in range(low, high):
                gaps[index] += missing / (high - low)
    return gaps
