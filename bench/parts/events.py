"""Events: accepted for later and on the disk before the 202, and run to their end. Nobody else of the compared keeps them."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Collected
from bench.load import wrk
from bench.parts.effort import Effort, opened, say
from bench.peers import Ministack, Target
from bench.peers.neve import Server, serve
from bench.programs import Program, program

TITLE = "Events"
_CALLERS = (1, 64)


def measure(effort: Effort) -> Collected:
    """Events per second that were accepted, and those that were run; others: accepted only, with nothing on the disk."""
    collected = Collected()
    noop = program("no-op", "python")
    say("events")
    with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server, opened([Ministack()], [noop]) as others:
        server.deploy([noop])
        for callers in _CALLERS:
            for _ in range(effort.rounds):
                _one(collected, server, noop, callers, effort.seconds)
                for peer, targets in others.items():
                    asked = targets[noop.name]
                    event = Target(asked.port, asked.path, asked.body, {"X-Amz-Invocation-Type": "Event"})
                    seen = wrk.run([event], callers, effort.seconds)
                    collected.add(f"accepted, {callers} callers", peer, "rate", "events/s", seen.per_second)
    return collected


def _one(collected: Collected, server: Server, noop: Program, callers: int, seconds: float) -> None:
    """Accepted while they are run, which takes a share of the machine, and then the rest."""
    seen = wrk.run([server.target(noop, event=True)], callers, seconds)
    collected.add(f"accepted, {callers} callers", "Neve", "rate", "events/s", seen.per_second)
    collected.add(f"accepted, {callers} callers", "Neve", "p99", "ms", seen.ms[99])
    rate = drain(server, noop.name)
    if rate:
        collected.add(f"run, after {callers} callers", "Neve", "rate", "events/s", rate)


def drain(server: Server, name: str, at_most: int | None = None) -> float:
    """Events per second that are run to their end from now on, until none is left or so many were."""
    before, began = overview(server, name), time.perf_counter()
    while True:
        now = overview(server, name)
        ran = now["succeeded"] - before["succeeded"]
        if not (now["waiting"] or now["running"]) or (at_most is not None and ran >= at_most):
            return float(ran / (time.perf_counter() - began))
        time.sleep(0.02)


def overview(server: Server, name: str) -> dict[str, int]:
    """What became of the events of one function."""
    found = server.own(f"queue?function={name}")["functions"]
    return found[0] if found else {"succeeded": 0, "waiting": 0, "running": 0}
