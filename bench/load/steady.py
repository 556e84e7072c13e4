"""Calls at a fixed rate, whatever the answers do: a time runs from the moment at which its call was due.

So a server that stands still for a second is seen by every caller who would have come in that second, and not by one alone. A
call that fails or is never answered counts as one that took as long as we would have waited.
"""

import asyncio
import ctypes
import os
import struct
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvloop

from bench.figures import percentiles
from bench.load.wrk import PERCENTS, Load
from bench.peers.peer import Target

_CONNECTIONS = 64
_PATIENCE_S = 10.0
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Callers:
    """Connections that wait for something to send, and calls that wait for a connection."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.idle: deque[_Caller] = deque()
        self.due: deque[float] = deque()
        self.times: list[float] = []
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


class _Schedule:
    """When calls are due: `done` when all were made."""

    def __init__(self, callers: _Callers, per_second: float, count: int) -> None:
        self._callers, self._per_second, self._count = callers, per_second, count
        self._made = 0
        self.began = time.perf_counter()
        self.done = asyncio.get_running_loop().create_future()

    def tick(self, timer: int) -> None:
        """Make those that are due by now, each with the moment at which it was."""
        os.read(timer, 8)
        now = time.perf_counter()
        while self._made < self._count and (due := self.began + self._made / self._per_second) <= now:
            self._callers.call(due)
            self._made += 1
        if self._made == self._count and not self.done.done():
            self.done.set_result(None)


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
        if self._data[9:10] == b"2":
            self._callers.times.append(time.perf_counter() - self._began)
        self._data, self._began = b"", None
        self._callers.running -= 1
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
    count = max(1, int(per_second * seconds))
    schedule = _Schedule(callers, per_second, count)
    with _timer(1 / per_second) as timer:
        loop.add_reader(timer, schedule.tick, timer)
        await schedule.done
        loop.remove_reader(timer)
    deadline = time.perf_counter() + _PATIENCE_S
    while (  # noqa: ASYNC110 (nobody tells)
        (callers.running or callers.due)
        and time.perf_counter() < deadline
        and any(caller.is_open for _, caller in made)
    ):
        await asyncio.sleep(0.01)
    took = time.perf_counter() - schedule.began
    for transport, _ in made:
        transport.close()
    lost = count - len(callers.times)
    ms = percentiles([*callers.times, *[_PATIENCE_S] * lost], PERCENTS)
    return Load(len(callers.times) / took, dict(ms), lost, count)


@contextmanager
def _timer(every_s: float) -> Iterator[int]:
    """A descriptor that is readable so often, exact to some microseconds: timers of the loop know milliseconds only, and a loop
    that looks at the clock instead would take a processor from those who are measured."""
    descriptor = _LIBC.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    try:
        whole, part = divmod(round(every_s * 1e9), 10**9)
        if _LIBC.timerfd_settime(descriptor, 0, struct.pack("@4l", whole, part, 0, 1), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        yield descriptor
    finally:
        os.close(descriptor)


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
