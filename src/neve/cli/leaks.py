"""`neve leaks`: what functions left unfinished, by the line that did it, and what became of it."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click

from neve.cli import options, output
from neve.cli.client import Client
from neve.cli.live_leaks import caller, place
from neve.cli.timeouts import explained

_FATES = {
    "continued": "went on inside a later invocation",
    "never": "never went on: the environment ended first",
    "finished": "finished before the freeze",
    "pending": "frozen with its environment",
}
_SHORT = 8

_Members = Mapping[str, Any]


@click.command()
@click.argument("function", required=False)
@options.endpoint
@options.as_json
def command(function: str | None, endpoint: str | None, as_json: bool) -> None:
    """Show execution leaks, of one FUNCTION or of all: work that was still alive when a handler had answered.

    By the line of code that started it: how often, what became of it, and the newest example. Also what invocations that
    ran out of time were waiting for.
    """
    query = f"?function={quote(function, safe='')}" if function else ""
    found = Client(endpoint).own(f"/leaks{query}")
    if as_json:
        output.print_json(found)
    elif any(found.values()):
        _show(found)
    else:
        output.say(f"No execution leaks{f' of {function}' if function else ''} so far.")


def _show(found: _Members) -> None:
    blocks = [_group(each) for each in found["groups"]]
    blocks += [_timeout(each) for each in found["timeouts"][:5]]
    if found["init"]:
        blocks.append(_init(found["init"]))
    click.echo("\n\n".join("\n".join(block) for block in blocks))


def _group(group: _Members) -> list[str]:
    example = group["example"]
    title = f"{group['function']}  {place(group['source'])}{caller(example['stack'])}"
    lines = [_bold(title), f"  {example['description']}"]
    for fate, words in _FATES.items():
        count = group["fates"].get(fate)
        if count:
            lines.append(f"  {output.paint(f'{count:>5} ×', _colour(), fg=_tone(fate))} {words}")
    lines.append(_dim(f"  newest: {_clock(example['at'])}, left by {example['origin'][:_SHORT]}{_seen(example)}"))
    if example["failed"]:
        did = "ended" if example["fatal"] else "was raised, and not caught, in"
        text = f"  its error {did} {example['failed'][:_SHORT]}: {example['error']}"
        lines.append(output.paint(text, _colour(), fg="red"))
    return lines + [_dim(f"    {line}") for line in example["stack"][1:]]


def _seen(example: _Members) -> str:
    seen = example["seenIn"]
    if not seen:
        return ""
    shown = ", ".join(each[:_SHORT] for each in seen[:3])
    return f", went on in {shown}{' …' if len(seen) > 3 else ''}"


def _timeout(timeout: _Members) -> list[str]:
    return [
        _bold(
            f"{timeout['function']}  timed out after {timeout['timeoutSeconds']:g} s ({timeout['requestId'][:_SHORT]})"
        ),
        *(f"  {line}" for line in explained(timeout)),
    ]


def _init(kept: Sequence[_Members]) -> list[str]:
    seen = {f"  {each['function']}  {place(each['source'])}  {each['description']}": None for each in kept}
    return [_dim("Kept since the init phase; it belongs to no invocation and is no leak:"), *map(_dim, seen)]


def _tone(fate: str) -> str:
    return {"continued": "yellow", "never": "red", "finished": "green"}.get(fate, "cyan")


def _clock(ms: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(ms / 1000))


def _colour() -> bool:
    return output.has_colour(sys.stdout)


def _bold(text: str) -> str:
    return output.paint(text, _colour(), bold=True)


def _dim(text: str) -> str:
    return output.paint(text, _colour(), dim=True)
