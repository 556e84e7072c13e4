"""Calls at fixed rates: what somebody waits who comes when he comes, not when the last answer is there."""

from collections.abc import Mapping

from bench.figures import Collected
from bench.load import steady
from bench.load.wrk import Load
from bench.parts.effort import Effort, attempt, opened
from bench.peers import Ministack, Missing, Neve, NodeHttp, Rie, ServerlessOffline, Target
from bench.programs import program

TITLE = "Calls at a fixed rate"
_WARMING_S = 0.5
_LEAST_CALLS = 50  # fewer have no median worth the name
_LEAST_S = 2.0  # in less, one pause of a tenth of a second would be a rate that was not given
RATES = (10, 100, 1000, 2000, 4000)
_PERCENTILES = ((50, ("p50", "ms")), (99, ("p99", "ms")), (99.9, ("p99.9", "ms")))
_MEASURES = [each for _, each in _PERCENTILES]


def measure(effort: Effort, collected: Collected) -> None:
    """Milliseconds from the moment at which a call was due. Who cannot give a rate gets no higher one."""
    if not any(effort.wants(_workload(rate)) for rate in RATES):
        return
    noop = program("no-op", "node")
    with opened([Neve(), Rie(), ServerlessOffline(), Ministack(), NodeHttp()], [noop]) as found:
        targets = {peer: theirs[noop.name] for peer, theirs in found.items()}
        for target in targets.values():
            target.call()
        for rate in RATES:
            if effort.begins(_workload(rate)):
                _at(rate, collected, effort, targets)
                _leave_out_who_failed(rate, collected, targets)


def _at(rate: int, collected: Collected, effort: Effort, targets: Mapping[str, Target]) -> None:
    """The first, which does not count, is for as many environments as this rate needs."""
    seconds = max(effort.seconds, _LEAST_S, _LEAST_CALLS / rate)
    for turn in range(effort.rounds + 1):
        for peer, target in targets.items():
            if collected.failed(_workload(rate), peer, "p50"):
                continue
            with attempt(collected, _workload(rate), peer, *_MEASURES):
                seen = steady.run(target, rate, seconds if turn else _WARMING_S)
                if turn:
                    _add(rate, collected, peer, seen.good())


def _add(rate: int, collected: Collected, peer: str, seen: Load) -> None:
    if seen.per_second < 0.9 * rate:
        raise Missing(f"gave {seen.per_second:,.0f}/s")
    for percent, measure_ in _PERCENTILES:
        if seen.tells(percent):
            collected.add(_workload(rate), peer, *measure_, seen.ms[percent])


def _leave_out_who_failed(rate: int, collected: Collected, targets: dict[str, Target]) -> None:
    for peer in [each for each in targets if collected.failed(_workload(rate), each, "p50")]:
        del targets[peer]
        for higher in (each for each in RATES if each > rate):
            for name, unit in _MEASURES:
                collected.fail(_workload(higher), peer, name, unit, "cannot give a lower rate")


def _workload(rate: int) -> str:
    return f"{rate:,}/s"
