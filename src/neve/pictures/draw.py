"""A picture as an SVG document: title, sequence diagram, timeline, legend, on a ground of its own."""

from neve.domain.picture import Picture
from neve.pictures.bars import draw_bars
from neve.pictures.columns import SMALL_SIZE
from neve.pictures.sequence import draw_sequence
from neve.pictures.svg import Drawing
from neve.pictures.text import width

_PAD = 24.0
_LEAST_WIDTH = 620.0


def draw(picture: Picture) -> str:
    """The document. It has no script, no font and no link; it is readable on light and on dark ground."""
    parts = Drawing()
    right, bottom = draw_sequence(parts, picture, _PAD, _PAD + 58.0)
    legends = max((width(line, SMALL_SIZE) for line in picture.legend), default=0.0)
    heading = max(width(picture.title, 16.0, bold=True), width(picture.subtitle, 12.0))
    hints = [f"Hint: {hint}" for hint in picture.hints]
    legends = max([legends, *(width(hint, 12.0) for hint in hints)])
    right = max(right, _PAD + heading, _PAD + legends, _LEAST_WIDTH - _PAD)
    for hint in hints:
        bottom += 18.0
        parts.text("initink", _PAD, bottom, hint)
    parts.line("grid w", _PAD, bottom + 16.0, right, bottom + 16.0)
    bottom = draw_bars(parts, picture, _PAD, right, bottom + 28.0)
    for line in picture.legend:
        bottom += 16.0
        parts.text("dim", _PAD, bottom, line, size=SMALL_SIZE)
    parts.text("ink h", _PAD, _PAD + 14.0, picture.title, size=16.0)
    parts.text("dim", _PAD, _PAD + 34.0, picture.subtitle)
    under = Drawing()
    wide, high = right + _PAD, bottom + _PAD
    under.rect("ground edge w", 0.5, 0.5, wide - 1.0, high - 1.0, 8.0)
    return under.joined(parts).document(wide, high, picture.title, picture.description)
