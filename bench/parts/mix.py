"""Fifty functions, half in Node.js and half in Python, called by turns by sixteen callers."""

from bench.figures import Collected
from bench.load import wrk
from bench.parts.effort import Effort, opened, say
from bench.parts.warm import P50, P99, RATE, failed
from bench.peers import Ministack, Missing, Neve, ServerlessOffline, Target
from bench.programs import NODE, PYTHON, Program, program, text_of

TITLE = "A mix of fifty functions"
FUNCTIONS = 50
_CALLERS = 16


def measure(effort: Effort) -> Collected:
    """Requests per second and milliseconds. The emulator runs one function in a process, so it has no mix."""
    collected = Collected()
    programs = functions(FUNCTIONS)
    workload = f"{FUNCTIONS} functions, {_CALLERS}"
    say("mix")
    with opened([Neve(), ServerlessOffline(), Ministack()], programs) as found:
        for peer, targets in found.items():
            try:
                for target in targets.values():
                    target.call()
                wrk.run(list(targets.values()), _CALLERS, 1)
            except Missing as broken:
                failed(collected, workload, peer, str(broken))
        for _ in range(effort.rounds):
            for peer, targets in found.items():
                if not collected.failed(workload, peer, RATE[0]):
                    _one(collected, workload, peer, list(targets.values()), effort.seconds)
    return collected


def _one(collected: Collected, workload: str, peer: str, targets: list[Target], seconds: float) -> None:
    seen = wrk.run(targets, _CALLERS, seconds)
    if seen.broken:
        failed(collected, workload, peer, f"{seen.failed} of {seen.requests} requests failed")
        return
    for measure_, value in ((RATE, seen.per_second), (P50, seen.ms[50]), (P99, seen.ms[99])):
        collected.add(workload, peer, *measure_, value)


def functions(count: int) -> list[Program]:
    """An ordinary town: most echo, some await, some log."""
    kinds = [("echo", text_of(1024)), ("echo", {"a": 1}), ("30 awaits", None), ("log lines", {"lines": 5})]
    made = []
    for number in range(count):
        kind, event = kinds[number // 2 % len(kinds)]
        made.append(program(kind, PYTHON if number % 2 else NODE, event, f"mix-{number}"))
    return made
