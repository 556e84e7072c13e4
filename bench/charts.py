"""Pictures of figures as SVG: readable in light and dark, with a text for those who do not see them.

Two kinds: dots on a logarithmic scale, a row for each workload and a mark for each peer; and curves on logarithmic scales.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH = 860
_HOLLOW = 6  # a second Neve in one picture
_LEFT, _RIGHT, _TOP, _ROW = 150, 40, 74, 34
_STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink); }
.title { font-size: 15px; font-weight: 600; } .faint { fill: var(--faint); font-size: 12px; }
.value { font-size: 12px; font-weight: 600; fill: var(--c0); }
.ground { fill: var(--ground); } .grid { stroke: var(--grid); } .axis { stroke: var(--faint); }
svg { --ground: #ffffff; --ink: #1f2328; --faint: #626a73; --grid: #e3e6ea;
  --c0: #1a66d6; --c1: #c25700; --c2: #a8328e; --c3: #1b7f5c; --c4: #6b7280; --c5: #3d444d; --c6: #1a66d6; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #e6edf3; --faint: #9aa4af; --grid: #2a313a;
  --c0: #6cb0ff; --c1: #ff9d4d; --c2: #f08fd8; --c3: #56d4a4; --c4: #9aa4af; --c5: #d0d7de; --c6: #6cb0ff; } }
"""
_ORDER = (
    "Neve",
    "AWS RIE",
    "serverless-offline",
    "ministack",
    "Node.js alone, HTTP",
    "Node.js alone, frames",
)


class Dot(NamedTuple):
    """What one peer has in one row: the median, and the least and the most of all rounds."""

    median: float
    low: float
    high: float


def dots(title: str, unit: str, rows: Mapping[str, Mapping[str, Dot]]) -> str:
    """A row for each workload. The values of Neve stand beside their marks; all are in the description."""
    peers = _ordered({peer for row in rows.values() for peer in row})
    values = [each for row in rows.values() for dot in row.values() for each in dot if each > 0]
    scale = _Scale(values, _LEFT, WIDTH - _RIGHT)
    height = _TOP + _ROW * len(rows) + 46
    parts = [_legend(peers, 46), *_grid_down(scale, _TOP, _TOP + _ROW * len(rows)), *_ticks(scale, height - 26)]
    parts.append(_text(WIDTH - _RIGHT, height - 8, f"{unit}, logarithmic", "faint", "end"))
    for place, (name, row) in enumerate(rows.items()):
        y = _TOP + _ROW * place + _ROW / 2
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(_LEFT - 12, y + 4, name, "", "end"))
        for peer in reversed(peers):  # ours is drawn last, over the others
            if peer in row and row[peer].median > 0:
                parts += _dot(scale, y, peer, peers.index(peer), row[peer], f"{name}, {peer}", unit)
    description = "; ".join(
        f"{name}: " + ", ".join(f"{peer} {number(row[peer].median)}" for peer in peers if peer in row)
        for name, row in rows.items()
    )
    return _document(height, title, f"{unit}. {description}.", parts)


def curves(title: str, x: str, y: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """A line for each series; names stand at their ends."""
    height, bottom, right = 330, 280, WIDTH - 150
    names = _ordered(set(series))
    across = _Scale([point[0] for each in series.values() for point in each], 70, right)
    up = _Scale([point[1] for each in series.values() for point in each if point[1] > 0], bottom, 62)
    parts = [*_grid_down(across, 62, bottom), *_ticks(across, bottom + 18)]
    for value in up.ticks:
        parts.append(f'<line class="grid" x1="70" x2="{right}" y1="{up(value):.1f}" y2="{up(value):.1f}"/>')
        parts.append(_text(62, up(value) + 4, number(value), "faint", "end"))
    parts.append(_text(70, 50, y, "faint"))
    parts.append(_text(right, height - 10, x, "faint", "end"))
    free: list[float] = []
    for name in sorted(names, key=lambda each: -series[each][-1][1]):
        colour, points = _colour(name, names.index(name)), [each for each in series[name] if each[1] > 0]
        path = " ".join(f"{across(a):.1f},{up(b):.1f}" for a, b in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="var(--c{colour})" stroke-width="2"/>')
        for a, b in points:
            told = f"{name}: {number(a)} {x}, {number(b)} {y}"
            parts.append(_mark(colour, across(a), up(b), told))
        at = max([up(points[-1][1]) + 4, *(each + 16 for each in free)])
        free.append(at)
        parts.append(f'<text x="{right + 10}" y="{at:.1f}" style="fill: var(--c{colour})">{escape(name)}</text>')
    told = "; ".join(f"{name}: " + ", ".join(f"{number(a)} → {number(b)}" for a, b in series[name]) for name in names)
    return _document(height, title, f"{y} by {x}. {told}.", parts)


def number(value: float) -> str:
    """As a reader takes it in: three digits."""
    if value == 0 or math.isnan(value):
        return "0" if value == 0 else "–"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{round(value, digits):,.{min(digits, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text and value >= 100 else text


class _Scale:
    """Logarithmic, with room at both ends."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        low, high = (min(values), max(values)) if values else (1, 10)
        low, high = low / 1.25, high * 1.25
        if high / low < 10:  # a flat thing must look flat
            middle = math.sqrt(low * high)
            low, high = middle / math.sqrt(10), middle * math.sqrt(10)
        self._low, self._high, self._begin, self._end = math.log10(low), math.log10(high), begin, end

    def __call__(self, value: float) -> float:
        part = (math.log10(value) - self._low) / (self._high - self._low)
        return self._begin + part * (self._end - self._begin)

    @property
    def ticks(self) -> list[float]:
        steps = (1,) if self._high - self._low > 2.5 else (1, 2, 5)
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        found = [step * 10.0**power for power in powers for step in steps]
        return [each for each in found if self._low <= math.log10(each) <= self._high]


def _ordered(names: set[str]) -> list[str]:
    """Everybody has one colour in all pictures."""
    known = {name: place for place, name in enumerate(_ORDER)}
    return sorted(names, key=lambda name: (known.get(name, -1 if name.startswith("Neve") else 99), name))


def _colour(peer: str, place: int) -> int:
    if peer.startswith("Neve"):
        return 0 if place == 0 else _HOLLOW
    return _ORDER.index(peer) if peer in _ORDER else place % _HOLLOW


def _dot(scale: _Scale, y: float, peer: str, place: int, dot: Dot, told: str, unit: str) -> list[str]:
    colour = _colour(peer, place)
    x = scale(dot.median)
    parts = [
        f'<line x1="{scale(dot.low):.1f}" x2="{scale(dot.high):.1f}" y1="{y:.1f}" y2="{y:.1f}" '
        f'stroke="var(--c{colour})" stroke-width="5" stroke-opacity="0.35" stroke-linecap="round"/>',
        _mark(colour, x, y, f"{told}: {number(dot.median)} {unit} ({number(dot.low)} to {number(dot.high)})"),
    ]
    if peer.startswith("Neve"):
        parts.append(_text(x, y - 9, number(dot.median), "value", "middle"))
    return parts


def _mark(colour: int, x: float, y: float, told: str) -> str:
    """A form for each colour, for those who do not tell colours apart."""
    shapes = {
        0: f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" %s>%s</circle>',
        1: f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9" %s>%s</rect>',
        2: f'<path d="M{x:.1f} {y - 6:.1f} l6 10 h-12 z" %s>%s</path>',
        3: f'<path d="M{x:.1f} {y - 6:.1f} l6 6 l-6 6 l-6 -6 z" %s>%s</path>',
        4: f'<rect x="{x - 1.5:.1f}" y="{y - 7:.1f}" width="3" height="14" %s>%s</rect>',
        5: f'<path d="M{x - 5:.1f} {y - 5:.1f} l10 10 m0 -10 l-10 10" stroke="var(--c5)" stroke-width="2.5" %s>%s</path>',
        _HOLLOW: f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" stroke="var(--c6)" stroke-width="2.5" %s>%s</circle>',
    }
    fill = "var(--ground)" if colour == _HOLLOW else f"var(--c{colour})"
    return shapes[colour] % (f'fill="{fill}"', f"<title>{escape(told)}</title>")


def _legend(peers: Sequence[str], y: float) -> str:
    parts, x = [], 20.0
    for place, peer in enumerate(peers):
        parts.append(_mark(_colour(peer, place), x, y, peer))
        parts.append(_text(x + 11, y + 4, peer))
        x += 34 + 6.7 * len(peer)
    return "".join(parts)


def _grid_down(scale: _Scale, top: float, bottom: float) -> list[str]:
    return [
        f'<line class="grid" x1="{scale(v):.1f}" x2="{scale(v):.1f}" y1="{top}" y2="{bottom}"/>' for v in scale.ticks
    ]


def _ticks(scale: _Scale, y: float) -> list[str]:
    return [
        _text(scale(value), y, number(value).removesuffix(".00").removesuffix(".0"), "faint", "middle")
        for value in scale.ticks
    ]


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    css = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{css} text-anchor="{anchor}">{escape(text)}</text>'


def _document(height: float, title: str, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}" '
        f'role="img" aria-labelledby="title description">\n<title id="title">{escape(title)}</title>\n'
        f'<desc id="description">{escape(description)}</desc>\n<style>{_STYLE}</style>\n'
        f'<rect class="ground" width="{WIDTH}" height="{height:.0f}"/>\n'
        f"{_text(16, 24, title, 'title')}\n" + "\n".join(parts) + "\n</svg>\n"
    )
