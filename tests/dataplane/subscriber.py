"""Listens for telemetry as an extension does, on this machine."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from tests.dataplane.scripted import BOUND_S


@dataclass
class Subscriber:
    """Listens as an extension does. `statuses` are its answers in order (200 when there are no more); `silent` gives none."""

    port: int = 0
    batches: list[list[Any]] = field(default_factory=list)
    connections: int = 0
    statuses: list[int] = field(default_factory=list)
    silent: bool = False
    closes: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def events(self) -> list[Any]:
        return [event for batch in self.batches for event in batch]

    async def wait(self, events: int) -> None:
        async with asyncio.timeout(BOUND_S):
            while len(self.events) < events:
                self.changed.clear()
                await self.changed.wait()

    async def on_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                assert "host: sandbox.localdomain:" in head
                length = int(head.split("content-length: ")[1].split("\r\n")[0])
                self.batches.append(json.loads(await reader.readexactly(length)))
                self.changed.set()
                if not self.silent:
                    status = self.statuses.pop(0) if self.statuses else 200
                    writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok" % status)
                if self.closes:
                    break
        writer.close()

    async def on_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                self.batches.append([json.loads(line)])
                self.changed.set()
        writer.close()


@contextlib.asynccontextmanager
async def listening(tcp: bool = False, address: str = "127.0.0.1", **flags: Any) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(**flags)
    server = await asyncio.start_server(subscriber.on_tcp if tcp else subscriber.on_http, address, subscriber.port)
    subscriber.port = server.sockets[0].getsockname()[1]
    try:
        yield subscriber
    finally:
        server.close()
        for writer in subscriber.writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
