"""How wide a text gets: an upper bound, whatever font of the system it is set in.

The widths are those of DejaVu Sans (as wide as Verdana), which is wider than the fonts of macOS, Windows and Android. Nothing
in a picture may be cut or overlap where a font is wide; where it is narrow there is some air.
"""

import unicodedata

_FIRST = 32
# Thousandths of the font size, from the space to the tilde.
_WIDTHS = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787,
    603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635,
    634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
)  # fmt: skip
_OTHER = {"·": 320, "“": 520, "”": 520, "–": 500}
_BOLD = 1.12
_FULL, _ELSE = 1050, 850


def width(text: str, size: float, bold: bool = False) -> float:
    """In pixels."""
    thousandths = sum(_of(character) for character in text)
    return thousandths * size / 1000.0 * (_BOLD if bold else 1.0)


def fitted(text: str, size: float, most: float, bold: bool = False) -> str:
    """The text, its middle left out where it is wider than `most` pixels: both ends of a path tell something."""
    if width(text, size, bold) <= most:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = (kept + 1) // 2
        shown = f"{text[:head]}…{text[len(text) - (kept - head) :]}"
        if width(shown, size, bold) <= most:
            return shown
    return "…"


def _of(character: str) -> int:
    index = ord(character) - _FIRST
    if 0 <= index < len(_WIDTHS):
        return _WIDTHS[index]
    if character in _OTHER:
        return _OTHER[character]
    if unicodedata.combining(character):
        return 0
    return _FULL if unicodedata.east_asian_width(character) in "WFA" else _ELSE
