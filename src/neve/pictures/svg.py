"""Pieces of an SVG document, as text. Coordinates are rounded to half pixels: documents stay small and edges sharp."""

import re
from xml.sax import saxutils
from xml.sax.saxutils import quoteattr

from neve.pictures.text import fitted
from neve.pictures.theme import style

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape(text: str) -> str:
    """Text of anybody's as a part of a document."""
    return saxutils.escape(_NOT_XML.sub("\ufffd", text))


class Drawing:
    """Pieces, in the order in which they lie on each other."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._used: set[str] = set()

    def rect(self, look: str, x: float, y: float, width: float, height: float, radius: float = 0.0) -> None:
        """A rectangle, from its upper left corner."""
        rounded = f' rx="{_n(radius)}"' if radius else ""
        self._add(look, f'<rect{{}} x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{rounded}/>')

    def line(self, look: str, x1: float, y1: float, x2: float, y2: float) -> None:
        """A straight line."""
        self._add(look, f'<path{{}} d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"/>')

    def path(self, look: str, data: str) -> None:
        """Any path."""
        self._add(look, f'<path{{}} d="{data}"/>')

    def dot(self, look: str, x: float, y: float, radius: float) -> None:
        """A filled circle."""
        self._add(look, f'<circle{{}} cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"/>')

    def text(
        self,
        look: str,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 12.0,
        most: float | None = None,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """One line on its base line; what is wider than `most` loses its middle, and is whole in its tooltip."""
        if not text:
            return
        shown = text if most is None else fitted(text, size, most, bold)
        whole = f"<title>{escape(text)}</title>" if shown != text else ""
        at = "" if anchor == "start" else f' text-anchor="{anchor}"'
        weight = " b" if bold else ""
        small = " s" if size < 12.0 else ""
        self._add(f"{look}{weight}{small}", f'<text{{}} x="{_n(x)}" y="{_n(y)}"{at}>{whole}{escape(shown)}</text>')

    def joined(self, above: "Drawing") -> "Drawing":
        """This with another one upon it."""
        both = Drawing()
        both._pieces, both._used = self._pieces + above._pieces, self._used | above._used
        return both

    def document(self, width: float, height: float, title: str, description: str) -> str:
        """The whole, with a text alternative for who cannot see it."""
        w, h = _n(width), _n(height)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" '
            f'aria-labelledby="t d"><title id="t">{escape(title)}</title><desc id="d">{escape(description)}</desc>'
            f"<style>{style(self._used)}</style>\n" + "\n".join(self._pieces) + "\n</svg>\n"
        )

    def _add(self, look: str, piece: str) -> None:
        self._used.update(look.split())
        self._pieces.append(piece.replace("{}", f" class={quoteattr(look)}", 1))


def _n(value: float) -> str:
    text = f"{round(value * 2) / 2:.1f}"
    return text.removesuffix(".0")
