"""Calls at fixed rates: what somebody waits who comes when he comes, not when the last answer is there."""

from collections.abc import Mapping
from contextlib import suppress

from bench.figures import Collected
from bench.load import steady
from bench.parts.effort import Effort, opened, say
from bench.peers import Ministack, Neve, NodeHttp, Rie, ServerlessOffline, Target
from bench.programs import program

TITLE = "Calls at a fixed rate"
_WARMING_S = 0.5
RATES = (10, 100, 1000, 2000, 4000)


def measure(effort: Effort) -> Collected:
    """Milliseconds from the moment at which a call was due. Who gave less than nine tenths of a rate gets no higher one."""
    collected = Collected()
    noop = program("no-op", "node")
    with opened([Neve(), Rie(), ServerlessOffline(), Ministack(), NodeHttp()], [noop]) as found:
        for targets in found.values():
            targets[noop.name].call()
        for rate in RATES:
            say(f"fixed rate: {rate}/s")
            _warm(found, noop.name, rate)
            for _ in range(effort.rounds):
                for peer, targets in list(found.items()):
                    workload = f"{rate:,}/s"
                    if collected.failed(workload, peer, "p50"):
                        continue
                    if _gave_up(collected, peer, rate):
                        _fail(collected, workload, peer, "gave less than a lower rate")
                        continue
                    try:
                        seen = steady.run(targets[noop.name], rate, effort.seconds)
                    except OSError as broken:
                        _fail(collected, workload, peer, f"does not answer: {broken.strerror or broken}")
                        continue
                    if seen.per_second < 0.9 * rate * (1 - seen.failed / seen.requests) or seen.broken:
                        _fail(collected, workload, peer, f"gave {seen.per_second:,.0f}/s, {seen.failed} failed")
                        continue
                    for percent, name in ((50, "p50"), (99, "p99"), (99.9, "p99.9")):
                        collected.add(workload, peer, name, "ms", seen.ms[percent])
    return collected


def _warm(found: Mapping[str, Mapping[str, Target]], name: str, rate: int) -> None:
    """As many environments as this rate needs; who cannot do it will be seen to."""
    for targets in found.values():
        with suppress(OSError):
            steady.run(targets[name], rate, _WARMING_S)


def _fail(collected: Collected, workload: str, peer: str, why: str) -> None:
    for name in ("p50", "p99", "p99.9"):
        collected.fail(workload, peer, name, "ms", why)


def _gave_up(collected: Collected, peer: str, rate: int) -> bool:
    return any(collected.failed(f"{lower:,}/s", peer, "p50") for lower in RATES if lower < rate)
