"""What parts give, and what the report reads: figures and curves, kept as JSON in docs/benchmarks.json.

A run that was stopped, or of some workloads only, adds to what there is: each figure says of which run it is.
"""

import statistics
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from bench.machine import QUIET

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks.json"


class Figure(msgspec.Struct, omit_defaults=True):
    """One thing measured of one peer, a value for each round. Without values `note` says why."""

    workload: str
    peer: str
    measure: str
    unit: str
    values: list[float] = []
    note: str = ""
    run: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is, whenever it was measured."""
        return self.workload, self.peer, self.measure

    @property
    def median(self) -> float:
        """NaN without values."""
        return statistics.median(self.values) if self.values else float("nan")

    @property
    def spread(self) -> float:
        """How far apart the rounds are: from least to most, as a part of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.values and self.median else 0.0


class Curve(msgspec.Struct, omit_defaults=True):
    """How something grows: each series is points (x, y)."""

    name: str
    title: str
    x: str
    y: str
    series: dict[str, list[tuple[float, float]]] = {}
    run: str = ""


class Run(msgspec.Struct, omit_defaults=True):
    """One time that a part was measured: how much, and what others used of the processors (looked at before each workload)."""

    rounds: int
    seconds: float
    load: float
    others: list[float] = []

    @property
    def was_busy(self) -> bool:
        """Whether its times say little. So it is when nobody looked."""
        return not self.others or statistics.median(self.others) > QUIET


class Part(msgspec.Struct, omit_defaults=True):
    """One part of the report. Its runs by when they began, which figures and curves refer to: each is of the last that had it."""

    runs: dict[str, Run] = {}
    figures: list[Figure] = []
    curves: list[Curve] = []

    def was_busy(self, each: Figure | Curve) -> bool:
        """Whether this one is of a run whose times say little."""
        return self.runs[each.run].was_busy

    @property
    def settled(self) -> set[str]:
        """Workloads, and names of curves, of which nothing is provisional."""
        quiet, busy = set[str](), set[str]()
        for each in self.figures:
            (busy if self.was_busy(each) else quiet).add(each.workload)
        for curve in self.curves:
            (busy if self.was_busy(curve) else quiet).add(curve.name)
        return quiet - busy

    def with_run(self, began: str, run: Run, collected: "Collected", whole: bool) -> "Part":
        """What this run has instead of what there was. What a whole run has not is gone; what a part of one has not stays."""
        for figure in collected.figures:
            figure.run = began
        for curve in collected.curves:
            curve.run = began
        figures = {each.key: each for each in [*([] if whole else self.figures), *collected.figures]}
        curves = {each.name: each for each in [*([] if whole else self.curves), *collected.curves]}
        left = {each.run for each in figures.values()} | {each.run for each in curves.values()}
        runs = {name: each for name, each in {**self.runs, began: run}.items() if name in left}
        return Part(runs, list(figures.values()), list(curves.values()))


class Results(msgspec.Struct, omit_defaults=True):
    """All parts; each has the runs that it is of, and says when they were."""

    machine: dict[str, str] = {}
    peers: dict[str, str] = {}
    parts: dict[str, Part] = {}


class Collected:
    """The figures of a part while it is measured: rounds come one by one."""

    def __init__(self) -> None:
        self.curves: list[Curve] = []
        self._figures: dict[tuple[str, str, str], Figure] = {}

    def add(self, workload: str, peer: str, measure: str, unit: str, value: float) -> None:
        """One round's value."""
        self._figure(workload, peer, measure, unit).values.append(round(value, 4))

    def fail(self, workload: str, peer: str, measure: str, unit: str, why: str) -> None:
        """This peer cannot do it; what it did in earlier rounds does not count."""
        figure = self._figure(workload, peer, measure, unit)
        figure.note, figure.values = why, []

    def failed(self, workload: str, peer: str, measure: str) -> bool:
        """Whether it failed in an earlier round."""
        return bool((figure := self._figures.get((workload, peer, measure))) and figure.note)

    @property
    def figures(self) -> list[Figure]:
        """In the order in which they were first measured."""
        return list(self._figures.values())

    def _figure(self, workload: str, peer: str, measure: str, unit: str) -> Figure:
        key = workload, peer, measure
        return self._figures.setdefault(key, Figure(workload, peer, measure, unit))


def find(figures: Iterable[Figure], workload: str, peer: str, measure: str) -> Figure | None:
    """One of them."""
    return next((each for each in figures if each.key == (workload, peer, measure)), None)


def read(path: Path = RESULTS) -> Results:
    """What was measured last; nothing where nothing was."""
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results()


def write(results: Results, path: Path = RESULTS) -> None:
    """As lines that a reader can compare."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def percentiles(seconds: Iterable[float], wanted: Iterable[float] = (50, 90, 99, 99.9)) -> Mapping[float, float]:
    """Milliseconds by percent: the time that so many percent did not exceed."""
    times = sorted(seconds)
    if not times:
        return {}
    return {each: times[min(len(times) - 1, int(len(times) * each / 100))] * 1000.0 for each in wanted}


def utc() -> str:
    """Now, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()) + " UTC"
