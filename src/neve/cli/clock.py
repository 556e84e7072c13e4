"""`neve clock`: the virtual clock, which retries and idle limits follow."""

import datetime
from collections.abc import Mapping
from typing import Any

import click

from neve.cli import options, output
from neve.cli.client import Client


@click.group(invoke_without_command=True)
@options.endpoint
@options.as_json
@click.pass_context
def command(ctx: click.Context, endpoint: str | None, as_json: bool) -> None:
    """Show the clock, or move it ahead: `neve clock advance 2m`."""
    if ctx.invoked_subcommand is None:
        _show(Client(endpoint).own("/clock"), as_json)
    else:
        ctx.obj = (endpoint, as_json)


@command.command()
@click.argument("by", type=output.Duration())
@options.endpoint
@options.as_json
@click.pass_obj
def advance(given: tuple[str | None, bool], by: float, endpoint: str | None, as_json: bool) -> None:
    """Move the clock ahead BY a time span (45s, 2m, 1h30m, 1d); what falls due happens at once."""
    _show(Client(endpoint or given[0]).own("/clock/advance", {"seconds": by}), as_json or given[1])


def _show(clock: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(clock)
        return
    now = datetime.datetime.fromtimestamp(clock["now"], datetime.UTC).isoformat(" ", "milliseconds")
    kind = "virtual" if clock["virtual"] else "real; start Neve with --virtual-clock to move it"
    click.echo(f"{now} ({kind})")
