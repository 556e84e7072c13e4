"""The numbers to hold, and what was measured of each."""

from collections.abc import Callable
from typing import NamedTuple

from bench.figures import Figure, Results, find
from bench.parts.events import HELD


class Goal(NamedTuple):
    """`value` finds what was measured (None where nothing was); a goal is at least or at most `bound`."""

    what: str
    bound: float
    unit: str
    value: Callable[[Results], float | None]
    at_least: bool = False
    part: str = "warm"

    def held(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


def median(part: str, workload: str, peer: str, measure: str) -> Callable[[Results], float | None]:
    """Of one figure."""

    def look(results: Results) -> float | None:
        found = _figure(results, part, workload, peer, measure)
        return found.median if found is not None and found.values else None

    return look


def ratio(
    one: Callable[[Results], float | None], other: Callable[[Results], float | None]
) -> Callable[[Results], float | None]:
    """One divided by the other."""

    def look(results: Results) -> float | None:
        above, below = one(results), other(results)
        return above / below if above is not None and below else None

    return look


def less(
    one: Callable[[Results], float | None], other: Callable[[Results], float | None]
) -> Callable[[Results], float | None]:
    """What one is more than the other."""

    def look(results: Results) -> float | None:
        more, few = one(results), other(results)
        return more - few if more is not None and few is not None else None

    return look


def last(curve: str, series: str, x: float) -> Callable[[Results], float | None]:
    """The point of a curve at x."""

    def look(results: Results) -> float | None:
        part = results.parts.get("growth")
        for each in part.curves if part else ():
            if each.name == curve:
                return dict(each.series.get(series, ())).get(x)
        return None

    return look


def _figure(results: Results, part: str, workload: str, peer: str, measure: str) -> Figure | None:
    return find(results.parts[part].figures, workload, peer, measure) if part in results.parts else None


_ONE, _MANY = "no-op, node, 1", "no-op, node, 16"
GOALS = (
    Goal(
        "no-op in Node.js, one caller, as a multiple of AWS RIE",
        3,
        "×",
        ratio(median("warm", _ONE, "Neve", "rate"), median("warm", _ONE, "AWS RIE", "rate")),
        at_least=True,
    ),
    Goal("the same, half of the calls within", 0.25, "ms", median("warm", _ONE, "Neve", "p50")),
    Goal("no-op in Node.js, 16 callers", 8000, "/s", median("warm", _MANY, "Neve", "rate"), at_least=True),
    Goal(
        "cold start from nothing, Node.js",
        80,
        "ms",
        median("cold", "cold start, node", "Neve, from nothing", "first call"),
        part="cold",
    ),
    Goal(
        "cold start from a pre-started runtime, Node.js",
        12,
        "ms",
        median("cold", "cold start, node", "Neve, pre-started runtime", "first call"),
        part="cold",
    ),
    Goal(
        "freeze and thaw add to a call",
        0.3,
        "ms",
        less(
            median("freezing", "after a pause, node", "Neve", "p50"),
            median("freezing", "after a pause, node", "Neve that never freezes", "p50"),
        ),
        part="freezing",
    ),
    Goal(
        "events accepted, on the disk",
        6000,
        "/s",
        median("events", HELD, "Neve", "rate"),
        at_least=True,
        part="events",
    ),
    Goal("ready with a million events that wait", 10, "s", last("queue-ready", "ready", 1_000_000), part="growth"),
    Goal("memory with a million events that wait", 400, "MB", last("queue-memory", "Neve", 1_000_000), part="growth"),
    Goal(
        "200 frozen Node.js environments",
        8,
        "GiB",
        median("frozen", "200 frozen, node", "Neve", "memory"),
        part="frozen",
    ),
    Goal(
        "their processor time in 5 s",
        0,
        "s",
        median("frozen", "200 frozen, node", "Neve", "processor in 5 s"),
        part="frozen",
    ),
)
