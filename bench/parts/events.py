"""Events: accepted for later and on the disk before the 202, and run to their end. Nobody else of the compared keeps them."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Collected
from bench.load import wrk
from bench.load.wrk import Load
from bench.parts.effort import Effort, attempt, opened
from bench.peers import Ministack, Missing, Target
from bench.peers.deploy import busy
from bench.peers.neve import Server, serve
from bench.programs import Program, program

TITLE = "Events"
_CALLERS = (1, 64)
HELD = "accepted by 64, run later"
ACCEPTED = ("rate", "events/s")
_DRAINED_S = 300.0


def measure(effort: Effort, collected: Collected) -> None:
    """Events per second that were accepted, and those that were run; others: accepted only, with nothing on the disk."""
    asked = {f"accepted by {callers}": callers for callers in _CALLERS if effort.wants(f"accepted by {callers}")}
    if not asked and not effort.wants(HELD):
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
        if effort.wants(HELD):
            effort.begins(HELD)
            _held(collected, server, effort)


def _one(collected: Collected, server: Server, noop: Program, workload: str, callers: int, seconds: float) -> None:
    seen, ran = accepted_and_ran(server, server.target(noop, event=True), noop.name, callers, seconds)
    collected.add(workload, "Neve", *ACCEPTED, seen.per_second)
    if seen.tells(99):
        collected.add(workload, "Neve", "p99", "ms", seen.ms[99])
    collected.add(workload, "Neve", "run to their end", "events/s", ran)


def _held(collected: Collected, server: Server, effort: Effort) -> None:
    """What accepting alone can do: events of a function that is busy."""
    sleeper = program("sleep", "python", {"ms": 0}, "busy")
    server.deploy([sleeper])[sleeper.name].call()
    target = server.target(sleeper, event=True)
    with busy(server.url, sleeper, effort.rounds * effort.seconds * 2 + 5):
        for _ in range(effort.rounds):
            seen = wrk.run([target], max(_CALLERS), effort.seconds).good()
            collected.add(HELD, "Neve", *ACCEPTED, seen.per_second)
            if seen.tells(99):
                collected.add(HELD, "Neve", "p99", "ms", seen.ms[99])
        if overview(server, sleeper.name)["succeeded"]:
            raise Missing("the events did not wait")
    drain(server, sleeper.name)


def accepted_and_ran(server: Server, event: Target, name: str, callers: int, seconds: float) -> tuple[Load, float]:
    """Accepted while they are run, which takes a share of the machine; and events per second that ran, from first to last."""
    before, began = overview(server, name)["succeeded"], time.perf_counter()
    seen = wrk.run([event], callers, seconds).good()
    drain(server, name)
    return seen, (overview(server, name)["succeeded"] - before) / (time.perf_counter() - began)


def drain(server: Server, name: str) -> None:
    """Wait until none of a function's events is left. Missing when that lasts."""
    deadline = time.monotonic() + _DRAINED_S
    while (now := overview(server, name))["waiting"] or now["running"]:
        if time.monotonic() > deadline:
            raise Missing(f"events still wait after {_DRAINED_S:g} s")
        time.sleep(0.02)


def overview(server: Server, name: str) -> dict[str, int]:
    """What became of the events of one function."""
    found = server.own(f"queue?function={name}")["functions"]
    return found[0] if found else {"succeeded": 0, "waiting": 0, "running": 0}
