"""The numbers to hold, and what was measured of each."""

from collections.abc import Callable
from typing import NamedTuple

from bench.figures import Figure, Results, find
from bench.parts.events import HELD


class Goal(NamedTuple):
    """`value` finds what was measured (None where nothing was); a goal is at least or at most `bound`.

    `in_the_way` says of one that was missed what a profile showed, and what was tried.
    """

    what: str
    bound: float
    unit: str
    value: Callable[[Results], float | None]
    at_least: bool = False
    part: str = "warm"
    in_the_way: str = ""

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


_NOT_THREE_TIMES = (
    "Three times as fast as AWS RIE is 0.12 ms for a call; Node.js alone, with nothing between it and its caller, needs 0.07. "
    "What Neve does between them takes 0.17 ms: slots and limits, four records of each call, log lines for the disk, the "
    "look at the memory, and all of it in Python. RIE does none of these, and drives a small Node.js client of this bench "
    "here, because AWS's cannot be built."
)
_NOT_EIGHT_THOUSAND = (
    "The thread of the event loop is always at work: 0.14 ms for a call. Of its samples 15% are the write to the caller's "
    "socket, 21% the record stream (log lines, traces, costs), 9% HTTP, 5% slots and rates; the rest is spread over some three "
    "hundred small calls. Without any subscriber of the stream it gives 9,100 calls a second, without log lines 8,000, without "
    "traces 7,500. Tried with gain: an HTTP protocol of our own, log lines in statements of 200 rows (+20%), structs for what "
    "is made for each call, no task before a freeze, routes remembered, one timer for all calls of an environment. Left: "
    "records that are only made for who reads them; a second process beside the first, which two processors have no room for."
)
_ONE, _MANY = "no-op, node, 1", "no-op, node, 16"
GOALS = (
    Goal(
        "no-op in Node.js, one caller, as a multiple of AWS RIE",
        3,
        "×",
        ratio(median("warm", _ONE, "Neve", "rate"), median("warm", _ONE, "AWS RIE", "rate")),
        at_least=True,
        in_the_way=_NOT_THREE_TIMES,
    ),
    Goal("the same, half of the calls within", 0.25, "ms", median("warm", _ONE, "Neve", "p50")),
    Goal(
        "no-op in Node.js, 16 callers",
        8000,
        "/s",
        median("warm", _MANY, "Neve", "rate"),
        at_least=True,
        in_the_way=_NOT_EIGHT_THOUSAND,
    ),
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
