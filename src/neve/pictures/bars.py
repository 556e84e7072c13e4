"""Draws the timeline: the same to scale, a lane for the queue and each environment, thin ones for the calls."""

from neve.domain.picture import Lane, Picture, Segment, moment
from neve.pictures.columns import SMALL_SIZE
from neve.pictures.scale import Scale, scale_of
from neve.pictures.svg import Drawing
from neve.pictures.text import width

_HEIGHT, _THIN = 24.0, 17.0
_NAMES = 210.0
_AXIS = 22.0
_AIR = 6.0

# kind: (bar, text)
_LOOKS = {
    "init": ("initbar initedge", "initink"),
    "invoke": ("runbar runedge", "runink"),
    "frozen": ("icebar icelines", "iceink"),
    "wait": ("icebar icelines", "iceink"),
    "extensions": ("extbar extedge", "ink"),
    "call": ("runbar runedge", "dim"),
    "leak": ("leakbar leak d", "leakink"),
}


def draw_bars(drawing: Drawing, picture: Picture, left: float, right: float, top: float) -> float:
    """Draw it between these edges, from this upper edge; its lower edge."""
    lanes = picture.lanes
    if not any(lane.segments for lane in lanes):
        return top
    names = min(max(width(lane.name, SMALL_SIZE) for lane in lanes) + 18.0, _NAMES)
    scale = scale_of(lanes, left + names, right - 46.0)
    bottom = top + _AXIS + sum(_height(lane) for lane in lanes)
    _axis(drawing, scale, top, bottom)
    y = top + _AXIS
    for lane in lanes:
        drawing.text(
            "dim" if lane.thin else "ink",
            left + (10.0 if lane.thin else 0.0),
            y + _height(lane) / 2 + 4.0,
            lane.name,
            size=SMALL_SIZE,
            most=names - (10.0 if lane.thin else 0.0) - 6.0,
        )
        for segment in lane.segments:
            _segment(drawing, scale, segment, lane, y, right)
        y += _height(lane)
    return bottom + 8.0


def _height(lane: Lane) -> float:
    return _THIN if lane.thin else _HEIGHT + _AIR


def _axis(drawing: Drawing, scale: Scale, top: float, bottom: float) -> None:
    """A time at each end of a piece, where there is room, and a mark where the scale is broken."""
    last = float("-inf")
    edges = [scale.pieces[0].from_ms, *(piece.to_ms for piece in scale.pieces)]
    for ms in edges:
        x = scale.x(ms)
        drawing.line("grid w", x, top + 16.0, x, bottom)
        text = moment(ms, edges[-1] - edges[0])
        half = width(text, SMALL_SIZE) / 2
        if x - half > last + 8.0:
            drawing.text("dim", x, top + 10.0, text, size=SMALL_SIZE, anchor="middle")
            last = x + half
    for piece in scale.pieces:
        if piece.broken:
            x = (piece.left + piece.right) / 2
            drawing.path("line", f"M{x - 5:.1f} {top + 20:.1f}l3 -8M{x + 2:.1f} {top + 20:.1f}l3 -8")


def _segment(drawing: Drawing, scale: Scale, segment: Segment, lane: Lane, y: float, right: float) -> None:
    bar, ink = _LOOKS[segment.kind]
    if segment.failed and segment.kind != "leak":
        bar, ink = "badbar bad", "badink"
    x1, x2 = scale.x(segment.from_ms), scale.x(segment.to_ms)
    wide, height = max(3.0, x2 - x1), (_THIN - 7.0 if lane.thin else _HEIGHT - 4.0)
    up = y + (3.5 if lane.thin else 5.0)
    drawing.rect(f"{bar} w", x1, up, wide, height, 2.0)
    told = width(segment.text, SMALL_SIZE)
    base = up + height / 2 + 3.8
    if not lane.thin:
        text = next(
            (each for each in (segment.text, segment.text.partition(" ")[2]) if width(each, SMALL_SIZE) + 6.0 <= wide),
            "",
        )
        drawing.text(ink, x1 + wide / 2, base, text, size=SMALL_SIZE, anchor="middle")
    elif x1 + wide + 6.0 + told <= right:
        drawing.text("dim", x1 + wide + 6.0, base, segment.text, size=SMALL_SIZE)
    elif x1 - 6.0 - told > 0:
        drawing.text("dim", x1 - 6.0, base, segment.text, size=SMALL_SIZE, anchor="end")
