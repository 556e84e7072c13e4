"""`neve ps`: the execution environments."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from neve.cli import options, output
from neve.cli.client import Client

_HEAD = ("FUNCTION", "VERSION", "TYPE", "STATE", "PID", "AGE", "INVOCATIONS", "MEMORY")


@click.command()
@click.argument("function", required=False)
@options.endpoint
@options.as_json
def command(function: str | None, endpoint: str | None, as_json: bool) -> None:
    """List the execution environments, of one FUNCTION or of all."""
    from urllib.parse import quote

    query = f"?function={quote(function, safe='')}" if function else ""
    answer = Client(endpoint).own(f"/environments{query}")
    environments = answer["environments"]
    if as_json:
        output.print_json(environments)
    elif environments:
        output.print_table(_HEAD, [_row(one) for one in environments])
    else:
        output.say("No environments: the first invocation makes one.")
    if not as_json and not function:
        _say_waiting(answer.get("prestarted", []))


def _say_waiting(kinds: Sequence[Mapping[str, Any]]) -> None:
    """What is no environment yet."""
    counts = [f"{len(kind['pids'])} {_name(kind)}" for kind in kinds if kind["pids"]]
    if counts:
        output.say(f"Pre-started, waiting for a function: {', '.join(counts)}.")


def _name(kind: Mapping[str, Any]) -> str:
    return kind["runtime"] if kind["memory"] is None else f"{kind['runtime']} ({kind['memory']} MB)"


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["function"],
        one["version"],
        "provisioned" if one.get("provisioned") else "on-demand",
        one["state"],
        "-" if one.get("pid") is None else str(one["pid"]),
        output.age(time.time() - one["startedAt"] / 1000),
        str(one["invocations"]),
        output.size(one["memoryBytes"]) if one.get("memoryBytes") else "-",
    )
