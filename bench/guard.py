"""`make bench-quick`: Neve against the physical limit, in less than a minute, beside the ratios that were committed.

A time says something of a machine, a ratio something of Neve. The processor time of a call is the sturdier one: it is nearly the
same while others use the machine. Nothing is written unless `--keep` is given (`python -m bench.guard --keep`).
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from bench import machine
from bench.charts import number
from bench.load import frames, wrk
from bench.parts.events import drain
from bench.peers import NodeFrames, Target
from bench.peers.neve import serve
from bench.programs import NODE, PYTHON, program, text_of

COMMITTED = Path(__file__).with_name("guard.json")
ROUNDS = 3
_SECONDS = 1.0
_MOVED = 0.15


def main(keep: bool = False) -> int:
    """Print what moved; 1 when the processor time of something grew by more than it varies."""
    before = msgspec.json.decode(COMMITTED.read_bytes(), type=dict[str, float]) if COMMITTED.exists() else {}
    others = machine.used_share()
    if keep and others > machine.QUIET:
        print(f"Others use {others:.0%} of this machine: nothing is kept of such a time. Try again when it is quiet.")
        return 1
    now = measure()
    slower = show(now, before, others)
    if keep:
        COMMITTED.write_bytes(msgspec.json.format(msgspec.json.encode(now), indent=1) + b"\n")
    return slower


def measure() -> dict[str, float]:
    """Ratios to Node.js that answers frames: of the rate (more is better), of the processor time of a call (less is better)."""
    noop, echo, python = program("no-op", NODE), program("echo", NODE, text_of(1024)), program("no-op", PYTHON)
    seen: dict[str, list[float]] = {}
    with TemporaryDirectory() as folder, serve(Path(folder, "data")) as server, NodeFrames().open([noop]) as limit:
        targets = server.deploy([noop, echo, python])
        cases: dict[str, tuple[Target, int]] = {
            "no-op, Node.js, 1 caller": (targets[noop.name], 1),
            "no-op, Node.js, 16 callers": (targets[noop.name], 16),
            "echo 1 KB, Node.js, 16 callers": (targets[echo.name], 16),
            "no-op, Python, 1 caller": (targets[python.name], 1),
            "Event accepted and run, 16 callers": (server.target(python, event=True), 16),
        }
        for target, callers in cases.values():
            wrk.run([target], callers, _SECONDS)
        drain(server, python.name)
        for _ in range(ROUNDS):
            for name, (target, callers) in cases.items():
                bound = _limit(limit[noop.name], callers)
                began = machine.cpu_seconds(server.pid)
                load = wrk.run([target], callers, _SECONDS)
                if target.headers:  # Events, which are run until none is left: else the next case had their cost
                    drain(server, python.name)
                used = (machine.cpu_seconds(server.pid) - began) / max(1, load.requests)
                seen.setdefault(f"{name}: rate", []).append(load.per_second / bound[0])
                seen.setdefault(f"{name}: processor", []).append(used / bound[1])
    return {name: round(median(values), 4) for name, values in seen.items()}


def _limit(target: Target, callers: int) -> tuple[float, float]:
    """Calls per second, and seconds of the processor for one."""
    began = machine.cpu_seconds(target.pid)
    load = frames.run(target, callers, _SECONDS / 2)
    return load.per_second, (machine.cpu_seconds(target.pid) - began) / max(1, load.requests)


def show(now: Mapping[str, float], before: Mapping[str, float], others: float = 0.0) -> int:
    """A line each; `others` is the share of the processors that is not ours. 1 when one of the processor times has grown."""
    print("Ratios to Node.js alone that answers frames on a socket.")
    if others > machine.QUIET:
        print(
            f"Others use {others:.0%} of this machine: rates say little now, processor times are still good for a look."
        )
    slower = 0
    for name, value in now.items():
        told = f"{name:46} {number(value):>8}"
        if name in before:
            moved = value / before[name] - 1
            word = judged(name, moved)
            slower |= word == "SLOWER" and name.endswith("processor")
            told += f"   committed {number(before[name]):>8}   {moved:+7.1%}  {word}"
        print(told)
    return slower


def judged(name: str, moved: float) -> str:
    """What a change means: of a rate more is better, of a processor time less is."""
    if abs(moved) <= _MOVED:
        return ""
    return "faster" if (moved > 0) == name.endswith("rate") else "SLOWER"


if __name__ == "__main__":
    sys.exit(main(keep="--keep" in sys.argv[1:]))
