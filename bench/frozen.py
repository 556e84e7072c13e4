"""Two hundred frozen Node.js environments: the memory that they take and the processor that they use while they are frozen.

    python -m bench.frozen [environments] [seconds]

Design: at most 8 GiB and no processor time. Memory is the proportional share (PSS) of every process of the environments.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.acceptance.functions import deploy
from tests.acceptance.machine import cpu_seconds, until
from tests.acceptance.neighbours import object_store
from tests.acceptance.server import running
from tests.acceptance.test_leak_counts import NODE, all_at_once, descendants


def main(count: int, seconds: float) -> None:
    """Start them all, wait until they are frozen, look twice."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data") as server, object_store() as store:
        function = deploy(server, NODE, "nodejs24.x", timeout_s=60)
        began = time.monotonic()
        asyncio.run(all_at_once(server, [function] * count, store))
        until(lambda: {each["state"] for each in function.environments()} == {"frozen"}, "not all are frozen")
        took = time.monotonic() - began
        processes = descendants(server.process.pid)
        memory = sum(map(share, processes))
        print(f"{len(function.environments())} environments, {len(processes)} processes, started in {took:.1f} s")
        print(f"memory {memory / 2**30:.2f} GiB, {memory / count / 2**20:.1f} MiB each; at most 8 GiB are allowed")
        before = used(processes)
        time.sleep(seconds)
        print(f"processor {used(processes) - before:.2f} s in {seconds:g} s; nothing is allowed")


def used(processes: Iterable[int]) -> float:
    """Seconds of all of them."""
    return sum(map(cpu_seconds, processes))


def share(pid: int) -> int:
    """Bytes of a process, those that it shares divided by who shares them."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, float(sys.argv[2]) if len(sys.argv) > 2 else 5)
