"""uvicorn as the door needs it: httptools and uvloop, no access log, no `Server` header, and a bound on silent connections.

A response that is whole goes out in one write: ASGI's two messages cost two system calls, and a look at every header.
"""

import asyncio
import functools
import socket
from http import HTTPStatus
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from neve.api.http import CUT, WHOLE, Application, Response

KEEP_ALIVE_SECONDS = 75
"""Longer than the pools of the SDKs keep an idle connection: the client closes first, and no request meets a closing socket."""

HEADER_SECONDS = 30.0
"""How long a new connection may take until the headers of its first request are whole."""

LAST_BYTES_SECONDS = 10.0
"""How long a client may take to read the rest of an answer that is cut off."""

_STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
_ONE_WRITE_BYTES = 65_536  # a longer body is not worth a copy


class _Protocol(HttpToolsProtocol):
    """uvicorn bounds a connection between requests; this also bounds one that never finishes its first."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            # asyncio does this only for sockets made with an explicit protocol: without it an answer may wait 40 ms
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._waiting = self.loop.call_later(HEADER_SECONDS, transport.close)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        extensions: dict[str, Any] = {CUT: self._cut}
        if cycle.scope["method"] != "HEAD":
            extensions[WHOLE] = functools.partial(self._answer, cycle)
        cycle.scope["extensions"] = extensions
        super()._start_asgi_task(cycle, app)

    async def _answer(self, cycle: RequestResponseCycle, response: Response) -> None:
        """The whole response of one request; `response` has all its headers."""
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        cycle.response_started, cycle.waiting_for_100_continue = True, False
        head = _head(self.server_state.default_headers, response, cycle.keep_alive)
        if len(response.body) <= _ONE_WRITE_BYTES:
            self.transport.write(head + response.body)
        else:
            self.transport.write(head)
            self.transport.write(response.body)
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def _cut(self) -> None:
        """Send what was written, but no end of the response: the client sees that it is not whole."""
        self.transport.close()
        self.loop.call_later(LAST_BYTES_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def _head(defaults: list[tuple[bytes, bytes]], response: Response, keep_alive: bool) -> bytes:
    """ValueError for a header that would begin another: uvicorn's own check, which costs a regular expression each."""
    status = response.status
    lines = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n".encode()]
    for name, value in (*defaults, *response.headers):
        if b"\n" in value or b"\r" in value or b"\0" in value:
            raise ValueError(f"the header {name.decode('latin-1')} has a line break in it")
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    return b"".join(lines)


def create_server(door: Application, host: str, port: int, drain_seconds: float | None = None) -> uvicorn.Server:
    """A server that is not started yet: `await server.serve(sockets=…)`, `server.should_exit = True` to stop it.

    `drain_seconds` is how long it waits for running requests when it stops; None waits for all of them.
    """
    options: dict[str, Any] = {
        "http": _Protocol,
        "loop": "uvloop",
        "ws": "none",
        "lifespan": "on",
        "server_header": False,
        "proxy_headers": False,  # nobody asks for the client's address
        "access_log": False,
        "log_config": None,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": drain_seconds,
        "backlog": 2048,
    }
    return uvicorn.Server(uvicorn.Config(door, host=host, port=port, **options))
