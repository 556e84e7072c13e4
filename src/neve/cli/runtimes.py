"""`neve runtimes`: what functions run on here, and how to have more of it."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import click

from neve.cli import options, output
from neve.cli.client import Client, Failed, Impossible
from neve.settings import OperatorError

_HEAD = ("RUNTIME", "RUNS ON", "FROM", "DEPRECATED", "PATH")
_LANGUAGES = {"n": "Node.js", "p": "Python"}


@click.group()
def command() -> None:
    """Show what runs the functions of each runtime, and install more."""


@command.command("list")
@options.endpoint
@options.as_json
def list_command(endpoint: str | None, as_json: bool) -> None:
    """List the runtimes, and the binary that would serve each.

    Asks the running Neve; without one it looks itself.
    """
    rows = _rows(endpoint)
    if as_json:
        output.print_json(rows)
    else:
        _print(rows)


@command.command("install")
@click.argument("runtime")
@options.endpoint
def install_command(runtime: str, endpoint: str | None) -> None:
    """Fetch the binary of RUNTIME (nodejs20.x and newer) from the Python package index, as pip is set up for it.

    It goes into ~/.cache/neve/runtimes (or below XDG_CACHE_HOME). A running Neve uses it from the next invocation on.
    """
    from neve.app import install_runtime

    try:
        installed = install_runtime(runtime, lambda: output.say(f"{runtime}: fetching some 60 MB…", dim=True))
    except OperatorError as error:
        raise Impossible(f"{error.message}.") from error
    what = f"{_language(runtime)} {installed['version']} ({installed['path']})"
    output.say(f"{runtime}: {'installed' if installed['new'] else 'here already:'} {what}", fg="green")
    if installed["new"]:
        _tell_server(Client(endpoint), runtime, installed["path"])


def _tell_server(client: Client, runtime: str, path: str) -> None:
    try:
        rows = client.own("/runtimes/look", {"runtime": runtime})["runtimes"]
    except Failed:
        return  # none is running: the next one will find it
    if any(row["path"] == path for row in rows):
        output.say(f"The Neve on {client.endpoint} uses it from now on.")
    else:
        said = "Is it another user's, or has it another XDG_CACHE_HOME?"
        output.say(f"The Neve on {client.endpoint} does not use it. {said}", fg="yellow")


def _rows(endpoint: str | None) -> Sequence[Mapping[str, Any]]:
    client = Client(endpoint)
    try:
        rows: Sequence[Mapping[str, Any]] = client.own("/runtimes")["runtimes"]
    except Impossible:
        if endpoint is not None:
            raise
    else:
        return rows
    from neve.app import list_runtimes

    output.say(f"No Neve answers on {client.endpoint}; this is what one would find here.\n", dim=True)
    return list_runtimes(datetime.datetime.now(datetime.UTC).date().isoformat())


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    output.print_table(_HEAD, [_cells(row) for row in rows])
    borrowing = [row for row in rows if row["mismatch"]]
    if borrowing:
        output.say("\n* Another version than the function asked for: nothing better is here.", fg="yellow")
    for name in [row["runtime"] for row in borrowing if row["installable"]][:1]:
        output.say(f"  `neve runtimes install {name}` fetches one; so for Node.js 20 and newer.", fg="yellow")
    if any(row["deprecation"] for row in rows):
        output.say("! Deprecated: AWS Lambda does not patch it any more.", fg="yellow")


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["path"] is None:
        return (row["runtime"], "its own bootstrap", "the function", _day(row), "-")
    star = " *" if row["mismatch"] else ""
    return (row["runtime"], f"{_language(row['runtime'])} {row['version']}{star}", row["from"], _day(row), row["path"])


def _day(row: Mapping[str, Any]) -> str:
    return (row["deprecatedOn"] or "-") + (" !" if row["deprecation"] else "")


def _language(runtime: str) -> str:
    return _LANGUAGES[runtime[0]]
