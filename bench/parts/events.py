"""Events: accepted for later and on the disk before the 202, and run to their end. Nobody else of the compared keeps them."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Collected
from bench.load import wrk
from bench.parts.effort import Effort, attempt, opened
from bench.peers import Ministack, Missing, Target
from bench.peers.neve import Server, serve
from bench.programs import Program, program

TITLE = "Events"
_CALLERS = (1, 64)
ACCEPTED = ("rate", "events/s")
_DRAINED_S = 300.0


def measure(effort: Effort, collected: Collected) -> None:
    """Events per second that were accepted, and those that were run; others: accepted only, with nothing on the disk."""
    asked = {f"accepted by {callers}": callers for callers in _CALLERS if effort.wants(f"accepted by {callers}")}
    if not asked:
        return
    noop = program("no-op", "python")
    with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server, opened([Ministack()], [noop]) as others:
        server.deploy([noop])
        for workload, callers in asked.items():
            effort.begins(workload)
            for _ in range(effort.rounds):
                _one(collected, server, noop, workload, callers, effort.seconds)
                for peer, targets in others.items():
                    there = targets[noop.name]
                    event = Target(there.port, there.path, there.body, {"X-Amz-Invocation-Type": "Event"})
                    with attempt(collected, workload, peer, ACCEPTED):
                        seen = wrk.run([event], callers, effort.seconds).good()
                        collected.add(workload, peer, *ACCEPTED, seen.per_second)


def _one(collected: Collected, server: Server, noop: Program, workload: str, callers: int, seconds: float) -> None:
    """Accepted while they are run, which takes a share of the machine, and then the rest."""
    seen = wrk.run([server.target(noop, event=True)], callers, seconds).good()
    collected.add(workload, "Neve", *ACCEPTED, seen.per_second)
    if seen.tells(99):
        collected.add(workload, "Neve", "p99", "ms", seen.ms[99])
    rate = drain(server, noop.name)
    if rate:
        collected.add(workload, "Neve", "run afterwards", "events/s", rate)


def drain(server: Server, name: str, at_most: int | None = None) -> float:
    """Events per second that are run to their end from now on, until none is left or so many were. Missing when that lasts."""
    before, began = overview(server, name), time.perf_counter()
    while True:
        if time.perf_counter() - began > _DRAINED_S:
            raise Missing(f"events still wait after {_DRAINED_S:g} s")
        now = overview(server, name)
        ran = now["succeeded"] - before["succeeded"]
        if not (now["waiting"] or now["running"]) or (at_most is not None and ran >= at_most):
            return float(ran / (time.perf_counter() - began))
        time.sleep(0.02)


def overview(server: Server, name: str) -> dict[str, int]:
    """What became of the events of one function."""
    found = server.own(f"queue?function={name}")["functions"]
    return found[0] if found else {"succeeded": 0, "waiting": 0, "running": 0}
