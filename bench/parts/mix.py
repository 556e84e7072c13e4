"""Fifty functions, half in Node.js and half in Python, called by turns by sixteen callers."""

from bench.figures import Collected
from bench.load import wrk
from bench.parts.effort import Effort, attempt, opened
from bench.parts.warm import P50, P99, RATE, add
from bench.peers import Ministack, Neve, ServerlessOffline
from bench.programs import NODE, PYTHON, Program, program, text_of

TITLE = "A mix of fifty functions"
FUNCTIONS = 50
_CALLERS = 16
_WORKLOAD = f"{FUNCTIONS} functions, {_CALLERS}"


def measure(effort: Effort, collected: Collected) -> None:
    """Requests per second and milliseconds. The emulator runs one function in a process, so it has no mix."""
    if not effort.wants(_WORKLOAD):
        return
    with opened([Neve(), ServerlessOffline(), Ministack()], functions(FUNCTIONS)) as found:
        effort.begins(_WORKLOAD)
        for peer, targets in found.items():
            with attempt(collected, _WORKLOAD, peer, RATE, P50, P99):
                for target in targets.values():
                    target.call()
                wrk.run(list(targets.values()), _CALLERS, 1)
        for _ in range(effort.rounds):
            for peer, targets in found.items():
                if not collected.failed(_WORKLOAD, peer, RATE[0]):
                    with attempt(collected, _WORKLOAD, peer, RATE, P50, P99):
                        add(
                            collected, _WORKLOAD, peer, wrk.run(list(targets.values()), _CALLERS, effort.seconds).good()
                        )


def functions(count: int) -> list[Program]:
    """An ordinary town: most echo, some await, some log."""
    kinds = [("echo", text_of(1024)), ("echo", {"a": 1}), ("30 awaits", None), ("log lines", {"lines": 5})]
    made = []
    for number in range(count):
        kind, event = kinds[number // 2 % len(kinds)]
        made.append(program(kind, PYTHON if number % 2 else NODE, event, f"mix-{number}"))
    return made
