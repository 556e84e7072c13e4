"""Whether a Neve with many functions is as quick as one with a single: `python bench/many_functions.py`.

A real server gets 1, 100, 1,000 and 10,000 functions, each with code of its own. At each number, in milliseconds (p50 and
p99 of raw requests on one connection): the first page of ListFunctions and one from the middle, GetFunction of any,
Invoke of one that is warm, Invoke of ones that never ran (cold starts), CreateFunction, and a create that is then deleted;
beside each, what it cost the server's process in milliseconds of processor, which other work on the machine does not
change; besides, the server's memory and, at the end, how long a restart takes. Nothing is asserted: machines differ.
"""

import argparse
import base64
import http.client
import io
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

SIZES = (1, 100, 1_000, 10_000)
CALLS = 200
COLD_CALLS = 10
FUNCTIONS = "/2015-03-31/functions"
SCOPE = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"


class Server:
    """A `neve serve`, and one connection to it."""

    def __init__(self, folder: Path) -> None:
        neve = Path(sys.executable).with_name("neve")
        command = [str(neve), "serve", "--port", "0", "--data-dir", str(folder)]
        since = time.perf_counter()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        url = self._process.stdout.readline().rsplit(" ", 1)[-1].strip()
        self.ready_s = time.perf_counter() - since
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def ask(self, method: str, path: str, members: Mapping[str, Any] | None = None) -> Any:
        """The members of the answer. RuntimeError for a refusal."""
        body = None if members is None else json.dumps(members)
        self._connection.request(method, path, body, {"authorization": SCOPE})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return json.loads(content) if content else None

    def processor_ms(self) -> float:
        """What the server's own process has used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """What the server has in memory now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def stop(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    sizes = parser.parse_args().sizes
    print(f"machine: {platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder, "data"))
        try:
            there = 0
            for size in sizes:
                numbers = range(there, size)
                there = size
                used = server.processor_ms()
                created = [timed(partial(create, server, number)) for number in numbers]
                used = server.processor_ms() - used
                measure(server, size)
                say("CreateFunction", created[-CALLS:], used / len(created))
        finally:
            server.stop()
        server = Server(Path(folder, "data"))
        print(f"restart with {there:,} functions: ready after {server.ready_s:.2f} s, {server.memory_mb():.0f} MB")
        server.stop()


def create(server: Server, number: int, name: str | None = None) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        target.writestr("index.mjs", f"export const handler = async () => {number};\n")
    members = {
        "FunctionName": name or f"f{number:05}",
        "Runtime": "nodejs24.x",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/bench",
        "MemorySize": 1769,
        "Code": {"ZipFile": base64.b64encode(content.getvalue()).decode()},
    }
    server.ask("POST", FUNCTIONS, members)


def measure(server: Server, size: int) -> None:
    settle(server, size - 1)
    dice = random.Random(size)
    middle = marker(server, size // 2)
    any_of = [f"f{dice.randrange(size):05}" for _ in range(CALLS)]
    never_ran = [f"f{number:05}" for number in dice.sample(range(1, size), min(COLD_CALLS, size - 1))]
    warm = f"{FUNCTIONS}/f00000/invocations"
    again = iter(range(10**9))

    def create_and_delete() -> None:
        name = f"x{next(again)}"
        create(server, 10**6, name)
        server.ask("DELETE", f"{FUNCTIONS}/{name}")

    def told(what: str, works: list[Callable[[], object]]) -> None:
        used = server.processor_ms()
        times = [timed(work) for work in works]
        say(what, times, (server.processor_ms() - used) / max(len(times), 1))

    for _ in range(20):
        server.ask("POST", warm, {})
    print(f"\n{size:,} functions, {server.memory_mb():.0f} MB")
    told("ListFunctions, first page", [lambda: server.ask("GET", f"{FUNCTIONS}/")] * CALLS)
    told("ListFunctions, a page of the middle", [lambda: server.ask("GET", middle)] * CALLS)
    told("GetFunction", [partial(server.ask, "GET", f"{FUNCTIONS}/{name}") for name in any_of])
    told("Invoke, warm", [lambda: server.ask("POST", warm, {})] * CALLS)
    told("Invoke, cold", [partial(server.ask, "POST", f"{FUNCTIONS}/{name}/invocations", {}) for name in never_ran])
    told("CreateFunction and DeleteFunction", [create_and_delete] * (CALLS // 4))


def settle(server: Server, last: int) -> None:
    """Until the last function is Active."""
    deadline = time.monotonic() + 120
    while server.ask("GET", f"{FUNCTIONS}/f{last:05}/configuration")["State"] != "Active":
        if time.monotonic() > deadline:
            raise RuntimeError("functions do not become Active")


def marker(server: Server, place: int) -> str:
    """The path of the page that begins after so many functions."""
    path, seen = f"{FUNCTIONS}/", 0
    while seen < place:
        page = server.ask("GET", path)
        seen += len(page["Functions"])
        if page.get("NextMarker") is None:
            break
        path = f"{FUNCTIONS}/?Marker={quote(page['NextMarker'])}"
    return path


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    since = time.perf_counter()
    work()
    return (time.perf_counter() - since) * 1000


def say(what: str, times: list[float], processor_ms: float) -> None:
    if times:
        worst = sorted(times)[int(len(times) * 0.99)]
        middle = statistics.median(times)
        print(f"  {what:<38} p50 {middle:8.2f}   p99 {worst:8.2f}   processor {processor_ms:6.2f}")


if __name__ == "__main__":
    main()
