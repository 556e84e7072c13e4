"""`neve doctor`: what this machine offers."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from neve.cli import options, output
from neve.cli.client import Client, Impossible


@click.command()
@options.endpoint
@options.as_json
def command(endpoint: str | None, as_json: bool) -> None:
    """Say what Neve finds on this machine, what is missing, and what to do about it.

    Asks the running Neve; without one it looks itself.
    """
    items = _items(endpoint)
    if as_json:
        output.print_json(items)
    else:
        _print(items)


def _items(endpoint: str | None) -> Sequence[dict[str, Any]]:
    client = Client(endpoint)
    try:
        items: Sequence[dict[str, Any]] = client.own("/doctor")["items"]
    except Impossible:
        if endpoint is not None:
            raise
    else:
        return items
    from neve.app.machine import survey_items

    output.say(f"No Neve answers on {client.endpoint}; this is what one would find here.\n", dim=True)
    return survey_items()


def _print(items: Sequence[dict[str, Any]]) -> None:
    colour = output.has_colour(sys.stdout)
    width = max((len(item["name"]) for item in items), default=0)
    for item in items:
        mark = output.paint("✓", colour, fg="green") if item["ok"] else output.paint("✗", colour, fg="red")
        found = output.wrapped(item["found"], width + 4)
        click.echo(f"{mark} {item['name'].ljust(width)}  {found[0]}")
        for line in found[1:]:
            click.echo(" " * (width + 4) + line)
        for line in output.wrapped(item.get("advice") or "", width + 4) if not item["ok"] else []:
            click.echo(" " * (width + 4) + output.paint(line, colour, fg="yellow"))
