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
    found = _listed(endpoint)
    if as_json:
        output.print_json(found)
    else:
        _print(found["runtimes"])
        _print_sdk(found.get("sdkForJavaScript"))


@command.command("install")
@click.argument("what")
@options.endpoint
def install_command(what: str, endpoint: str | None) -> None:
    """Fetch the binary of a runtime, or the AWS SDK for JavaScript.

    WHAT is nodejs20.x or newer, from the Python package index as pip is set up for it; or aws-sdk-js, the clients that most
    functions use, or one like @aws-sdk/client-ec2, from the npm registry as npm is set up for it.

    It goes into ~/.cache/neve/runtimes (or below XDG_CACHE_HOME). A running Neve uses it from the next invocation on.
    """
    from neve.app.machine import install_runtime

    try:
        installed = install_runtime(what, lambda: output.say(f"{what}: fetching…", dim=True))
    except OperatorError as error:
        raise Impossible(f"{error.message}.") from error
    told = "installed" if installed["new"] else "here already:"
    output.say(f"{what}: {told} {installed['what']} ({installed['path']})", fg="green")
    if installed["new"]:
        _tell_server(Client(endpoint), what, installed["path"])


def _tell_server(client: Client, runtime: str, path: str) -> None:
    try:
        found = client.own("/runtimes/look", {"runtime": runtime})
    except Failed:
        return  # none is running: the next one will find it
    if path in [row["path"] for row in (*found["runtimes"], found.get("sdkForJavaScript") or {"path": None})]:
        output.say(f"The Neve on {client.endpoint} uses it from now on.")
    else:
        said = "Is it another user's, or has it another XDG_CACHE_HOME?"
        output.say(f"The Neve on {client.endpoint} does not use it. {said}", fg="yellow")


def _listed(endpoint: str | None) -> Mapping[str, Any]:
    client = Client(endpoint)
    try:
        return client.own("/runtimes")
    except Impossible:
        if endpoint is not None:
            raise
    from neve.app.machine import list_runtimes

    output.say(f"No Neve answers on {client.endpoint}; this is what one would find here.\n", dim=True)
    return list_runtimes(datetime.datetime.now(datetime.UTC).date().isoformat())


def _print_sdk(sdk: Mapping[str, Any] | None) -> None:
    if sdk is None:
        output.say("\nAWS SDK for JavaScript: not here; `neve runtimes install aws-sdk-js` fetches it.", dim=True)
    else:
        output.say(f"\nAWS SDK for JavaScript: {len(sdk['packages'])} packages ({sdk['path']})", dim=True)


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
