"""uvicorn as the door needs it: it listens, starts and stops; its connections are ours (`connection.py`)."""

from typing import Any

import uvicorn

from neve.api.connection import Connection
from neve.api.http import Application


def create_server(door: Application, host: str, port: int, drain_seconds: float | None = None) -> uvicorn.Server:
    """A server that is not started yet: `await server.serve(sockets=…)`, `server.should_exit = True` to stop it.

    `drain_seconds` is how long it waits for running requests when it stops; None waits for all of them.
    """
    options: dict[str, Any] = {
        "http": Connection,
        "loop": "uvloop",
        "ws": "none",
        "lifespan": "on",
        "server_header": False,
        "proxy_headers": False,  # nobody asks for the client's address
        "access_log": False,
        "log_config": None,
        "timeout_graceful_shutdown": drain_seconds,
        "backlog": 2048,
    }
    return uvicorn.Server(uvicorn.Config(door, host=host, port=port, **options))
