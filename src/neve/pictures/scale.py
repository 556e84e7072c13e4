"""From time to pixels. Where nothing happens for long the scale is broken, and says so."""

from collections.abc import Sequence
from dataclasses import dataclass

from neve.domain.picture import Lane

_BREAK = 88.0
_LONG = 0.25
_LEAST = 10.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time and the pixels it gets; a broken one gets the same however long it is."""

    from_ms: float
    to_ms: float
    left: float
    right: float
    broken: bool


class Scale:
    """All pieces, side by side."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces

    def x(self, ms: float) -> float:
        """Where a time is."""
        for piece in self.pieces:
            if ms <= piece.to_ms or piece is self.pieces[-1]:
                length = piece.to_ms - piece.from_ms
                share = (min(max(ms, piece.from_ms), piece.to_ms) - piece.from_ms) / length if length else 0.0
                return piece.left + share * (piece.right - piece.left)
        return 0.0


def scale_of(lanes: Sequence[Lane], left: float, right: float) -> Scale:
    """The scale for these lanes between these pixels."""
    cuts = _cuts(lanes)
    active = sum(end - start for start, end, busy in cuts if busy) or 1.0
    lengths = [
        _Length(start, end, not busy and end - start > _LONG * active and len(cuts) > 1) for start, end, busy in cuts
    ]
    broken = sum(each.broken for each in lengths)
    told = sum(each.to_ms - each.from_ms for each in lengths if not each.broken) or 1.0
    room = max(right - left - broken * _BREAK, 100.0)
    pieces = []
    x = left
    for each in lengths:
        wide = _BREAK if each.broken else max(_LEAST, room * (each.to_ms - each.from_ms) / told)
        pieces.append((each, x, x + wide))
        x += wide
    squeeze = (right - left) / (x - left) if x > left else 1.0
    return Scale([
        Piece(each.from_ms, each.to_ms, left + (a - left) * squeeze, left + (b - left) * squeeze, each.broken)
        for each, a, b in pieces
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Length:
    from_ms: float
    to_ms: float
    broken: bool


def _cuts(lanes: Sequence[Lane]) -> list[tuple[float, float, bool]]:
    """Stretches in which something happens and those in which all waits, in turns."""
    busy = sorted(
        (segment.from_ms, max(segment.to_ms, segment.from_ms))
        for lane in lanes
        for segment in lane.segments
        if segment.kind in ("init", "invoke", "extensions", "call")
    )
    ends = [segment.to_ms for lane in lanes for segment in lane.segments]
    cuts: list[tuple[float, float, bool]] = []
    at = min((segment.from_ms for lane in lanes for segment in lane.segments), default=0.0)
    for start, end in busy:
        if start > at:
            cuts.append((at, start, False))
        if end > at:
            begin = max(start, at)
            if cuts and cuts[-1][2] and cuts[-1][1] == begin:
                cuts[-1] = (cuts[-1][0], end, True)
            else:
                cuts.append((begin, end, True))
            at = end
    if max(ends, default=at) > at:
        cuts.append((at, max(ends), False))
    return cuts or [(0.0, 1.0, True)]
