"""One connection of a client: bytes to requests, in the order in which they came, and a bound on silence.

It takes the place of uvicorn's own protocol class, whose server it is run by: for an invocation that one costs four times as
much. What a client may do to it, it may do to that: keep the connection, send the next request before the answer to the last,
send its body in pieces or chunks, wait for `100 Continue`, read slowly.
"""

import asyncio
import socket
from collections import deque
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from neve.api.exchange import Exchange
from neve.api.http import BODY, CUT, WHOLE

KEEP_ALIVE_SECONDS = 75.0
"""Longer than the pools of the SDKs keep an idle connection: the client closes first, and no request meets a closing socket."""

HEADER_SECONDS = 30.0
"""How long a connection may take until the headers of a request are whole: from its beginning, or from the first byte of a later
one."""

LAST_BYTES_SECONDS = 10.0
"""How long a client may take to read the rest of an answer that is cut off."""

HEADER_BYTES = 131_072
"""How long a request's line and headers may be, about: more than the service takes."""

_HIGH_WATER_BYTES = 65_536  # of a body that nobody takes; then the client has to wait
_LOOK_SECONDS = 10.0
_NEVER = float("inf")
_ASGI = {"version": "3.0", "spec_version": "2.3"}


class Connection(asyncio.Protocol):
    """Made by uvicorn for each connection; it knows all of them, and ends them by `shutdown`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._application: Any = config.loaded_app
        self._state = server_state
        self._loop = _loop or asyncio.get_event_loop()
        self._parser = httptools.HttpRequestParser(self)
        # What follows a request that closes is thrown away, instead of being the reason to refuse it.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._transport: asyncio.Transport
        self._current: Exchange | None = None  # the one that is answered now
        self._arriving: Exchange | None = None  # the one whose body comes now
        self._queued: deque[Exchange] = deque()
        self._due = _NEVER  # when it has been silent for too long
        self._look: asyncio.TimerHandle | None = None
        self._paused = False
        self._writable: asyncio.Event | None = None  # there while the client does not read
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._continues = False
        self._head_bytes = 0
        self._extensions = {CUT: self._cut}

    # What the transport tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._state.connections.add(self)  # type: ignore[arg-type]
        connection = transport.get_extra_info("socket")
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            # asyncio does this only for sockets made with an explicit protocol: without it an answer may wait 40 ms
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._base = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": "1.1",
            "server": get_local_addr(transport),
            "client": get_remote_addr(transport),
            "scheme": "http",
            "root_path": "",
        }
        self._due = self._loop.time() + HEADER_SECONDS
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state.connections.discard(self)
        if self._look is not None:
            self._look.cancel()
        for each in (self._current, *self._queued):
            if each is not None:
                each.disconnect()
        self._queued.clear()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._current is None and self._head_bytes == 0:
            self._due = min(self._due, self._loop.time() + HEADER_SECONDS)
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # we speak nothing else: what it asked for is answered as HTTP
        except httptools.HttpParserError:
            self._refuse(b"400 Bad Request", b"Invalid HTTP request received.")
            return
        if self._arriving is None and self._head_bytes > HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large", b"The headers are too long.")

    def pause_writing(self) -> None:
        self._writable = self._writable or asyncio.Event()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    # What the parser tells

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = []
        self._continues = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._continues = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._due = _NEVER
        parser = self._parser
        raw_path, query = _split(self._url)
        path = raw_path.decode("ascii")
        version = parser.get_http_version()
        scope = {
            **self._base,
            "method": parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self._headers,
        }
        if version != "1.1":
            scope["http_version"] = version
        exchange = Exchange(self, scope, version != "1.0" and parser.should_keep_alive(), self._continues)
        extensions: dict[str, Any] = {**self._extensions, BODY: exchange.body}
        if exchange.may_be_whole:
            extensions[WHOLE] = exchange.answer
        scope["extensions"] = extensions
        self._arriving = exchange
        if self._current is None:
            self._begin(exchange)
        else:  # it came before the answer to the last
            self._pause()
            self._queued.append(exchange)

    def on_body(self, body: bytes) -> None:
        exchange = self._arriving
        if exchange is not None and not exchange.complete and exchange.feed(body) > _HIGH_WATER_BYTES:
            self._pause()

    def on_message_complete(self) -> None:
        exchange, self._arriving = self._arriving, None
        self._head_bytes = 0
        if exchange is not None and not exchange.complete:
            exchange.arrive()

    # What an exchange asks for

    @property
    def closing(self) -> bool:
        return self._transport.is_closing()

    @property
    def full(self) -> bool:
        return self._writable is not None

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def close(self) -> None:
        self._transport.close()

    def read_on(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    async def drain(self) -> None:
        if self._writable is not None:
            await self._writable.wait()

    def defaults(self) -> bytes:
        return b"".join(b"%b: %b\r\n" % each for each in self._state.default_headers)

    def ended(self, exchange: Exchange) -> None:
        self._state.total_requests += 1
        self._current = None
        if self._transport.is_closing():
            return
        self.read_on()
        if self._queued:
            self._begin(self._queued.popleft())
        else:
            self._due = self._loop.time() + KEEP_ALIVE_SECONDS

    def left(self, task: "asyncio.Task[None]") -> None:
        self._state.tasks.discard(task)

    # What the server asks for

    def shutdown(self) -> None:
        """End when what was begun is answered."""
        if self._current is None:
            self._transport.close()
        else:
            self._current.keep_alive = False

    # Within

    def _begin(self, exchange: Exchange) -> None:
        self._current = exchange
        self._state.tasks.add(self._loop.create_task(exchange.run(self._application)))

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _cut(self) -> None:
        """Send what was written, but no end of the response: the client sees that it is not whole."""
        self._transport.close()
        self._loop.call_later(LAST_BYTES_SECONDS, self._transport.abort)

    def _refuse(self, status: bytes, text: bytes) -> None:
        head = b"HTTP/1.1 %b\r\n%bcontent-type: text/plain; charset=utf-8\r\n" % (status, self.defaults())
        self._transport.write(b"%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (head, len(text), text))
        self._transport.close()

    def _look_again(self) -> None:
        """One timer for a connection, not one for each request."""
        now = self._loop.time()
        if now >= self._due:
            self._transport.close()
            return
        self._look = self._loop.call_later(min(self._due - now, _LOOK_SECONDS), self._look_again)


def _split(url: bytes) -> tuple[bytes, bytes]:
    """Path and query; of an absolute URL, too, which proxies send."""
    if url[:1] == b"/" and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = httptools.parse_url(url)
    return parsed.path, parsed.query or b""
