"""Neve's Python client (frames) beside AWS's own (HTTP Runtime API) in the same kind of environment: warm no-ops.

    python -m bench.python_clients [seconds]

One caller on one kept-alive connection; the environment freezes and thaws between two calls. Medians of five rounds, in turns.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.acceptance.functions import deploy
from tests.acceptance.server import running
from tests.acceptance.test_python_oracle import RUNTIME, client

from bench.load import wrk
from bench.load.wrk import Load
from bench.peers.peer import PATH, Target

NOOP = {"index.py": "def handler(event, context):\n    return None\n"}
ROUNDS = 5


def main(seconds: float) -> None:
    """Two lines: ours, theirs."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder, "data")) as server:
        variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}
        theirs = NOOP | client()
        both = {
            "Neve's, frames": deploy(server, NOOP, RUNTIME, MemorySize=1769),
            "AWS's, HTTP": deploy(server, theirs, RUNTIME, executable=True, MemorySize=1769, Environment=variables),
        }
        port = int(server.url.rpartition(":")[2])
        targets = {label: Target(port, PATH.format(each.name), b"{}") for label, each in both.items()}
        for label, rounds in measured(targets, seconds).items():
            figures = "  ".join(f"p{each:g} {median(one.ms[each] for one in rounds):.3f} ms" for each in (50, 90, 99))
            print(f"{RUNTIME} {label:15} {figures}  {median(one.per_second for one in rounds):,.0f}/s")


def measured(targets: dict[str, Target], seconds: float) -> dict[str, Sequence[Load]]:
    """In turns: what else the machine does hits both."""
    seen: dict[str, list[Load]] = {label: [] for label in targets}
    for target in targets.values():
        wrk.run([target], 1, 1)
    for _ in range(ROUNDS):
        for label, target in targets.items():
            seen[label].append(wrk.run([target], 1, seconds))
    return dict(seen)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2)
