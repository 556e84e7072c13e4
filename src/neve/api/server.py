"""uvicorn as the door needs it: httptools and uvloop, no access log, no `Server` header, and a bound on silent connections."""

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from neve.api.http import Application

KEEP_ALIVE_SECONDS = 75
"""Longer than the pools of the SDKs keep an idle connection: the client closes first, and no request meets a closing socket."""

HEADER_SECONDS = 30.0
"""How long a new connection may take until the headers of its first request are whole."""


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

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


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
