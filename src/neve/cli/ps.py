"""`neve ps`: the execution environments."""

import time
from collections.abc import Mapping
from typing import Any

import click

from neve.cli import options, output
from neve.cli.client import Client

_HEAD = ("FUNCTION", "VERSION", "STATE", "PID", "AGE", "INVOCATIONS", "MEMORY")


@click.command()
@click.argument("function", required=False)
@options.endpoint
@options.as_json
def command(function: str | None, endpoint: str | None, as_json: bool) -> None:
    """List the execution environments, of one FUNCTION or of all."""
    from urllib.parse import quote

    query = f"?function={quote(function, safe='')}" if function else ""
    environments = Client(endpoint).own(f"/environments{query}")["environments"]
    if as_json:
        output.print_json(environments)
    elif environments:
        output.print_table(_HEAD, [_row(one) for one in environments])
    else:
        output.say("No environments: the first invocation makes one.")


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["function"],
        one["version"],
        one["state"],
        "-" if one.get("pid") is None else str(one["pid"]),
        output.age(time.time() - one["startedAt"] / 1000),
        str(one["invocations"]),
        output.size(one["memoryBytes"]) if one.get("memoryBytes") else "-",
    )
