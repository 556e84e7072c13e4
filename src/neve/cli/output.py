"""How commands print: results on standard output, everything else on standard error; plain when nobody looks."""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import click

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def has_colour(stream: Any) -> bool:
    """Whether a stream takes colours: a terminal, and nobody said NO_COLOR."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: bool, **style: Any) -> str:
    """The text in a style of click, or as it is."""
    return click.style(text, **style) if colour else text


def say(text: str, **style: Any) -> None:
    """Something about the work, not its result: standard error."""
    click.echo(paint(text, has_colour(sys.stderr), **style), err=True)


def print_json(value: Any) -> None:
    """A result for a script."""
    click.echo(json.dumps(value, indent=2))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table without lines, on standard output. Cells may be painted."""
    colour = has_colour(sys.stdout)
    widths = [max(_width(row[column]) for row in [head, *rows]) for column in range(len(head))]
    click.echo(paint(_row(head, widths), colour, dim=True))
    for row in rows:
        click.echo(_row(row, widths))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(cell: str) -> int:
    return len(click.unstyle(cell))


def wrapped(text: str, indent: int, stream: Any = None) -> list[str]:
    """Text as the lines that fit behind an indent; one line when nobody looks."""
    if not (stream or sys.stdout).isatty():
        return [text]
    room = max(shutil.get_terminal_size().columns - indent, 20)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def age(seconds: float) -> str:
    """A time span for people: its two largest units."""
    whole = int(max(seconds, 0))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d{hours}h"
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{whole % 60}s" if minutes else f"{whole}s"


class Duration(click.ParamType[float]):
    """`90`, `45s`, `10m`, `1h30m`, `2d`: seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; usage error for anything else."""
        text = str(value)
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
        parts = _DURATION.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            self.fail(f"{text!r} is no time span; write 45s, 10m, 1h30m or 2d", param, ctx)
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
