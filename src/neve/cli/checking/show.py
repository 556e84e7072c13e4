"""What a check found, for people: a line for a function that is clean, a block for each finding."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from neve.cli import output
from neve.cli.checking.compare import DONE, ENDLESS, ERROR, HINT, LATE, LEAK, LOST, LUCK
from neve.cli.checking.report import Checked, Told
from neve.cli.live_leaks import caller

_TONES: dict[str, dict[str, Any]] = {
    DONE: {"fg": "green"},
    LATE: {"fg": "yellow"},
    LOST: {"fg": "red"},
    LUCK: {"fg": "cyan"},
    ENDLESS: {"fg": "red"},
}
_KIND_TONES = {LEAK: "yellow", HINT: "cyan"}
_CODE_WIDTH = 100


def show(checked: Checked, kinds: Sequence[str]) -> None:
    """One function. `kinds` are those of findings that fail."""
    click.echo("\n".join(_function(checked, kinds)))


def show_summary(all_checked: Sequence[Checked], kinds: Sequence[str], seconds: float) -> None:
    """The last line."""
    findings = sum(len(each.told) for each in all_checked)
    clean = sum(not each.told for each in all_checked)
    functions = f"{len(all_checked)} function{'s' if len(all_checked) != 1 else ''}"
    found = f"{findings} finding{'s' if findings != 1 else ''}, {clean} clean" if findings else "all clean"
    how = "in three fates each" if any(each.observed for each in all_checked) else "not run"
    tone = "red" if any(each.failing(kinds) for each in all_checked) else "yellow" if findings else "green"
    if not all_checked[-1].told:
        click.echo()
    click.echo(_paint(f"{functions} {how}: {found} ({seconds:.1f} s)", bold=True, fg=tone))


def _function(checked: Checked, kinds: Sequence[str]) -> Iterator[str]:
    target = checked.target
    event = target.event_name or "{}"
    ran = f", event {event}, {checked.seconds:.1f} s" if checked.observed else ""
    facts = _paint(f"{target.runtime}{ran}", dim=True)
    sign, tone = ("✗", "red") if checked.failing(kinds) else ("!", "yellow") if checked.told else ("✓", "green")
    mark = _paint(sign, fg=tone, bold=True)
    yield f"{mark} {_paint(target.name, bold=True)}  {facts}"
    for told in checked.told:
        yield from _finding(told)
    failed = any(each.finding.kind == ERROR and not each.finding.in_init for each in checked.told)
    if failed and target.event_name is None:
        text = f"It was invoked with {{}}; put its event into events/{target.name}.json, or give --event FILE."
        yield _paint(f"    {text}", dim=True)
    if checked.told:
        yield ""


def _finding(told: Told) -> Iterator[str]:
    finding = told.finding
    yield f"  {_paint(finding.kind.upper(), fg=_KIND_TONES.get(finding.kind, 'red'), bold=True)} {finding.title}"
    if told.where:
        yield f"    {_paint(told.where, fg='yellow')}{_paint(caller(finding.stack), dim=True)}"
    if told.code:
        code = told.code if len(told.code) <= _CODE_WIDTH else told.code[: _CODE_WIDTH - 1] + "…"
        yield f"      {_paint(f'{told.line} │', dim=True)} {code}"
    for fate, outcome in finding.fates.items():
        yield from _wrapped(f"    {fate.value:<9}  ", outcome.text, **_TONES.get(outcome.word, {"dim": True}))
    yield from (f"    {line}" for line in finding.details)
    if told.advice:
        yield from _wrapped("    → ", told.advice, bold=True)


def _wrapped(head: str, text: str, **style: Any) -> Iterator[str]:
    first, *others = output.wrapped(text, len(head))
    yield head + _paint(first, **style)
    yield from (" " * len(head) + _paint(each, **style) for each in others)


def _paint(text: str, **style: Any) -> str:
    return output.paint(text, output.has_colour(sys.stdout), **style)
