"""Neve's Python client (frames) beside AWS's own (HTTP Runtime API) in the same kind of environment: warm no-ops.

    python -m bench.python_clients [calls]

One caller on one kept-alive connection; the environment freezes and thaws between two calls. Best of five rounds, taken in turns.
"""

import sys
import tempfile
from pathlib import Path

from bench.warm import connection, percentile, start, timed
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.server import NeveServer
from tests.acceptance.test_python_oracle import RUNTIME, client

NOOP = {"index.py": "def handler(event, context):\n    return None\n"}
ROUNDS = 5


def main(calls: int) -> None:
    """Two lines: ours, theirs."""
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(Path(folder))
        try:
            server = NeveServer(process, url, Path(folder))
            variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}
            both = {
                "Neve's, frames": deploy(server, NOOP, RUNTIME, MemorySize=1769),
                "AWS's, HTTP": deploy(
                    server, NOOP | client(), RUNTIME, executable=True, MemorySize=1769, Environment=variables
                ),
            }
            for label, times in measured(server, both, calls).items():
                figures = "  ".join(f"p{each} {percentile(times, each):.3f} ms" for each in (50, 95, 99))
                print(f"{RUNTIME} {label:15} {figures}  {len(times) / sum(times):,.0f}/s")
        finally:
            process.terminate()
            process.wait(20)


def measured(server: NeveServer, both: dict[str, Deployed], calls: int) -> dict[str, list[float]]:
    """The best round of each, in turns: what else the machine does hits both."""
    best: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for label, function in both.items():
            call = connection(server.url, function.name)
            timed(call, 100)
            times = timed(call, calls)
            best[label] = min(best.get(label, times), times, key=sum)
    return best


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
