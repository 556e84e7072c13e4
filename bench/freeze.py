"""What a freeze and a thaw add to a call, for each freezer that this machine has: an idle Node.js and a spinning one.

    python bench/freeze.py [rounds]

Design: freeze + thaw at most 0.3 ms together. Times are microseconds.
"""

import asyncio
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from neve.dataplane.binaries import wheel_node
from neve.dataplane.sandbox.bare import BareKind
from neve.dataplane.sandbox.choose import FREEZERS, try_freezer
from neve.dataplane.sandbox.sandbox import Command, Limits, Sandbox, SandboxKind

IDLE = "console.log('up'); setInterval(() => {}, 1e6)"
SPINNING = "console.log('up'); for (;;);"


async def main(rounds: int) -> None:
    """Print one line for each freezer and program."""
    for name in FREEZERS:
        tried = try_freezer(name)
        if tried.kind is None:
            print(f"{name:8} cannot be had: {tried.reason}")
            continue
        kind = BareKind(tried.kind)
        for label, program in (("idle", IDLE), ("spinning", SPINNING)):
            await measure(kind, label, program, rounds)
        await kind.close()


async def measure(kind: SandboxKind, label: str, program: str, rounds: int) -> None:
    """Freeze and thaw one process again and again; it has some milliseconds to run in between."""
    sandbox = kind.create(f"bench-{label}", Limits())
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    begin = time.perf_counter()
    await sandbox.start(Command([str(wheel_node().path), "-e", program], {}, Path("/")), theirs, write)
    started = time.perf_counter() - begin
    os.read(read, 10)
    freezes, thaws = [], []
    for _ in range(rounds):
        freezes.append(await freeze(sandbox))
        thaws.append(timed(sandbox.thaw))
        await asyncio.sleep(0.002)
    usages = [timed(sandbox.usage) for _ in range(rounds)]
    begin = time.perf_counter()
    await sandbox.remove()
    removed = time.perf_counter() - begin
    print(
        f"{kind.freezer:8} {label:9} freeze {quantiles(freezes)}  thaw {quantiles(thaws)}  usage {quantiles(usages)}"
        f"  spawn {started * 1e6:.0f}  remove {removed * 1e6:.0f}"
    )
    for end in (ours, theirs):
        end.close()
    os.close(read)
    os.close(write)


async def freeze(sandbox: Sandbox) -> float:
    """Seconds."""
    begin = time.perf_counter()
    await sandbox.freeze()
    return time.perf_counter() - begin


def timed(move: Callable[[], object]) -> float:
    """Seconds."""
    begin = time.perf_counter()
    move()
    return time.perf_counter() - begin


def quantiles(seconds: list[float]) -> str:
    """`p50/p95` in microseconds."""
    cuts = statistics.quantiles(seconds, n=20)
    return f"{cuts[9] * 1e6:5.0f}/{cuts[18] * 1e6:5.0f}"


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
