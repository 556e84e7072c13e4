"""Two hundred frozen environments: what they hold of the memory, and whether they use the processor."""

import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Collected
from bench.load import wrk
from bench.machine import cpu_seconds, descendants, resident_mb, share_bytes
from bench.parts.effort import Effort
from bench.peers.neve import Server, serve
from bench.programs import LANGUAGES, Program, program

TITLE = "Frozen environments"
COUNT = 200
_LOOK_S = 5.0
_BOUND_S = 600.0


def measure(effort: Effort, collected: Collected) -> None:
    """GiB of all their processes together (PSS), MB of Neve itself, seconds of the processor in five."""
    count = max(10, int(COUNT * effort.scale))
    for language in LANGUAGES:
        workload = f"{count} frozen, {language}"
        if not effort.begins(workload):
            continue
        with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server:
            fill(server, sleeper(server, language), count)
            inside = descendants(server.pid)
            collected.add(workload, "Neve", "memory", "GiB", sum(map(share_bytes, inside)) / 2**30)
            collected.add(workload, "Neve", "of Neve itself", "MB", resident_mb(server.pid))
            before = _used(inside)
            time.sleep(_LOOK_S)
            collected.add(workload, "Neve", f"processor in {_LOOK_S:g} s", "s", _used(inside) - before)


def sleeper(server: Server, language: str) -> Program:
    """A function whose callers all need an environment of their own."""
    each = program("sleep", language, {"ms": 3000}, f"many-{language}")
    server.deploy([each])
    return each


def fill(server: Server, each: Program, count: int) -> None:
    """So many environments of one function, all frozen: as many callers who sleep at once."""
    deadline = time.monotonic() + _BOUND_S
    while len(_states(server, each.name)) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {count} environments within {_BOUND_S:g} s")
        wrk.run([server.target(each)], count, 4, timeout_s=30)
    while set(_states(server, each.name)) != {"frozen"}:
        if time.monotonic() > deadline:
            raise TimeoutError("not all environments are frozen")
        time.sleep(0.1)


def _states(server: Server, name: str) -> list[str]:
    return [each["state"] for each in server.own(f"environments?function={name}")["environments"]]


def _used(processes: Iterable[int]) -> float:
    return sum(map(cpu_seconds, processes))
