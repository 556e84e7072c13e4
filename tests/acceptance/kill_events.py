"""Events through the deaths of Neve: functions of all kinds, a server that is killed again and again, and who remembers.

What ran and what was told is counted outside of Neve, in a process that is not killed. `bench/kill.py` does it at length.
"""

import hashlib
import http.client
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.acceptance.functions import zipped
from tests.acceptance.server import ROLE, NeveServer

SENDERS = 4
KINDS = ("plain", "told", "failing", "lettered", "slow")
"""Succeeds; succeeds and a function is told; fails and a queue is told; fails into a dead-letter queue; one at a time."""
QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"
PROGRAM = """
import os, time, urllib.request
URL = {url!r}
NAME = os.environ["AWS_LAMBDA_FUNCTION_NAME"]

def tell(word, name, number):
    urllib.request.urlopen(f"{{URL}}/{{word}}/{{name}}/{{number}}", timeout=30).read()

def handler(event, context):
    if NAME == "sink":
        return tell("told", event["requestPayload"]["f"], event["requestPayload"]["n"])
    tell("ran", event["f"], event["n"])
    if NAME.startswith(("failing", "lettered")):
        raise ValueError(event["n"])
    if NAME.startswith("slow"):
        time.sleep(0.02)
"""

Event = tuple[str, int]
"""The function's name and the event's number."""


class Memory:
    """An HTTP server that functions tell what they do, and that is a queue, too."""

    def __init__(self) -> None:
        self.ran: Counter[Event] = Counter()
        self.told: Counter[Event] = Counter()
        memory = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                word, name, number = self.path.strip("/").split("/")
                (memory.ran if word == "ran" else memory.told)[name, int(number)] += 1
                self._answer(b"{}")

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self._answer(json.dumps(memory._queue(self.headers["x-amz-target"], asked)).encode())

            def _answer(self, body: bytes) -> None:
                try:
                    self.send_response(200)
                    self.send_header("content-type", "application/x-amz-json-1.0")
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    self.wfile.flush()
                except OSError:
                    self.close_connection = True  # whoever asked was killed meanwhile

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - name of the base class
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _queue(self, target: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if target.endswith("GetQueueUrl"):
            return {"QueueUrl": f"{self.url}/000000000000/queue"}
        body = asked["MessageBody"]
        event = json.loads(body)
        event = event.get("requestPayload", event)
        self.told[event["f"], event["n"]] += 1
        answer = {"MessageId": "m", "MD5OfMessageBody": hashlib.md5(body.encode()).hexdigest()}
        if asked.get("MessageAttributes"):
            answer["MD5OfMessageAttributes"] = ""
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Functions that are killed leave their connections as they are."""


@contextmanager
def remembering() -> Iterator[Memory]:
    memory = Memory()
    try:
        yield memory
    finally:
        memory.close()


@dataclass
class Town:
    """A data directory with functions, and what was acknowledged of them."""

    data: Path
    memory: Memory
    functions: int
    acknowledged: set[Event] = field(default_factory=set)
    ready_s: list[float] = field(default_factory=list)

    def start(self) -> NeveServer:
        began = time.monotonic()
        flags = ["--retry-base-seconds", "0.1", "--event-concurrency", "2", "--endpoints", f"sqs={self.memory.url}"]
        server = NeveServer.start(self.data, *flags)
        self.ready_s.append(time.monotonic() - began)
        return server

    @property
    def names(self) -> list[str]:
        return [f"{KINDS[number % len(KINDS)]}-{number}" for number in range(self.functions)]

    def found(self, server: NeveServer) -> None:
        """Make the functions."""
        client = server.client("lambda")
        for name in ("sink", *self.names):
            more: dict[str, Any] = {}
            if name.startswith("lettered"):
                more = {"DeadLetterConfig": {"TargetArn": QUEUE}}
            client.create_function(
                FunctionName=name,
                Runtime="python3.11",
                Handler="index.handler",
                Role=ROLE,
                Timeout=60,
                Code={"ZipFile": zipped({"index.py": PROGRAM.format(url=self.memory.url)})},
                **more,
            )
        for name in ("sink", *self.names):
            client.get_waiter("function_active_v2").wait(
                FunctionName=name, WaiterConfig={"Delay": 0.01, "MaxAttempts": 3000}
            )
            if name.startswith("told"):
                told = {"OnSuccess": {"Destination": "arn:aws:lambda:us-east-1:000000000000:function:sink"}}
                client.put_function_event_invoke_config(FunctionName=name, DestinationConfig=told)
            elif name.startswith("failing"):
                told = {"OnFailure": {"Destination": QUEUE}}
                client.put_function_event_invoke_config(FunctionName=name, DestinationConfig=told)
            elif name.startswith("slow"):
                client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)

    def send(self, server: NeveServer, numbers: "itertools.count[int]", stop: threading.Event, most: int) -> int:
        """Send until told to stop, the server is gone, or so many were acknowledged; how many were."""
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        acknowledged = 0
        try:
            while not stop.is_set() and acknowledged < most:
                number = next(numbers)
                name = self.names[number % self.functions]
                connection.request(
                    "POST",
                    f"/2015-03-31/functions/{name}/invocations",
                    json.dumps({"f": name, "n": number}),
                    {"X-Amz-Invocation-Type": "Event"},
                )
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 202, answer.status
                self.acknowledged.add((name, number))
                acknowledged += 1
        except (OSError, http.client.HTTPException):
            pass  # it was killed: what was on its way may be kept or not
        finally:
            connection.close()
        return acknowledged

    def live(self, server: NeveServer, numbers: "itertools.count[int]", events: int, seconds: float | None) -> None:
        """Send to a server, and kill it after so many seconds (None: when all is sent)."""
        stop = threading.Event()
        each = -(-events // SENDERS)
        senders = [threading.Thread(target=self.send, args=(server, numbers, stop, each)) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        if seconds is not None:
            time.sleep(seconds)
            server.kill()
        for sender in senders:
            sender.join()

    def missing(self) -> tuple[set[Event], set[Event]]:
        """What was acknowledged and has not run, and what should have been told and was not."""
        due = {event for event in self.acknowledged if event[0].startswith(("told", "failing", "lettered"))}
        return self.acknowledged - set(self.memory.ran), due - set(self.memory.told)

    def wait_settled(self, server: NeveServer, seconds: float) -> None:
        """Until nothing of it waits, runs, or is to be told."""
        deadline = time.monotonic() + seconds
        while left := self.unsettled(server):
            assert time.monotonic() < deadline, left
            time.sleep(0.05)

    def unsettled(self, server: NeveServer) -> list[Any]:
        words = ("waiting", "running", "retrying", "delivering")
        return [each for each in server.own("queue")["functions"] if any(each[word] for word in words)]


def run(
    data: Path, memory: Memory, functions: int, events: int, kills: int, dice: random.Random, longest_s: float
) -> Town:
    """Kill it so often, then let it finish. The town, settled, with its last server stopped."""
    town = Town(data, memory, functions)
    server = town.start()
    numbers = itertools.count()
    try:
        town.found(server)
        for _ in range(kills):
            town.live(server, numbers, -(-events // kills), dice.uniform(0.0, longest_s))
            server = town.start()
        town.live(server, numbers, events - len(town.acknowledged), None)
        town.wait_settled(server, 120.0)
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.kill()
    return town
