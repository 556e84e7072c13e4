"""The door behind a real server, with operations that the test gives."""

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import pytest
import uvloop
from tests.api.furnished import Furnished
from tests.api.house import Lambda, running_house

from neve.api.door import Service, create_door
from neve.api.http import Application, RawOperation, Receive, Scope, Send
from neve.api.server import create_server
from neve.domain.call import Operation

START_SECONDS = 20.0


class Running:
    """A door that answers on 127.0.0.1 from a thread of its own."""

    def __init__(self, door: Application) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = create_server(door, "127.0.0.1", 0, drain_seconds=1)
        self._clients: list[Any] = []
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)
        self._thread.start()

    def client(self, service: str = "lambda", key: str = "123456789012", region: str = "eu-west-1") -> Any:
        """A boto3 client that never retries."""
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            config=botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=START_SECONDS),
        )
        self._clients.append(client)
        return client

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self._server.should_exit = True
        self._thread.join(START_SECONDS)
        self._socket.close()
        assert not self._thread.is_alive()

    def _run(self) -> None:
        uvloop.run(self._server.serve(sockets=[self._socket]))


StartDoor = Callable[..., Running]


async def own(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for our own HTTP API: says which path it saw."""
    body = scope["path"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def start_door() -> Iterator[StartDoor]:
    """Start doors for `lambda` and `logs` with the given operations; all of them stop with the test."""
    running: list[Running] = []

    def start(
        operations: Mapping[str, Operation] | None = None,
        raw: Mapping[str, RawOperation] | None = None,
        logs: Mapping[str, Operation] | None = None,
    ) -> Running:
        services = {"lambda": Service("lambda", operations or {}), "logs": Service("logs", logs or {})}
        running.append(Running(create_door(services, own, raw or {})))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
async def furnished(tmp_path: Path) -> AsyncIterator[Furnished]:
    """A door in process, to a world with one of everything."""
    made = await Furnished.open(tmp_path)
    await made.furnish()
    yield made
    await made.close()


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[Lambda]:
    """A client of a Neve without a data plane."""
    async for caller in running_house(tmp_path):
        yield caller
