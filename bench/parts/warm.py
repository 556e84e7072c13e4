"""Warm calls: one caller and sixteen, each workload, each language, each peer."""

from bench.figures import Collected
from bench.load import frames, wrk
from bench.load.wrk import Load
from bench.parts.effort import Effort, opened, say
from bench.peers import Missing, NodeFrames, Target, everybody
from bench.programs import LANGUAGES, workloads

TITLE = "Warm calls"
CALLERS = (1, 16)
RATE, P50, P99 = ("rate", "requests/s"), ("p50", "ms"), ("p99", "ms")
_WARMING_S = 0.3


def measure(effort: Effort) -> Collected:
    """Requests per second, and milliseconds that half and 99 of a hundred did not exceed."""
    collected = Collected()
    programs = {(name, language): each for language in LANGUAGES for name, each in workloads(language).items()}
    with opened(everybody(), list(programs.values())) as found:
        for callers in CALLERS:
            for (name, language), program in programs.items():
                workload = f"{name}, {language}, {callers}"
                say(f"warm: {workload}")
                warm = {peer for peer, targets in found.items() if program.name in targets}
                for peer in sorted(warm):
                    _warm(collected, workload, peer, found[peer][program.name], callers)
                for _ in range(effort.rounds):
                    for peer, targets in found.items():
                        if peer in warm:
                            one(collected, workload, peer, targets[program.name], callers, effort.seconds)
    return collected


def _warm(collected: Collected, workload: str, peer: str, target: Target, callers: int) -> None:
    """Its answer is looked at once; then as many environments as there are callers."""
    try:
        if peer != NodeFrames.name:
            target.call(20)
        load(peer, target, callers, _WARMING_S)
    except (Missing, OSError) as broken:
        failed(collected, workload, peer, str(broken))


def one(collected: Collected, workload: str, peer: str, target: Target, callers: int, seconds: float) -> None:
    """One round of one peer, unless it failed before."""
    if collected.failed(workload, peer, RATE[0]):
        return
    try:
        seen = load(peer, target, callers, seconds)
    except (Missing, OSError) as broken:
        failed(collected, workload, peer, str(broken))
        return
    if seen.broken:
        failed(collected, workload, peer, f"{seen.failed} of {seen.requests} requests failed")
        return
    collected.add(workload, peer, *RATE, seen.per_second)
    collected.add(workload, peer, *P50, seen.ms[50])
    collected.add(workload, peer, *P99, seen.ms[99])


def failed(collected: Collected, workload: str, peer: str, why: str) -> None:
    """All three of them."""
    say(f"  {peer}: {why[:300]}")
    for measure_, unit in (RATE, P50, P99):
        collected.fail(workload, peer, measure_, unit, _short(why))


def load(peer: str, target: Target, callers: int, seconds: float) -> Load:
    """By wrk, or as frames."""
    return frames.run(target, callers, seconds) if peer == NodeFrames.name else wrk.run([target], callers, seconds)


def _short(why: str) -> str:
    return why.partition("; it said")[0][:120]
