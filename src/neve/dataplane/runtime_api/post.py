"""Two ways to an extension that listens inside its environment: HTTP POST of a JSON array, and lines over TCP."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol

import httptools

from neve.dataplane.sandbox.names import LOOPBACK

_LONGEST_ANSWER = 1024 * 1024
_READ_BYTES = 65_536


class Undelivered(Exception):
    """The subscriber was not there, went away, or answered with another status than 2xx."""


class Wire(Protocol):
    """A way to one subscriber. It connects when there is something to send and keeps the connection."""

    async def send(self, events: Sequence[bytes]) -> None:
        """Deliver them all; Undelivered otherwise. As slow as the subscriber, so give it a time limit."""

    def close(self) -> None:
        """Give the connection back, at once."""


class _Connection:
    """To a port of an environment; one that broke is replaced on the next use.

    An extension may listen on `sandbox.localdomain`, on every address, or (which is not Lambda's way, but works there
    too) on `localhost`: no name is resolved, the two addresses that it can be at are tried.
    """

    def __init__(self, address: str, port: int) -> None:
        self._addresses = dict.fromkeys((address, LOOPBACK))
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and (self._streams[0].at_eof() or self._streams[1].is_closing()):
            self.close()
        if self._streams is None:
            self._streams = await self._connect()
        return self._streams

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        refused = ConnectionRefusedError("there is no address")
        for address in self._addresses:
            try:
                return await asyncio.open_connection(address, self._port)
            except ConnectionRefusedError as error:
                refused = error
        raise refused

    def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()


class HttpWire:
    """POST with `Content-Type: application/json`, one after the other on one connection."""

    def __init__(self, address: str, port: int, path: str) -> None:
        self._connection = _Connection(address, port)
        head = f"POST {path} HTTP/1.1\r\nHost: sandbox.localdomain:{port}\r\nContent-Type: application/json\r\n"
        self._head = head.encode()

    async def send(self, events: Sequence[bytes]) -> None:
        """Any 2xx is an acknowledgement."""
        body = b"[" + b",".join(events) + b"]"
        kept = False
        try:
            reader, writer = await self._connection.streams()
            writer.write(self._head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            status, kept = await _read_status(reader)
        except (OSError, httptools.HttpParserError) as error:
            raise Undelivered(str(error)) from error
        finally:
            if not kept:  # also when the time ran out: a late answer must not be taken for the next one
                self._connection.close()
        if not 200 <= status < 300:
            raise Undelivered(f"the subscriber answered {status}")

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


class TcpWire:
    """Each event is a line. There is no acknowledgement: what the system has taken counts as delivered."""

    def __init__(self, address: str, port: int) -> None:
        self._connection = _Connection(address, port)

    async def send(self, events: Sequence[bytes]) -> None:
        """Within one connection lines are whole; after a failure they begin anew on another."""
        sent = False
        try:
            _, writer = await self._connection.streams()
            writer.write(b"".join(event + b"\n" for event in events))
            await writer.drain()
            sent = True
        except OSError as error:
            raise Undelivered(str(error)) from error
        finally:
            if not sent:
                self._connection.close()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


class _Status:
    """The parser's side of one answer. `kept`: it is whole, and its connection can be used again."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.whole = False
        self.kept = False

    def on_message_complete(self) -> None:
        self.whole = True
        self.kept = self.parser.should_keep_alive()


async def _read_status(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of one answer, and whether the connection can be kept."""
    answer = _Status()
    size = 0
    while not answer.whole:
        data = await reader.read(_READ_BYTES)
        size += len(data)
        if not data or size > _LONGEST_ANSWER:
            break
        with contextlib.suppress(httptools.HttpParserUpgrade):
            answer.parser.feed_data(data)
    return (answer.parser.get_status_code() if size else 0), answer.kept
