"""The doors of one environment, and a client that speaks to them in plain bytes."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from neve.clock import Clock
from neve.dataplane.runtime_api.listener import Event, FunctionError, Subscribed
from neve.dataplane.runtime_api.server import RuntimeApi
from neve.dataplane.runtime_api.subscriptions import Feed, Subscriptions
from neve.domain.extension import Extension
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.world import World

BOUND_S = 3.0
NEXT = "/2018-06-01/runtime/invocation/next"
INIT_ERROR = "/2018-06-01/runtime/init/error"
REGISTER = "/2020-01-01/extension/register"
EVENT_NEXT = "/2020-01-01/extension/event/next"


def post_path(request_id: str, what: str = "response") -> str:
    return f"/2018-06-01/runtime/invocation/{request_id}/{what}"


def event(request_id: str = "r1", body: bytes = b"{}", **facts: Any) -> Event:
    return Event(request_id, body, 1_700_000_000_000, "arn:aws:lambda:us-east-1:000000000000:function:f", **facts)


class Told:
    """The listener: keeps what it is told, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.extensions: dict[str, Extension] = {}
        self.changed = asyncio.Event()
        self.on: dict[str, Callable[..., None]] = {}

    def _note(self, name: str, *details: Any) -> None:
        self.calls.append((name, *details))
        self.changed.set()
        if name in self.on:
            self.on[name](*details)

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]

    async def wait(self, name: str, count: int = 1) -> tuple[Any, ...]:
        """The call of this name that is number `count`."""
        async with asyncio.timeout(BOUND_S):
            while self.names().count(name) < count:
                self.changed.clear()
                await self.changed.wait()
        return [call for call in self.calls if call[0] == name][count - 1]

    def runtime_waits(self) -> None:
        self._note("runtime_waits")

    def responded(self, request_id: str, body: bytes, content_type: str) -> None:
        self._note("responded", request_id, body, content_type)

    def stream_started(self, request_id: str, content_type: str) -> None:
        self._note("stream_started", request_id, content_type)

    def stream_chunk(self, request_id: str, chunk: bytes) -> None:
        self._note("stream_chunk", request_id, chunk)

    def stream_ended(self, request_id: str, error: FunctionError | None) -> None:
        self._note("stream_ended", request_id, error)

    def failed(self, request_id: str, error: FunctionError) -> None:
        self._note("failed", request_id, error)

    def init_failed(self, error: FunctionError) -> None:
        self._note("init_failed", error)

    def restore_waits(self) -> None:
        self._note("restore_waits")

    def restore_failed(self, error: FunctionError) -> None:
        self._note("restore_failed", error)

    def extension_registered(self, extension: Extension) -> None:
        self.extensions[extension.name] = extension
        self._note("extension_registered", extension.name)

    def extension_waits(self, extension: Extension) -> None:
        self._note("extension_waits", extension.name)

    def extension_failed(self, extension: Extension, error_type: str, body: bytes) -> None:
        self._note("extension_failed", extension.name, error_type, body)

    def subscribed(self, subscription: Subscribed) -> None:
        self._note("subscribed", subscription)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def refused(self) -> tuple[int, str, str]:
        members = self.json()
        assert set(members) == {"errorMessage", "errorType"}
        assert self.headers["content-type"] == "application/json"
        return self.status, members["errorType"], members["errorMessage"]


@dataclass
class Client:
    """One connection, written and read by the test."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: x"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.write(("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b""))

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> Answer:
        async with asyncio.timeout(BOUND_S):
            status_line = await self.reader.readuntil(b"\r\n")
            headers = {}
            while (line := await self.reader.readuntil(b"\r\n")) != b"\r\n":
                name, _, value = line.decode().partition(":")
                headers[name.strip().lower()] = value.strip()
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status_line.split()[1]), headers, body)

    async def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        self.send(method, path, body, headers)
        return await self.answer()

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(BOUND_S):
            return await self.reader.read()

    def close(self) -> None:
        self.writer.close()


@dataclass
class Stage:
    """The doors, what their listener was told, and connections to them."""

    api: RuntimeApi
    told: Told
    subscriptions: Subscriptions
    clients: list[Client] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.api.address.rpartition(":")[2])

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """On a connection of its own."""
        client = await self.connect()
        try:
            return await client.call(method, path, body, headers)
        finally:
            client.close()

    async def running(self, request_id: str = "r1") -> Client:
        """A runtime that has this invocation."""
        client = await self.connect()
        client.send("GET", NEXT)
        await self.told.wait("runtime_waits")
        self.api.deliver(event(request_id))
        assert (await client.answer()).status == 200
        return client

    async def registered(
        self, name: str = "e", events: str = '["INVOKE"]', external: bool = False
    ) -> Mapping[str, str]:
        """An extension's identifying header."""
        if external:
            self.api.extensions.expect([name])
        body = f'{{"events":{events}}}'.encode()
        answer = await self.call("POST", REGISTER, body, {"Lambda-Extension-Name": name})
        assert answer.status == 200, answer.body
        return {"Lambda-Extension-Identifier": answer.headers["lambda-extension-identifier"]}

    async def close(self) -> None:
        self.api.close()
        await self.subscriptions.stop()
        for client in self.clients:
            client.close()
        for client in self.clients:
            async with asyncio.timeout(BOUND_S):
                with contextlib.suppress(OSError):
                    await client.writer.wait_closed()


def subscriptions(environment_id: str = "env") -> Subscriptions:
    """An environment's, which no stream feeds."""
    return Feed(Clock(virtual=True)).attach(environment_id, "127.0.0.1", lambda dropped: None)


def make_stage(told: Told) -> Stage:
    """Doors that are not open yet."""
    made = subscriptions()
    return Stage(RuntimeApi(make_function(), told, made), told, made)


def make_function() -> Function:
    return Function(
        world=World(),
        name="f",
        runtime="provided.al2023",
        handler="index.handler",
        role="arn:aws:iam::000000000000:role/r",
        code=Code("", 0),
        logging=LoggingConfig("/aws/lambda/f"),
        last_modified_ms=0,
        revision_id="r",
    )
