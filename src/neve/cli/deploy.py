"""`neve deploy`: one function, created or updated."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from neve.cli import options, output
from neve.cli.client import Client, Impossible, Refused
from neve.cli.discover import guess
from neve.cli.package import package, sha256
from neve.cli.upload import upload


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="The function's name; default: the name of the folder or file.")
@click.option("--runtime", help="Like nodejs24.x or python3.13; guessed for a new function.")
@click.option("--handler", help="Like index.handler; guessed for a new function.")
@click.option("--timeout", type=int, help="Seconds; 3 for a new function.")
@click.option("--memory", type=int, help="MB; 128 for a new function.")
@click.option("--env", "variables", multiple=True, metavar="KEY=VALUE", help="An environment variable; repeatable.")
@options.endpoint
@options.as_json
def command(path: Path, name: str | None, endpoint: str | None, as_json: bool, **given: Any) -> None:
    """Create or update a function from PATH: a folder, a single file, or a zip.

    What is not given stays as it is; a new function gets defaults, which are printed.
    """
    client = Client(endpoint)
    name = name or (path.resolve().name if path.is_dir() else path.stem)
    wanted = _wanted(given)
    if client.configuration(name) is None:
        wanted = _with_guesses(path, name, wanted)
    archive = package(path)
    output.say(f"{name}: {output.size(len(archive))}, sha256 {sha256(archive)[:12]}…")
    began = time.monotonic()
    outcome = upload(client, name, archive, wanted)
    output.say(f"{name}: {outcome} in {(time.monotonic() - began) * 1000:.0f} ms", fg="green")
    _say_of_runtime(client, name)
    if as_json:
        output.print_json(client.configuration(name))


def _say_of_runtime(client: Client, name: str) -> None:
    """What is to be known of it: it is deprecated, or another version has to run it here."""
    runtime = (client.configuration(name) or {}).get("Runtime")
    if runtime is None:
        return
    try:
        rows = client.own(f"/runtimes?runtime={quote(runtime, safe='')}")["runtimes"]
    except Refused:
        return  # an older Neve
    texts = [text for row in rows for text in (row["mismatch"], row["deprecation"]) if text]
    if not rows:
        texts = [f"Neve does not run {runtime}: every invocation will fail. `neve runtimes list` shows what it runs."]
    for text in texts:
        output.say("\n  ".join(output.wrapped(text, 2, sys.stderr)), fg="yellow")


def _wanted(given: Mapping[str, Any]) -> dict[str, Any]:
    members = {
        "Runtime": given["runtime"],
        "Handler": given["handler"],
        "Timeout": given["timeout"],
        "MemorySize": given["memory"],
        "Environment": {"Variables": dict(map(_variable, given["variables"]))} if given["variables"] else None,
    }
    return {key: value for key, value in members.items() if value is not None}


def _variable(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise Impossible(f"--env takes KEY=VALUE, not {text!r}.")
    return key, value


def _with_guesses(path: Path, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Runtime and handler for a new function. Impossible when they are neither given nor seen."""
    guessed = guess(path) if path.suffix != ".zip" else None
    runtime = wanted.get("Runtime") or (guessed[0] if guessed else None)
    handler = wanted.get("Handler") or (guessed[1] if guessed else None)
    if runtime is None or handler is None:
        raise Impossible(f"{path} does not tell how to run it; give --runtime and --handler.")
    if not (wanted.get("Runtime") and wanted.get("Handler")):
        output.say(f"{name}: new, runtime {runtime}, handler {handler}")
    return {**wanted, "Runtime": runtime, "Handler": handler}
