"""`neve dev`: a server for the time of work, the functions of a folder on it, and everything they do on the terminal."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click

from neve.cli import output
from neve.cli.client import DEFAULT_ENDPOINT, Client, Failed, Impossible
from neve.cli.discover import ENTRY_FILES, Found, find_functions
from neve.cli.flags import settings_flags
from neve.cli.live import Layout, LiveLog
from neve.cli.serve import load, read_settings, run
from neve.cli.throwaway import throw_away_folder

_DEFAULTS: Mapping[str, object] = {
    "virtual_clock": True,
    "prestarted": 1,
    "drain_seconds": 1.0,
    "leaks": "explain",
    "neighbours": True,
}
_LAST_ROWS_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
_HELP = f"""Run Neve for the time of work, with the functions of PATH deployed and every change deployed again.

    PATH is a function's folder or a folder of such folders. A folder is a function when it has one of
    {", ".join(ENTRY_FILES)}; the handler is what that file exports as `handler`, `lambda_handler` or `main`. A neve.toml
    in PATH may say otherwise:

    \b
      [functions.NAME]
      path = "src"
      runtime = "nodejs22.x"
      handler = "index.handler"
      memory = 256
      timeout = 10
      environment = {{ STAGE = "dev" }}
      url = true

    Takes the flags of `neve serve`; the clock is virtual (`neve clock advance 2m`), and without --data-dir everything is
    thrown away at the end. Without PATH nothing is deployed.
    """


@click.command(help=_HELP)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@settings_flags({**_DEFAULTS, "data_dir": "a folder that is removed at the end"})
def command(path: Path | None, **flags: Any) -> None:
    """The command; its help is above because it names the entry files."""
    from neve.app.machine import tell_neighbours

    functions = find_functions(path) if path is not None else []
    file = {**_DEFAULTS, **read_settings(Path()), **(read_settings(path) if path is not None and path.is_dir() else {})}
    with _data_dir(flags, file):
        settings = load(flags, file)
        if settings.auth != "none":
            raise Impossible("`neve dev` is for one machine and checks no signatures; `neve serve --auth sigv4` does.")
        names = [found.name for found in functions] if functions else ["neve"]
        bench = _Bench(path, functions, LiveLog(sys.stdout, Layout.of(sys.stdout, names)), tell_neighbours(settings))
        status = run(settings, bench.start, "WARNING", partial(bench.live.note, "neve", fg="yellow"))
        bench.stop()
    click.echo(output.paint("neve stopped", output.has_colour(sys.stdout), dim=True))
    sys.exit(status)


@contextlib.contextmanager
def _data_dir(flags: dict[str, Any], file: dict[str, object]) -> Iterator[None]:
    """A folder that is thrown away, unless the user named one in any of the three places."""
    named = flags.get("data_dir") or os.environ.get("NEVE_DATA_DIR") or file.get("data_dir")
    with contextlib.ExitStack() as stack:
        if named is None:
            flags["data_dir"] = str(stack.enter_context(throw_away_folder()))
        yield


@dataclass
class _Bench:
    """What runs beside the server: one thread shows what happens, one deploys."""

    path: Path | None
    functions: Sequence[Found]
    live: LiveLog
    neighbours: str
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, url: str) -> None:
        """Called when the server is ready, on its event loop: returns at once."""
        client = Client(url)
        self._begin("live log", self._show, client)
        self._begin("deployment", self._deploy, client)

    def stop(self) -> None:
        """End the threads; the live log may show its last rows."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_LAST_ROWS_SECONDS)

    def _begin(self, name: str, work: Any, client: Client) -> None:
        thread = threading.Thread(target=work, args=(client,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _show(self, client: Client) -> None:
        with contextlib.suppress(Failed):  # the server was stopped
            for record in client.records():
                self.live.show(record)
            while not self._stop.wait(_PAUSE_SECONDS):  # this terminal was too slow, and was cut off
                for record in client.records(self._say_left_out):
                    self.live.show(record)

    def _say_left_out(self) -> None:
        self.live.note("neve", "the functions print faster than this terminal: some of it is not shown", fg="yellow")

    def _deploy(self, client: Client) -> None:
        from neve.cli.redeploy import Deployment

        if self.path is None:
            _print_welcome(client, None, [], self.neighbours)
            return
        deployment = Deployment(self.path, client, self.live)
        deployment.begin(self.functions)
        _print_welcome(client, self.path, self.functions, self.neighbours, deployment.urls)
        deployment.follow(self._stop)


def _print_welcome(
    client: Client,
    path: Path | None,
    functions: Sequence[Found],
    neighbours: str,
    urls: Mapping[str, str] | None = None,
) -> None:
    """What is there and how to call it, and what else answers."""
    click.echo()
    if functions:
        head = ("FUNCTION", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT")
        rows = [(f.name, f.runtime, f.handler, f"{f.memory} MB", f"{f.timeout} s") for f in functions]
        output.print_table(head, rows)
    elif path is not None:
        output.say(f"No function in {path} yet; `neve dev --help` tells what one looks like.", fg="yellow")
    if urls:
        click.echo()
        output.print_table(("FUNCTION", "URL"), sorted(urls.items()))
    _print_calls(client.endpoint, functions[0].name if functions else "NAME")
    if neighbours:
        click.echo(f"\n{neighbours}")
    if path is not None:
        click.echo(f"\nChanges in {path} are deployed as you save them. Ctrl-C stops.\n")
    else:
        click.echo("\nDeploy with `neve deploy PATH`. Ctrl-C stops.\n")


def _print_calls(endpoint: str, name: str) -> None:
    colour = output.has_colour(sys.stdout)
    click.echo()
    calls = [f"neve invoke {name}", f"aws lambda invoke --function-name {name} /dev/stdout"]
    if endpoint != DEFAULT_ENDPOINT:
        calls[0] += f" --endpoint {endpoint}"
    for call in [calls[0], f"export AWS_ENDPOINT_URL={endpoint}", calls[1]]:
        click.echo("  " + output.paint(call, colour, fg="cyan"))
