"""Warm calls: one caller and sixteen, each workload, each language, each peer."""

from bench.figures import Collected
from bench.load import frames, wrk
from bench.load.wrk import Load
from bench.parts.effort import Effort, attempt, opened
from bench.peers import NodeFrames, Target, everybody
from bench.programs import LANGUAGES, workloads

TITLE = "Warm calls"
CALLERS = (1, 16)
RATE, P50, P99 = ("rate", "requests/s"), ("p50", "ms"), ("p99", "ms")
_WARMING_S = 1.0
_PATIENCE_S = 10


def measure(effort: Effort, collected: Collected) -> None:
    """Requests per second, and milliseconds that half and 99 of a hundred did not exceed."""
    asked = {
        f"{name}, {language}, {callers}": (each, callers)
        for callers in CALLERS
        for language in LANGUAGES
        for name, each in workloads(language).items()
        if effort.wants(f"{name}, {language}, {callers}")
    }
    if not asked:
        return
    programs = {each.name: each for each, _ in asked.values()}
    with opened(everybody(), list(programs.values())) as found:
        for workload, (each, callers) in asked.items():
            targets = {peer: theirs[each.name] for peer, theirs in found.items() if each.name in theirs}
            effort.begins(workload)
            for peer, target in targets.items():
                with attempt(collected, workload, peer, RATE, P50, P99):
                    _warm(peer, target, callers)
            for _ in range(effort.rounds):
                for peer, target in targets.items():
                    one(collected, workload, peer, target, callers, effort.seconds)


def _warm(peer: str, target: Target, callers: int) -> None:
    """Its answer is looked at once; then as many environments as there are callers."""
    if peer != NodeFrames.name:
        target.call(_PATIENCE_S)
    if callers > 1:
        load(peer, target, callers, _WARMING_S)


def one(collected: Collected, workload: str, peer: str, target: Target, callers: int, seconds: float) -> None:
    """One round of one peer, unless it failed before."""
    if collected.failed(workload, peer, RATE[0]):
        return
    with attempt(collected, workload, peer, RATE, P50, P99):
        add(collected, workload, peer, load(peer, target, callers, seconds).good())


def add(collected: Collected, workload: str, peer: str, seen: Load) -> None:
    """One round; a percentile where there were enough calls to believe it."""
    collected.add(workload, peer, *RATE, seen.per_second)
    for percent, measure_ in ((50, P50), (99, P99)):
        if seen.tells(percent):
            collected.add(workload, peer, *measure_, seen.ms[percent])


def load(peer: str, target: Target, callers: int, seconds: float) -> Load:
    """By wrk, or as frames."""
    return frames.run(target, callers, seconds) if peer == NodeFrames.name else wrk.run([target], callers, seconds)
