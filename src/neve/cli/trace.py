"""`neve trace`: what happened in one run, as rows on a terminal or as a picture in a file."""

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from neve.cli import options, output
from neve.cli.client import Client

_ID_DIGITS = set("0123456789abcdef-")
_TONES: Mapping[str, Mapping[str, Any]] = {
    "leak": {"fg": "yellow"},
    "error": {"fg": "red"},
    "init": {"fg": "magenta"},
    "quiet": {"dim": True},
    "frozen": {"fg": "cyan", "dim": True},
}
_GLYPHS = {"init": "▒", "invoke": "█", "frozen": "·", "wait": "·", "extensions": "▓", "call": "━", "leak": "╍"}
_HEAD = ("AT", "REQUEST", "FUNCTION", "STATUS", "DURATION", "BILLED", "INIT")
_SHORT = 8
_LEAST_BARS, _MOST_BARS = 30, 80
_NAMES = 30

_Members = Mapping[str, Any]


@click.command()
@click.argument("run", required=False, metavar="[REQUEST_ID | FUNCTION]")
@click.option("--last", is_flag=True, help="The last run (what no argument means, too); with a FUNCTION, its last.")
@click.option("--list", "list_runs", is_flag=True, help="List the runs that are remembered, of a FUNCTION or of all.")
@click.option("--svg", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a picture instead.")
@click.option("--open", "show", is_flag=True, help="Show the picture in the browser.")
@options.endpoint
@options.as_json
def command(
    run: str | None, last: bool, list_runs: bool, svg: Path | None, show: bool, endpoint: str | None, as_json: bool
) -> None:
    """Show what happened in one run: who called whom and when, what was frozen, what was left behind and where it went on.

    A run is named by its request id, or the first digits of it; of a FUNCTION the last one is shown, without either the
    last of all. The last runs since Neve was started are remembered, in every attempt when they were asynchronous.
    """
    client = Client(endpoint)
    if list_runs:
        _list(client, run, as_json)
        return
    path = _path(run, last)
    if svg is not None:
        svg.write_bytes(client.own_text(path.replace("?", ".svg?", 1) if "?" in path else f"{path}.svg"))
        output.say(f"{svg}: written")
    if show:
        address = f"{client.endpoint}/_neve{path.replace('?', '.svg?', 1) if '?' in path else f'{path}.svg'}"
        click.launch(svg.absolute().as_uri() if svg is not None else address)
    if as_json:
        output.print_json(client.own(path))
    elif svg is None and not show:
        _show(client.own(path))


def _path(run: str | None, last: bool) -> str:
    if run is not None and not last and _is_id(run):
        return f"/traces/{run.lower()}"
    return "/traces/last" + (f"?function={quote(run, safe='')}" if run is not None else "")


def _is_id(text: str) -> bool:
    """The first digits of a request id; a function with such a name is meant with `--last`."""
    lowered = text.lower()
    return len(text) >= 4 and set(lowered) <= _ID_DIGITS and (len(text) >= _SHORT or any(map(str.isdigit, text)))


def _list(client: Client, function: str | None, as_json: bool) -> None:
    found = client.own("/traces" + (f"?function={quote(function, safe='')}" if function else ""))
    if as_json:
        output.print_json(found)
    elif found["traces"]:
        output.print_table(_HEAD, [_listed(each) for each in found["traces"]])
    else:
        output.say("No run is remembered yet; invoke a function first.")


def _listed(each: _Members) -> Sequence[str]:
    return (
        time.strftime("%H:%M:%S", time.localtime(each["at"] / 1000)),
        each["requestId"][:_SHORT],
        each["function"],
        each["status"] or "",
        _ms(each["durationMs"]),
        _ms(each["billedDurationMs"]),
        _ms(each["initDurationMs"]),
    )


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:g} ms"


# One run


def _show(picture: _Members) -> None:
    names = {each["id"]: _name(each) for each in picture["participants"]}
    lines = [_paint(picture["title"], {"bold": True}), _paint(picture["subtitle"], {"dim": True}), ""]
    whens = max((len(row["when"]) for row in picture["rows"]), default=0)
    ways = [_way(row, names) for row in picture["rows"]]
    width = max(map(len, ways), default=0)
    for row, way in zip(picture["rows"], ways, strict=True):
        lines.append(_line(row, way, whens, width))
    lines += ["", *_bars(picture)]
    if picture["hints"]:
        lines += ["", *(_paint(f"Hint: {hint}", {"fg": "magenta"}) for hint in picture["hints"])]
    click.echo("\n".join(lines))


def _name(participant: _Members) -> str:
    name = str(participant["name"])
    return name if len(name) <= _NAMES else f"{name[: _NAMES - 1]}…"


def _way(row: _Members, names: Mapping[str, str]) -> str:
    source = names.get(row["source"], row["source"])
    if row["target"] is None:
        return source
    arrow = {"exchange": "⇄"}.get(row["kind"], "→" if row["arrives"] else "↛")
    return f"{source} {arrow} {names.get(row['target'], row['target'])}"


def _line(row: _Members, way: str, whens: int, width: int) -> str:
    tone = _TONES["frozen"] if row["kind"] in ("frozen", "wait") else _TONES.get(row["tone"], {})
    text = f"{row['text']} → {row['back']}" if row["back"] else row["text"]
    detail = _paint(f"  {row['detail']}", {"dim": True}) if row["detail"] else ""
    return f"{_paint(row['when'].rjust(whens), {'dim': True})}  {way.ljust(width)}  {_paint(text, tone)}{detail}"


def _bars(picture: _Members) -> list[str]:
    """The timeline, to scale; long waits would leave nothing of the rest and are only named."""
    lanes = [lane for lane in picture["lanes"] if lane["segments"]]
    busy = [
        segment for lane in lanes for segment in lane["segments"] if segment["kind"] in ("init", "invoke", "extensions")
    ]
    if not busy:
        return []
    names = max(len(lane["name"]) for lane in lanes) + 2
    room = min(max(shutil.get_terminal_size((100, 24)).columns - names - 12, _LEAST_BARS), _MOST_BARS)
    begin = min(segment["from_ms"] for segment in busy)
    end = max(segment["to_ms"] for segment in busy)
    cuts = _cuts(busy, begin, end)
    return [_lane(lane, names, cuts, room) for lane in lanes]


_Cut = tuple[float, float]


def _cuts(busy: Sequence[_Members], begin: float, end: float) -> list[_Cut]:
    """Where something runs; what lies between gets three columns."""
    pieces: list[_Cut] = []
    for segment in sorted(busy, key=lambda each: each["from_ms"]):
        if pieces and segment["from_ms"] <= pieces[-1][1] + 0.02 * (end - begin):
            pieces[-1] = (pieces[-1][0], max(pieces[-1][1], segment["to_ms"]))
        else:
            pieces.append((segment["from_ms"], segment["to_ms"]))
    return pieces


def _lane(lane: _Members, names: int, cuts: Sequence[_Cut], room: int) -> str:
    total = sum(to - start for start, to in cuts) or 1.0
    columns = room - 3 * (len(cuts) - 1)
    cells: list[str] = []
    for index, (start, to) in enumerate(cuts):
        if index:
            cells += [_glyph(lane, (cuts[index - 1][1] + start) / 2)] * 3
        count = max(1, round(columns * (to - start) / total))
        step = (to - start) / count
        cells += [_cell(lane, start + step * n, start + step * (n + 1)) for n in range(count)]
    told = ", ".join(segment["text"] for segment in lane["segments"]) if lane["thin"] else ""
    name = f"  {lane['name']}" if lane["thin"] else lane["name"]
    return f"{_paint(name.ljust(names), {'dim': lane['thin']})} {''.join(cells).rstrip()} {_paint(told, {'dim': True})}".rstrip()


def _glyph(lane: _Members, at: float) -> str:
    return _cell(lane, at, at)


def _cell(lane: _Members, start: float, to: float) -> str:
    for segment in reversed(lane["segments"]):
        if segment["from_ms"] <= to and segment["to_ms"] >= start:
            kind = segment["kind"]
            tone = {"init": "magenta", "invoke": "blue", "call": "blue", "leak": "yellow", "extensions": "green"}.get(
                kind
            )
            return _paint(_GLYPHS[kind], {"fg": "red" if segment["failed"] else tone} if tone else {"dim": True})
    return " "


def _paint(text: str, style: _Members) -> str:
    return output.paint(text, bool(style) and output.has_colour(sys.stdout), **style)
