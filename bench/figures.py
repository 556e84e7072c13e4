"""What parts give, and what the report reads: figures and curves, kept as JSON in docs/benchmarks.json."""

import statistics
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks.json"


class Figure(msgspec.Struct, omit_defaults=True):
    """One thing measured of one peer, a value for each round. Without values `note` says why."""

    workload: str
    peer: str
    measure: str
    unit: str
    values: list[float] = []
    note: str = ""

    @property
    def median(self) -> float:
        """NaN without values."""
        return statistics.median(self.values) if self.values else float("nan")

    @property
    def spread(self) -> float:
        """How far apart the rounds are: from least to most, as a part of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.values and self.median else 0.0


class Curve(msgspec.Struct, omit_defaults=True):
    """How something grows: each series is points (x, y). `explained` says why it bends where it bends."""

    name: str
    title: str
    x: str
    y: str
    series: dict[str, list[tuple[float, float]]] = {}
    explained: str = ""


class Part(msgspec.Struct, omit_defaults=True):
    """One part of the report as it was last measured."""

    taken: str
    load_before: float
    load_after: float
    rounds: int
    seconds: float
    figures: list[Figure] = []
    curves: list[Curve] = []


class Results(msgspec.Struct, omit_defaults=True):
    """All parts; each may have been measured at another time, and says when."""

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
    wanted = workload, peer, measure
    return next((each for each in figures if (each.workload, each.peer, each.measure) == wanted), None)


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
    """Now, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC"
