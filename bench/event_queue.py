"""The event queue through the front door: events accepted and run per second, empty and with a million waiting.

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

    def own(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/_neve/{path}", timeout=120) as answer:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        neve = Neve(Path(folder) / "data")
        try:
            measure(neve, asked.events, asked.waiting)
        finally:
            neve.kill()


def measure(neve: Neve, events: int, waiting: int) -> None:
    for name in ("held", "other", "noop"):
        neve.create(name)
    holder = neve.hold("held")
    other = neve.hold("other")
    accept(neve, "other", events // 10)
    say("accepted while nothing waits", max(accept(neve, "other", events) for _ in range(3)), "events/s")
    accept(neve, "noop", events // 10)
    say("accepted and run at once, accepted", accept(neve, "noop", events), "events/s")
    say("the rest of them, run to their end", drain(neve, "noop", events), "events/s")
    began, filled = time.perf_counter(), 0
    while filled < waiting:
        accept(neve, "held", min(100_000, waiting - filled))
        filled += 100_000
    say(f"{waiting:,} accepted, on average", waiting / (time.perf_counter() - began), "events/s")
    say("accepted then", max(accept(neve, "other", events) for _ in range(3)), "events/s")
    accept(neve, "noop", events)
    say("run to their end then", drain(neve, "noop", events), "events/s")
    say("resident memory then", neve.rss_mb(), "MB")
    looked = time.perf_counter()
    neve.overview("held")
    say("a look at a million", (time.perf_counter() - looked) * 1000, "ms")
    holder.terminate()
    other.terminate()
    neve.kill()
    again = Neve(neve.data)
    try:
        say("ready after a kill", again.ready_s, "s")
        say("run to their end of the million, after the restart", drain(again, "held", 3000), "events/s")
        say("resident memory", again.rss_mb(), "MB")
    finally:
        again.kill()


if __name__ == "__main__":
    main()
