"""`neve cost`: what functions would cost on AWS, and how much of that is waiting."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click

from neve.cli import options, output
from neve.cli.client import Client

_HEAD = ("FUNCTION", "ARCH", "REQUESTS", "BILLED", "INIT", "GB-SECONDS", "COST", "A MILLION COST", "WAITING")


@click.command()
@click.argument("function", required=False)
@options.endpoint
@options.as_json
def command(function: str | None, endpoint: str | None, as_json: bool) -> None:
    """Show what a FUNCTION, or each, has cost since Neve was started, by AWS's public prices or those of the settings.

    WAITING is how much of its time a call to somebody else was open, in the runs that are remembered (see `neve trace`).
    """
    query = f"?function={quote(function, safe='')}" if function else ""
    found = Client(endpoint).own(f"/costs{query}")
    if as_json:
        output.print_json(found)
    elif found["functions"]:
        output.print_table(_HEAD, [_row(each) for each in found["functions"]])
        prices = found["prices"]
        output.say(
            f"For a million: requests ${prices['requests']:g}, GB-seconds ${prices['x86_64']:g} (x86_64) or "
            f"${prices['arm64']:g} (arm64); without free tier, provisioned concurrency, logs and traffic.",
            dim=True,
        )
    else:
        output.say(f"No invocation{f' of {function}' if function else ''} has ended yet.")


def _row(each: Mapping[str, Any]) -> Sequence[str]:
    return (
        each["function"],
        each["architecture"],
        f"{each['requests']:,}",
        _span(each["billedMs"]),
        _share(each["initMs"], each["billedMs"]),
        f"{each['gbSeconds']:.4g}",
        f"${_money(each['cost']['total'])}",
        f"${_money(each['costOfAMillion'])}",
        _share(each["waiting"]["waitedMs"], each["waiting"]["ranMs"]),
    )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if part and whole else "–"


def _span(ms: float) -> str:
    if ms < 1_000:
        return f"{ms:.0f} ms"
    return f"{ms / 1000:,.1f} s" if ms < 600_000 else f"{ms / 60_000:,.1f} min"


def _money(amount: float) -> str:
    """With the digits that say something."""
    if amount >= 0.995:
        return f"{amount:,.2f}"
    digits = 2
    while 0 < amount * 10 ** (digits - 1) < 0.995 and digits < 12:
        digits += 1
    return f"{amount:.{digits}f}"
