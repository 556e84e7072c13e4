"""The event queue through the front door: events accepted and run per second, empty and with a million waiting, in turns.

Run it with `python bench/event_queue.py`. Each event is on disk before its 202. The client is one more process on the same
machine and takes a share of it. The function is a no-op, or waits for ever while nothing is to run beside the accepting. Name a
directory on the disk that matters with TMPDIR.
"""

import argparse
import asyncio
import contextlib
import io
import json
import multiprocessing
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import uvloop
from botocore.config import Config

CONNECTIONS = 64
ROLE = "arn:aws:iam::000000000000:role/bench"
PROGRAM = """
import time
def handler(event, context):
    while isinstance(event, dict) and "hold" in event:
        time.sleep(1)
"""
PAYLOAD = json.dumps({"order": 4711, "text": "x" * 160}).encode()


class Neve:
    """One `neve serve`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        began = time.perf_counter()
        neve = str(Path(sys.executable).with_name("neve"))
        self._process = subprocess.Popen(
            [neve, "serve", "--port", "0", "--data-dir", str(data)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().rsplit(" ", 1)[-1].strip()
        self.ready_s = time.perf_counter() - began
        self.client = boto3.client(
            "lambda",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(read_timeout=3600, retries={"total_max_attempts": 1}),
        )

    def create(self, name: str) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as files:
            files.writestr("index.py", PROGRAM)
        self.client.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="index.handler",
            Role=ROLE,
            Timeout=900,
            MemorySize=1769,
            Code={"ZipFile": archive.getvalue()},
        )
        self.client.get_waiter("function_active_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )

    def hold(self, name: str) -> "multiprocessing.Process":
        """Its one slot is taken: events wait."""
        self.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
        holder = multiprocessing.Process(target=_hold, args=(self.url, name), daemon=True)
        holder.start()
        while not self.own(f"environments?function={name}")["environments"]:
            time.sleep(0.01)
        return holder

    def own(self, path: str, members: object = None) -> Any:
        data = None if members is None else json.dumps(members).encode()
        with urllib.request.urlopen(f"{self.url}/_neve/{path}", data, timeout=600) as answer:
            return json.load(answer)

    def overview(self, name: str) -> Any:
        (found,) = self.own(f"queue?function={name}")["functions"]
        return found

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)


def _hold(url: str, name: str) -> None:
    path = f"{url}/2015-03-31/functions/{name}/invocations"
    with contextlib.suppress(OSError):  # until Neve is killed
        urllib.request.urlopen(urllib.request.Request(path, b'{"hold": 1}'), timeout=3600).read()


class _Caller(asyncio.Protocol):
    """Sends one request after the other on a kept-alive connection."""

    def __init__(self, request: bytes, left: list[int], done: "asyncio.Future[None]") -> None:
        self._request = request
        self._left = left
        self._done = done

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 202"):
            raise SystemExit(data.decode(errors="replace"))
        self._send()

    def _send(self) -> None:
        if self._left[0] > 0:
            self._left[0] -= 1
            self._transport.write(self._request)
        elif not self._done.done():
            self._done.set_result(None)


async def _accept(url: str, name: str, count: int) -> float:
    parts = urlsplit(url)
    head = (
        f"POST /2015-03-31/functions/{name}/invocations HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"X-Amz-Invocation-Type: Event\r\nContent-Length: {len(PAYLOAD)}\r\n\r\n"
    )
    loop, left = asyncio.get_running_loop(), [count]
    began = time.perf_counter()
    ends = [loop.create_future() for _ in range(CONNECTIONS)]
    for done in ends:
        await loop.create_connection(
            partial(_Caller, head.encode() + PAYLOAD, left, done), str(parts.hostname), int(parts.port or 80)
        )
    await asyncio.gather(*ends)
    return count / (time.perf_counter() - began)


def accept(neve: Neve, name: str, count: int) -> float:
    """Events per second."""
    return uvloop.run(_accept(neve.url, name, count))


def drain(neve: Neve, name: str, at_most: int) -> float:
    """Events per second that are run to their end from now on, until none is left or so many were."""
    before, began = neve.overview(name), time.perf_counter()
    while True:
        now = neve.overview(name)
        ran = now["succeeded"] - before["succeeded"]
        if ran >= at_most or not (now["waiting"] or now["running"]):
            return float(ran / (time.perf_counter() - began))
        time.sleep(0.05)


def say(what: str, value: float, unit: str) -> None:
    print(f"{what:<58} {value:>12,.1f} {unit}", flush=True)


FILL = """
WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
INSERT INTO events (lane, due_ms, id, request_id, trace_header, accepted_ms)
SELECT :lane, :due_ms, :first + n, printf('8f0c0000-0000-4000-8000-%012d', n),
       'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:d0782663:0', :due_ms - 3600000
FROM numbers
"""
FILL_PAYLOADS = """
WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
INSERT INTO payloads (id, payload) SELECT :first + n, :payload FROM numbers
"""


def fill(data: Path, count: int) -> None:
    """So many events of `held` that wait for a time in an hour, as if they had been accepted."""
    with contextlib.closing(sqlite3.connect(data / "events.sqlite", isolation_level=None)) as database:
        (lane,) = database.execute("SELECT id FROM lanes WHERE function_name = 'held'").fetchone()
        (first,) = database.execute("SELECT coalesce(max(id), 0) FROM payloads").fetchone()
        due_ms = int(time.time() * 1000) + 3_600_000
        row = {"count": count, "lane": lane, "first": first, "payload": PAYLOAD, "due_ms": due_ms}
        database.execute("BEGIN")
        database.execute(FILL, row)
        database.execute(FILL_PAYLOADS, row)
        database.execute("COMMIT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        empty, full = prepared(Path(folder) / "empty"), prepared(Path(folder) / "full")
        full.stop()
        fill(full.data, asked.waiting)
        full = Neve(full.data)
        try:
            say(f"ready with {asked.waiting:,} waiting", full.ready_s, "s")
            in_turns([empty, full], asked.events, asked.rounds)
            full = with_many(full)
        finally:
            empty.kill()
            full.kill()


def prepared(data: Path) -> Neve:
    neve = Neve(data)
    for name in ("held", "noop", "full"):
        neve.create(name)
        accept(neve, name, 200)
        drain(neve, name, 200)
    return neve


def in_turns(neves: list[Neve], events: int, rounds: int) -> None:
    """The median of each, measured in turns: whatever else the machine does is shared."""
    for neve in neves:
        neve.hold("full")
    accepted: list[list[float]] = [[], []]
    run: list[list[float]] = [[], []]
    for _ in range(rounds):
        for index, neve in enumerate(neves):
            accepted[index].append(accept(neve, "full", events))
        for index, neve in enumerate(neves):
            accept(neve, "noop", events)
            run[index].append(drain(neve, "noop", events))
    for index, when in enumerate(("nothing waits", "many wait")):
        say(f"accepted, {when}", statistics.median(accepted[index]), "events/s")
        say(f"run to their end, {when}", statistics.median(run[index]), "events/s")
        say(f"resident memory, {when}", neves[index].rss_mb(), "MB")


def with_many(neve: Neve) -> Neve:
    began = time.perf_counter()
    neve.overview("held")
    say("a look at those that wait", (time.perf_counter() - began) * 1000, "ms")
    neve.kill()
    again = Neve(neve.data)
    say("ready after a kill", again.ready_s, "s")
    began = time.perf_counter()
    moved = again.own("queue/retry", {"function": "held"})["moved"]
    say("moved to be run now", moved / (time.perf_counter() - began), "events/s")
    say("run to their end, all of them due", drain(again, "held", 5000), "events/s")
    say("resident memory", again.rss_mb(), "MB")
    return again


if __name__ == "__main__":
    main()
