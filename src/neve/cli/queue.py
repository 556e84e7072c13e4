"""`neve queue`: events that wait, run, are tried again; what became of the others; and what a person may do about them."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click

from neve.cli import options, output
from neve.cli.client import Client, Impossible

_HEAD = ("FUNCTION", "WAITING", "RUNNING", "RETRYING", "OLDEST", "SUCCEEDED", "DROPPED", "DELIVERED")
_LOST = ("ENDED", "REQUEST", "CONDITION", "ATTEMPTS", "ERROR")
_ERROR_CHARACTERS = 60

_Function = Mapping[str, Any]
_Given = tuple[str | None, bool]


class _Queue(click.Group):
    """What is no verb is the name of a function."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "of", self.commands["of"], args


@click.group(cls=_Queue, invoke_without_command=True, subcommand_metavar="[FUNCTION | retry | purge]")
@options.endpoint
@options.as_json
@click.pass_context
def command(ctx: click.Context, endpoint: str | None, as_json: bool) -> None:
    """Show the event queue: what waits, what runs, what is tried again and when, what was dropped and why.

    With a FUNCTION: its events in more detail, and the last ones that it lost.
    """
    if ctx.invoked_subcommand is None:
        _show_all(Client(endpoint), as_json)
    else:
        ctx.obj = (endpoint, as_json)


@command.command(hidden=True)
@click.argument("function")
@options.endpoint
@options.as_json
@click.pass_obj
def of(given: _Given, function: str, endpoint: str | None, as_json: bool) -> None:
    """Show the events of FUNCTION."""
    client = Client(endpoint or given[0])
    answer = client.own(f"/queue?function={quote(function, safe='')}")
    if as_json or given[1]:
        output.print_json(answer)
    elif answer["functions"]:
        _show_one(answer, _now_ms(client))
    else:
        output.say(f"{function} has had no events: `neve invoke {function} --event` sends one.")


@command.command()
@click.argument("function", required=False)
@options.endpoint
@click.pass_obj
def retry(given: _Given, function: str | None, endpoint: str | None) -> None:
    """Run at once what waits for a later time, of FUNCTION or of all."""
    client = Client(endpoint or given[0])
    moved = sum(client.own("/queue/retry", _named(each))["moved"] for each in _functions(client, function))
    output.say(f"{_events(moved)} run now" if moved else "Nothing waits for a later time.")


@command.command(short_help="Forget what waits, of FUNCTION or of all.")
@click.argument("function", required=False)
@click.option("--yes", is_flag=True, help="Do not ask whether really all.")
@options.endpoint
@click.pass_obj
def purge(given: _Given, function: str | None, yes: bool, endpoint: str | None) -> None:
    """Forget what waits, of FUNCTION or of all, without running it and without telling anybody."""
    client = Client(endpoint or given[0])
    functions = _functions(client, function)
    if function is None and not yes:
        _ask(functions)
    purged = sum(client.own("/queue/purge", _named(each))["purged"] for each in functions)
    output.say(f"forgot {_events(purged)}" if purged else "Nothing waits.")


def _ask(functions: Sequence[_Function]) -> None:
    waiting = sum(each["waiting"] + each["retrying"] for each in functions)
    if not waiting:
        return
    if not sys.stdin.isatty():
        raise Impossible("Name a FUNCTION, or say --yes to forget the events of all.")
    click.confirm(f"Forget {_events(waiting)} of {len(functions)} functions?", abort=True, err=True)


def _functions(client: Client, function: str | None) -> Sequence[_Function]:
    query = f"?function={quote(function, safe='')}" if function else ""
    functions: Sequence[_Function] = client.own(f"/queue{query}")["functions"]
    return functions


def _named(function: _Function) -> _Function:
    return {name: function[name] for name in ("function", "account", "region")}


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _now_ms(client: Client) -> float:
    """By Neve's clock, which may have been moved."""
    return float(client.own("/clock")["now"]) * 1000


# All


def _show_all(client: Client, as_json: bool) -> None:
    functions = client.own("/queue")["functions"]
    if as_json:
        output.print_json(functions)
    elif functions:
        now_ms = _now_ms(client)
        worlds = {(each["account"], each["region"]) for each in functions}
        where = len(worlds) > 1
        head = ("ACCOUNT", "REGION", *_HEAD) if where else _HEAD
        output.print_table(head, [_row(each, now_ms, where) for each in functions])
    else:
        output.say("No events yet: `neve invoke FUNCTION --event` sends one.")


def _row(function: _Function, now_ms: float, where: bool) -> tuple[str, ...]:
    colour = output.has_colour(sys.stdout)
    cells = (
        function["function"],
        str(function["waiting"]),
        output.paint(str(function["running"]), colour and function["running"], fg="green"),
        output.paint(_retrying(function, now_ms), colour and function["retrying"], fg="yellow"),
        _span(function["oldestAt"], now_ms),
        str(function["succeeded"]),
        output.paint(_dropped(function), colour and function["dropped"], fg="red"),
        _delivered(function),
    )
    return (function["account"], function["region"], *cells) if where else cells


def _retrying(function: _Function, now_ms: float) -> str:
    if not function["retrying"]:
        return "0"
    return f"{function['retrying']}, {_in(function['nextRetryAt'], now_ms)}"


def _in(then_ms: float | None, now_ms: float) -> str:
    if then_ms is None or then_ms <= now_ms:
        return "now"
    return f"in {output.age((then_ms - now_ms + 999) / 1000)}"


def _span(since_ms: float | None, now_ms: float) -> str:
    return "-" if since_ms is None else output.age((now_ms - since_ms) / 1000)


def _dropped(function: _Function) -> str:
    reasons = [f"{count} {reason}" for reason, count in sorted(function["dropped"].items())]
    return ", ".join(reasons) or "0"


def _delivered(function: _Function) -> str:
    parts = [str(function["delivered"])]
    if function["delivering"]:
        parts.append(f"{function['delivering']} on their way")
    if function["deliveryFailed"]:
        parts.append(f"{function['deliveryFailed']} failed")
    return ", ".join(parts)


# One


def _show_one(answer: Mapping[str, Any], now_ms: float) -> None:
    colour = output.has_colour(sys.stdout)
    for function in answer["functions"]:
        name = output.paint(function["function"], colour, bold=True)
        world = f"{function['account']} {function['region']}"
        click.echo(f"{name}  {output.paint(world, colour, dim=True)}")
        for label, text in _details(function, now_ms):
            click.echo(f"  {output.paint(label.ljust(9), colour, dim=True)}  {text}")
    lost = answer.get("lastDropped", [])
    if lost:
        click.echo(output.paint("\nThe last that were dropped", colour, bold=True))
        output.print_table(_LOST, [_lost(each, now_ms) for each in lost])


def _details(function: _Function, now_ms: float) -> list[tuple[str, str]]:
    return [
        ("waiting", str(function["waiting"])),
        ("running", str(function["running"])),
        ("retrying", _retrying(function, now_ms)),
        ("oldest", _span(function["oldestAt"], now_ms)),
        ("succeeded", f"{function['succeeded']} of {function['received']}"),
        ("dropped", _dropped(function)),
        ("delivered", _delivered(function)),
    ]


def _lost(event: Mapping[str, Any], now_ms: float) -> tuple[str, ...]:
    error = " ".join(event["error"].split())
    shown = error if len(error) <= _ERROR_CHARACTERS else f"{error[: _ERROR_CHARACTERS - 1]}…"
    ended = f"{_span(event['endedAt'], now_ms)} ago"
    return (ended, event["requestId"], event["condition"], str(event["attempts"]), shown or "-")
