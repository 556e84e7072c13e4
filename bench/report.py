"""The page docs/benchmarks.md and its pictures, from figures alone: nothing is measured here."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

from bench import charts
from bench.bends import explanation
from bench.charts import Dot, number
from bench.figures import RESULTS, Curve, Figure, Part, Results, Run, find
from bench.goals import GOALS, Goal
from bench.parts import PARTS

FOLDER = RESULTS.parent
PICTURES = "benchmarks"
_PEERS = ("Neve", "AWS RIE", "serverless-offline", "ministack", "Node.js alone, HTTP", "Node.js alone, frames")

_PORT = re.compile(r" to 127\.0\.0\.1:\d+")  # which says nothing
_BEND = 1.5
_LEVEL = 2.0
_MISSED = "**no**"
_HEAD = """# What Neve costs

Written by `make bench` from `docs/benchmarks.json`; not by hand. Neve runs beside what people use today, on one machine, in turns
(A B A B …), with the same Node.js and the same functions. Neve runs as it does by default: every environment isolated and
frozen between calls, all logs kept, leaks watched for. None of the others isolates, freezes or keeps anything here.

Compare ratios, not figures: another machine has others, and so has this one when others use it (each part tells how much they
did). A value is the median of its rounds; in pictures a bar shows all of them. A percentile stands where every round had a call
beyond it, so the slowest call of few is not taken for one.
"""

_TAIL = """
## Do it again

    make bench                                   # everything: about 35 minutes on 2 cores
    make bench BENCH="warm cold"                 # some parts; the others stay
    make bench BENCH="warm --only python"        # some workloads: those with this in their name
    make bench BENCH=--missing                   # what has no figure of a quiet machine yet
    make bench BENCH="--rounds 5 --seconds 5"    # longer
    make bench BENCH="mix --into other.json"     # without a trace in this page
    make bench-quick                             # at most a minute: what moved against the ratios committed here

Every workload is kept when it is done: stop it at any time, and `--missing` goes on. Before each workload it waits until less
than 15% of the processors are in use (`/proc/stat`; half a minute at most, or as long as `--wait 600` says), and ends when they
still are; `--busy` measures all the same, and the page says so. `wrk` must be there (Debian and Ubuntu: `apt install wrk`); the
others are fetched from PyPI and npm into `.cache/bench`. A peer that cannot be had is told as missing. Everything listens on
loopback only.

What else can be measured by itself: `bench/cold_start.py` (the phases of a cold start), `bench/freeze.py` (each freezer),
`bench/leak_watch.py` (what watching costs), `bench/store.py` (the stores), `bench/kill.py` (events through a hundred kills),
`bench/python_clients.py` (Neve's Python client beside AWS's), `bench/neighbours.py` (the other services).

## What is not measured

- AWS itself, LocalStack and `sam local`: they need an account, Docker or both. AWS RIE is the heart of `sam local`.
- Networks: all is on one machine, and the callers take their share of it. What a figure says of a server is a lower bound.
- serverless-offline after version 13, which needs an account of its maker.
- Long times: a measurement lasts seconds. What grows over hours is counted in `tests/acceptance/test_leak_counts.py`.
- The time until a percentile beyond 99.9 is to be believed: there are too few calls.

wrk calls again when it has its answer (a closed loop) and corrects its percentiles by the mean interval. The part with fixed
rates has a client of Neve's own (`bench/load/steady.py`), one Python process, in which a time begins when its call was due, also
when no connection was free to send it, and a call that failed counts as one of ten seconds: what it adds itself is in all of its
figures.
"""


def write(results: Results) -> list[Path]:
    """All files; those that it wrote. Pictures of what is measured no more go."""
    written = []
    made = pages(results)
    for old in FOLDER.glob(f"{PICTURES}/*.svg"):
        if f"{PICTURES}/{old.name}" not in made:
            old.unlink()
    for name, text in made.items():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        written.append(path)
    return written


def pages(results: Results) -> dict[str, str]:
    """File name → text."""
    pictures: dict[str, str] = {}
    lines = [_HEAD, *_machine(results), *_goals(results)]
    for name, measured in PARTS.items():
        if name in results.parts:
            part = results.parts[name]
            lines += ["", f"## {measured.title}", "", *_conditions(name, part), ""]
            lines += _SECTIONS[name](part, pictures)
    lines.append(_TAIL)
    pages_ = {f"{PICTURES}/{name}.svg": text for name, text in pictures.items()}
    return {**pages_, "benchmarks.md": "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"}


def _machine(results: Results) -> Iterator[str]:
    yield from table(["the machine", ""], [[*each] for each in results.machine.items()])
    yield ""
    yield from table(["who", "version"], [[*each] for each in results.peers.items()])


def _conditions(name: str, part: Part) -> Iterator[str]:
    """When and how each run was; and which figures are of which, where there are several."""
    for began, run in part.runs.items():
        yield f"{_mark(part, began)}Measured {began}, {_effort(run)}; {_others(run)}.{_PROVISIONAL if run.was_busy else ''}"
        yield ""
    if len(part.runs) > 1:
        yield "A small number at a figure is that of its run: only what is of one run was measured side by side."
        yield ""
    yield f'Again: `make bench BENCH="{name}"`'


_PROVISIONAL = (
    " **Provisional: others used the machine meanwhile, so that times are too long and ratios not to be trusted:"
    " who needs more processes for a call waits more often for a processor.**"
)


def _effort(run: Run) -> str:
    return f"{run.rounds} rounds of {run.seconds:g} s each"


def _others(run: Run) -> str:
    """How much of the machine others used."""
    told = f"load {run.load:g} before"
    if run.others:
        told += f"; others used {median(run.others):.0%} of the processors, {max(run.others):.0%} at most"
        told += ", looked at before each workload"
    return told


def _mark(part: Part, began: str) -> str:
    """Which run of several."""
    return f"<sup>{list(part.runs).index(began) + 1}</sup> " if len(part.runs) > 1 else ""


def _of(part: Part, each: Figure | Curve) -> str:
    """The same, behind a figure."""
    return f" {_mark(part, each.run)}".rstrip()


def _goals(results: Results) -> Iterator[str]:
    yield "\n## Numbers to hold\n"
    rows = []
    for goal in GOALS:
        value = goal.value(results)
        bound = f"{'at least' if goal.at_least else 'at most'} {number(goal.bound)} {goal.unit}"
        said = "not measured" if value is None else f"{number(value)} {goal.unit}"
        rows.append([goal.what, bound, said, _judgement(results, goal, value)])
    yield from table(["what", "goal", "measured", "held"], rows)
    for goal in GOALS:
        value = goal.value(results)
        if goal.in_the_way and value is not None and _judgement(results, goal, value) == _MISSED:
            yield f"\n**{goal.what[0].upper()}{goal.what[1:]}**, why not: {goal.in_the_way}"


def _judgement(results: Results, goal: Goal, value: float | None) -> str:
    """A goal that is missed on a busy machine is not missed yet."""
    if value is None:
        return ""
    if goal.held(value):
        return "yes"
    return "unknown: the machine was busy" if _was_busy(results.parts[goal.part]) else _MISSED


def _was_busy(part: Part) -> bool:
    return any(each.was_busy for each in part.runs.values())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Markdown."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _warm(part: Part, pictures: dict[str, str]) -> Iterator[str]:
    for callers in ("1", "16"):
        for language, title in (("node", "Node.js"), ("python", "Python")):
            found = [each for each in part.figures if each.workload.endswith(f", {language}, {callers}")]
            names = list(dict.fromkeys(each.workload for each in found))
            who = "one caller" if callers == "1" else f"{callers} callers"
            name = f"warm-{language}-{callers}"
            rows = {each.split(",")[0]: _row(found, each, "rate") for each in names}
            pictures[name] = charts.dots(f"Warm calls in {title}, {who}: requests per second", "requests/s", rows)
            yield f"### {title}, {who}\n"
            yield _picture(
                name, f"Requests per second of each workload and peer, {title}, {who}; the table below has the values."
            )
            peers = [each for each in _PEERS if any(figure.peer == each for figure in found)]
            yield "\nRequests per second, and the milliseconds that half and 99 of 100 calls did not exceed:\n"
            yield from table(["", *peers], [_cells(part, found, each, peers) for each in names])
            yield from _notes(found, "rate")
            yield ""
    yield from _ratios(part)


def _cells(part: Part, figures: Sequence[Figure], workload: str, peers: Sequence[str]) -> list[str]:
    cells = [workload.split(",")[0]]
    for peer in peers:
        rate, p50, p99 = (find(figures, workload, peer, each) for each in ("rate", "p50", "p99"))
        if rate is None or not rate.values:
            cells.append("–" if rate is None else "fails")
        else:
            times = " · ".join(number(each.median) if each else "–" for each in (p50, p99))
            cells.append(f"{number(rate.median)}/s · {times}{_of(part, rate)}")
    return cells


def _ratios(part: Part) -> Iterator[str]:
    """Neve's rate as a multiple of each other one's; of a busy machine, or of two runs, it would say nothing."""
    if all(each.was_busy for each in part.runs.values()):
        return
    yield "### Neve's rate as a multiple of the others'\n"
    rows = []
    for workload in dict.fromkeys(each.workload for each in part.figures):
        ours = find(part.figures, workload, "Neve", "rate")
        row = [
            workload.replace(", 16", ", 16 callers").replace(", 1", ", 1 caller")
            if workload.endswith(", 1")
            else workload + " callers"
        ]
        for peer in _PEERS[1:]:
            theirs = find(part.figures, workload, peer, "rate")
            row.append(_multiple(part, ours, theirs))
        rows.append(row)
    yield from table(["", *_PEERS[1:]], rows)


def _multiple(part: Part, ours: Figure | None, theirs: Figure | None) -> str:
    """Of figures that were measured side by side on a quiet machine."""
    if ours is None or theirs is None or not (ours.values and theirs.values):
        return "–"
    return f"{number(ours.median / theirs.median)} ×" if ours.run == theirs.run and not part.was_busy(ours) else "–"


def _rates(part: Part, pictures: dict[str, str]) -> Iterator[str]:
    for measure in ("p50", "p99"):
        series: dict[str, list[tuple[float, float]]] = {}
        for each in part.figures:
            if each.measure == measure and each.values:
                rate = float(each.workload.removesuffix("/s").replace(",", ""))
                series.setdefault(each.peer, []).append((rate, each.median))
        pictures[f"rates-{measure}"] = charts.curves(
            f"No-op in Node.js at a fixed rate: {measure} from when a call was due", "calls/s", "ms", series
        )
        yield _picture(
            f"rates-{measure}", f"{measure} in milliseconds by rate for each peer; the table below has the values."
        )
    yield ""
    yield from _wide(part, ["p50", "p99", "p99.9"], "at")
    yield from _notes(part.figures, "p50")


def _cold(part: Part, pictures: dict[str, str]) -> Iterator[str]:
    yield "From the call to its answer, over HTTP. Servers and emulator are up before; `Node.js alone` starts a process."
    yield ""
    rows = {each: _row(part.figures, each, "first call") for each in dict.fromkeys(f.workload for f in part.figures)}
    pictures["cold"] = charts.dots("The first call of a function that nobody has called", "ms", rows)
    yield _picture("cold", "Milliseconds of the first call for each language and peer; the table below has the values.")
    yield ""
    yield from _wide(part, ["first call"], "")
    yield from _notes(part.figures, "first call")


def _plain(part: Part, pictures: dict[str, str]) -> Iterator[str]:
    yield from _wide(part, list(dict.fromkeys(each.measure for each in part.figures)), "")
    yield from _notes(part.figures, part.figures[0].measure if part.figures else "")


def _wide(part: Part, measures: Sequence[str], corner: str) -> Iterator[str]:
    """A row for each workload and peer, a column for each measure."""
    rows = []
    for workload in dict.fromkeys(each.workload for each in part.figures):
        for peer in dict.fromkeys(each.peer for each in part.figures):
            found = [find(part.figures, workload, peer, each) for each in measures]
            if any(found):
                rows.append([workload, peer, *(_cell(part, each) for each in found)])
    yield from table([corner, "who", *measures], rows)


def _cell(part: Part, figure: Figure | None) -> str:
    if figure is None:
        return ""
    if not figure.values:
        return "fails"
    far = f" ({number(min(figure.values))} to {number(max(figure.values))})" if len(figure.values) > 1 else ""
    return f"{number(figure.median)} {figure.unit}{far}{_of(part, figure)}"


def _growth(part: Part, pictures: dict[str, str]) -> Iterator[str]:
    yield "Neve alone. Both axes are logarithmic: what costs the same for each is a straight line, what does not grow is level."
    yield ""
    for each in part.curves:
        if not each.series:
            continue
        pictures[f"growth-{each.name}"] = charts.curves(f"{each.title}: {each.y}", each.x, each.y, each.series)
        yield _picture(f"growth-{each.name}", f"{each.y} by {each.x}; the values are in the table below.")
        yield ""
        at = sorted({x for points in each.series.values() for x, _ in points})
        rows = [
            [name, *(number(dict(points).get(x, float("nan"))) for x in at)] for name, points in each.series.items()
        ]
        yield from table([f"{each.y} by {each.x}{_of(part, each)}", *(f"{x:,.0f}" for x in at)], rows)
        yield ""
        yield from _bends(part, each)


def _bends(part: Part, curve: Curve) -> Iterator[str]:
    """Where it bends, and why; or that nobody knows."""
    found = [f"{name} at {number(x)}" for name, points in curve.series.items() for x in bends(points)]
    if not found or part.was_busy(curve):
        return
    why = explanation(curve)
    yield f"It bends ({', '.join(found)}){f': {why}' if why else ', which is **not explained**.'}\n"


def bends(points: Sequence[tuple[float, float]]) -> list[float]:
    """Where a curve leaves the straight line (of logarithms) through the two points before by more than half as much again.

    One that stays within a factor of two has no direction that it could leave: rounds of a second vary by nearly as much.
    """
    if max(y for _, y in points) < _LEVEL * min(y for _, y in points):
        return []
    logs = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    found = []
    for (x0, y0), (x1, y1), (x2, y2) in zip(logs, logs[1:], logs[2:], strict=False):
        straight = y1 + (y1 - y0) / (x1 - x0) * (x2 - x1)
        if abs(y2 - straight) > math.log(_BEND):
            found.append(round(math.exp(x1), 3))
    return found


def _row(figures: Sequence[Figure], workload: str, measure: str) -> dict[str, Dot]:
    found = [each for each in figures if each.workload == workload and each.measure == measure and each.values]
    return {each.peer: Dot(each.median, min(each.values), max(each.values)) for each in found}


def _notes(figures: Sequence[Figure], measure: str) -> Iterator[str]:
    """Why some fail."""
    told: dict[str, list[str]] = {}
    for each in figures:
        if each.measure == measure and each.note:
            told.setdefault(f"{each.peer}: {_PORT.sub('', each.note)}", []).append(
                each.workload.partition(", ")[0] if each.workload.count(", ") == 2 else each.workload
            )
    if told:
        yield ""
        yield "Fails: " + "; ".join(f"{what} ({', '.join(dict.fromkeys(where))})" for what, where in told.items()) + "."


def _picture(name: str, alternative: str) -> str:
    return f"![{alternative}]({PICTURES}/{name}.svg)"


_SECTIONS = {
    "warm": _warm,
    "rates": _rates,
    "cold": _cold,
    "freezing": _plain,
    "events": _plain,
    "mix": _plain,
    "frozen": _plain,
    "growth": _growth,
}
