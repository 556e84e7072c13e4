"""`neve check`: every fate that AWS may choose, on purpose, and what differs between them."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click

from neve.cli import options, output
from neve.cli.checking.compare import KINDS, SEEN_KINDS, findings
from neve.cli.checking.fates import FATES, Seen, run
from neve.cli.checking.observed import observe
from neve.cli.checking.report import Checked, as_plain, explain
from neve.cli.checking.show import show, show_summary
from neve.cli.checking.targets import Target, deployed, in_path
from neve.cli.checking.worlds import Worlds, worlds
from neve.cli.client import Client, Failed, Impossible

_AT_ONCE = max(3, os.cpu_count() or 1)  # more would make the races of a freeze
_PATIENCE_S = 2.0


class _Kinds(click.ParamType[Sequence[str]]):
    """`leak,timeout`: some of the kinds of findings."""

    name = "kinds"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Sequence[str]:
        """The kinds; usage error for what is none."""
        kinds = [each.strip() for each in value.split(",") if each.strip()]
        for each in kinds:
            if each not in KINDS:
                self.fail(f"there is no {each!r}; there are {', '.join(KINDS)}", param, ctx)
        return kinds


@click.command()
@click.argument("what", metavar="PATH|FUNCTION")
@click.option(
    "--event",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The event, as JSON; else event.json, events/NAME.json or events/event.json near the function, else {}.",
)
@click.option("--only", multiple=True, metavar="NAME", help="Of the functions in PATH, only this one; repeatable.")
@click.option(
    "--setup",
    metavar="COMMAND",
    help="Run it before each fate, with AWS_ENDPOINT_URL and credentials set: makes the tables, queues and buckets "
    "that functions need.",
)
@click.option(
    "--patience",
    type=output.Duration(),
    default=f"{_PATIENCE_S:g}s",
    show_default=True,
    help="How long left-over work gets to come to its end.",
)
@click.option(
    "--fail-on",
    "kinds",
    type=_Kinds(),
    default=",".join(SEEN_KINDS),
    show_default=True,
    metavar="KINDS",
    help="Which findings make the exit code 1.",
)
@click.option("--without-running", is_flag=True, help="Only read the code: hints, and nothing is invoked.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML, too.")
@click.option("--sarif", type=click.Path(path_type=Path), metavar="FILE", help="Write SARIF 2.1.0, too.")
@options.endpoint
@options.as_json
def command(
    what: str,
    event: Path | None,
    only: Sequence[str],
    setup: str | None,
    patience: float,
    kinds: Sequence[str],
    without_running: bool,
    junit: Path | None,
    sarif: Path | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Run functions in every fate that AWS may choose, and tell what differs.

    PATH is a folder as for `neve dev`; FUNCTION is one that a running Neve has, of which a copy is checked. Each function is
    invoked in an environment that is thawed by a next invocation, in one that is reclaimed, and in one that has the time to
    finish, all on a server of their own that is thrown away.

    Exit codes: 0 nothing found, 1 findings, 2 it could not be checked. What functions ask of the network is really asked.
    """
    targets = _targets(what, event, only, endpoint)
    began = time.monotonic()
    folder = Path(what).resolve() if Path(what).is_dir() else None
    checked = []
    with ExitStack() as ending:
        if without_running:
            checking = iter([explain(each, [], [], 0.0) for each in targets])
        else:
            checking = _check(ending.enter_context(worlds(folder)), targets, setup, patience)
        tick = ending.enter_context(_at_work(len(targets)))
        for each in checking:
            checked.append(each)
            tick(len(checked))
            if not as_json:
                show(each, kinds)
    _write(checked, kinds, junit, sarif)
    if as_json:
        output.print_json(as_plain(checked, kinds))
    else:
        show_summary(checked, kinds, time.monotonic() - began)
    sys.exit(1 if any(each.failing(kinds) for each in checked) else 0)


def _targets(what: str, event: Path | None, only: Sequence[str], endpoint: str | None) -> list[Target]:
    path = Path(what)
    if not path.exists():
        return [deployed(Client(endpoint), what, event)]
    targets = in_path(path, event)
    for name in only:
        if name not in [each.name for each in targets]:
            raise Impossible(f"There is no function {name} in {path}; there are {', '.join(t.name for t in targets)}.")
    return [each for each in targets if not only or each.name in only]


def _check(place: Worlds, targets: Sequence[Target], setup: str | None, patience_s: float) -> Iterator[Checked]:
    """One after the other, in the order of the targets; the fates of several at once."""
    place.prepare(targets)
    with ExitStack() as ending:
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fate")
        ending.callback(
            pool.shutdown, wait=False, cancel_futures=True
        )  # who still runs hears of it when the server goes
        running = [
            (target, [pool.submit(run, partial(place.make, target), fate, setup, patience_s) for fate in FATES])
            for target in targets
        ]
        for target, fates in running:
            seen = [_seen(target, fate) for fate in fates]
            observed = observe(seen, place.url)
            yield explain(target, findings(observed), observed, max(each.seconds for each in seen))


def _seen(target: Target, fate: "Future[Seen]") -> Seen:
    try:
        return fate.result()
    except Impossible:
        raise
    except Failed as error:
        raise Impossible(f"{target.name} could not be run: {error.message}") from error


def _write(checked: Sequence[Checked], kinds: Sequence[str], junit: Path | None, sarif: Path | None) -> None:
    try:
        if junit is not None:
            from neve.cli.checking.junit import junit_xml

            junit.write_bytes(junit_xml(checked, kinds))
        if sarif is not None:
            from neve.cli.checking.sarif import sarif_json

            sarif.write_text(sarif_json(checked, kinds))
    except OSError as error:
        raise Impossible(f"{error.filename} cannot be written: {error.strerror}.") from error


@contextmanager
def _at_work(count: int) -> Iterator["_Tick"]:
    """Something that moves, for who looks."""
    tick = _Tick(count)
    tick(0)
    try:
        yield tick
    finally:
        tick.clear()


class _Tick:
    def __init__(self, count: int) -> None:
        self._count = count
        self._looked_at = sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        self.clear()
        if self._looked_at and done < self._count:
            click.echo(f"checking {done + 1} of {self._count} …\r", nl=False, err=True)

    def clear(self) -> None:
        if self._looked_at:
            click.echo("\x1b[2K\r", nl=False, err=True)
