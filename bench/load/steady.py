"""Calls at a fixed rate, whatever the answers do: a time runs from the moment at which its call was due.

So a server that stands still for a second is seen by every caller who would have come in that second, and not by one alone.
"""

import asyncio
import time
from collections import deque
from functools import partial
from typing import Any

import uvloop

from bench.figures import percentiles
from bench.load.wrk import PERCENTS, Load
from bench.peers.peer import Target

_CONNECTIONS = 64
_PATIENCE_S = 10.0
_TICK_S = 0.002


class _Callers:
    """Connections that wait for something to send, and calls that wait for a connection."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.idle: deque[_Caller] = deque()
        self.due: deque[float] = deque()
        self.times: list[float] = []
        self.failed = 0
        self.running = 0

    def call(self, due: float) -> None:
        while self.idle:
            caller = self.idle.popleft()
            if caller.is_open:
                caller.send(due)
                return
        self.due.append(due)

    def free(self, caller: "_Caller") -> None:
        if self.due:
            caller.send(self.due.popleft())
        else:
            self.idle.append(caller)


class _Caller(asyncio.Protocol):
    """One kept-alive connection with one request at a time."""

    def __init__(self, callers: _Callers) -> None:
        self._callers = callers
        self._began: float | None = None
        self._data = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._callers.free(self)

    @property
    def is_open(self) -> bool:
        """Whether the server has not hung up."""
        return not self._transport.is_closing()

    def send(self, due: float) -> None:
        self._began = due
        self._callers.running += 1
        self._transport.write(self._callers.request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not is_whole(self._data) or self._began is None:
            return
        good = self._data[9:10] == b"2"
        self._data = b""
        self._callers.running -= 1
        if good:
            self._callers.times.append(time.perf_counter() - self._began)
        else:
            self._callers.failed += 1
        self._callers.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._callers.idle:
            self._callers.idle.remove(self)
        elif self._began is not None:
            self._callers.running -= 1


def run(target: Target, per_second: float, seconds: float) -> Load:
    """One function at a rate. What is not answered some time after the end has failed."""
    return uvloop.run(_run(target, per_second, seconds))


async def _run(target: Target, per_second: float, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    callers = _Callers(request_of(target))
    made = [
        await loop.create_connection(partial(_Caller, callers), target.host, target.port) for _ in range(_CONNECTIONS)
    ]
    count, began = int(per_second * seconds), time.perf_counter()
    for number in range(count):
        due = began + number / per_second
        while (early := due - time.perf_counter()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(early if early > _TICK_S else 0)  # a timer of the loop knows milliseconds
        callers.call(due)
    deadline = time.perf_counter() + _PATIENCE_S
    while (callers.running or callers.due) and time.perf_counter() < deadline:  # noqa: ASYNC110 (nobody tells)
        await asyncio.sleep(0.01)
    took = time.perf_counter() - began
    for transport, _ in made:
        transport.close()
    lost = count - len(callers.times)
    return Load(len(callers.times) / took, dict(percentiles(callers.times, PERCENTS)), lost, count)


def request_of(target: Target) -> bytes:
    """The bytes of one call."""
    headers = {"Host": f"{target.host}:{target.port}", "Content-Length": str(len(target.body)), **target.headers}
    lines = [f"POST {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + target.body


def is_whole(data: bytes) -> bool:
    """Whether an answer has ended: by its length, or by its last chunk."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
        if name.lower() == b"transfer-encoding":
            return body.endswith(b"0\r\n\r\n")
    return True
