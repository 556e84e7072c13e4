"""Closed-loop calls as frames on sockets (see peers/limit.mjs): the client is one loop with nothing in it."""

import selectors
import socket
import struct
import time

from bench.figures import percentiles
from bench.load.wrk import PERCENTS, Load
from bench.peers.peer import Target

_RECEIVE = 1 << 20


def run(target: Target, callers: int, seconds: float) -> Load:
    """So many callers for so long. The path of a target is the number of its function."""
    frame = struct.pack(">IB", len(target.body), int(target.path[1:])) + target.body
    with selectors.DefaultSelector() as selector:
        pipes = [socket.create_connection((target.host, target.port)) for _ in range(callers)]
        times: list[float] = []
        began = time.perf_counter()
        for pipe in pipes:
            pipe.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(pipe, selectors.EVENT_READ, [time.perf_counter(), 0, 0])
            pipe.sendall(frame)
        deadline = began + seconds
        while (now := time.perf_counter()) < deadline:
            for key, _ in selector.select(1):
                asked, state = key.fileobj, key.data
                assert isinstance(asked, socket.socket)
                if _took(asked, state):
                    now = time.perf_counter()
                    times.append(now - state[0])
                    state[:] = [now, 0, 0]
                    asked.sendall(frame)
        took = time.perf_counter() - began
        for pipe in pipes:
            pipe.close()
    return Load(len(times) / took, dict(percentiles(times, PERCENTS)), 0, len(times))


def _took(pipe: socket.socket, state: list[float]) -> bool:
    """Whether an answer is whole now; `state` has when it was asked for, its size and how much of it came."""
    data = pipe.recv(_RECEIVE)
    if not data:
        raise ConnectionError("the other side has ended")
    if state[2] == 0:
        state[1] = 4 + struct.unpack_from(">I", data)[0]
    state[2] += len(data)
    return state[2] >= state[1]
