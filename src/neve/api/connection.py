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

UNREAD_SECONDS = 300.0
"""How long a client may take to read what is sent already, when the connection ends, or before it is sent the next answer."""

HEADER_BYTES = 131_072
"""How long a request's line and headers may be, about: more than the service takes. So much, too, may come at most from one piece
of a body to the next: trailers, or what belongs to a chunk beside its content."""

MOST_WAITING = 100
"""How many requests may have come before the answer to the first; beyond, the connection ends when these are answered."""

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
        self._parser = self._new_parser()
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
        self._has_host = False
        self._head_bytes = 0
        self._refusal = b""  # is sent when everything before it is answered
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
            self._feed(data)
        except httptools.HttpParserError:
            many = len(self._queued) >= MOST_WAITING
            text = b"Too many requests before the answer to the first." if many else b"Invalid HTTP request received."
            self._refuse(b"400 Bad Request", text)
            return
        if self._head_bytes > HEADER_BYTES:
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
        self._has_host = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._continues = True
        elif name == b"host":
            if self._has_host:
                raise ValueError("a request for two hosts: who is before Neve may have taken the other")
            self._has_host = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._due = _NEVER
        parser = self._parser
        if parser.should_upgrade():
            if parser.get_method() == b"CONNECT":
                raise ValueError("Neve is no proxy")
            return  # to be told anew by `_feed`
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
        self._headers = []  # trailers are none of the request's headers
        self._arriving = exchange
        if self._current is None:
            self._begin(exchange)
        else:  # it came before the answer to the last
            if len(self._queued) >= MOST_WAITING:
                raise ValueError("too many requests")
            self._pause()
            self._queued.append(exchange)

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
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
        self._close_within(UNREAD_SECONDS)

    def read_on(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    async def drain(self) -> None:
        if self._writable is not None:
            await self._writable.wait()

    async def drain_in_time(self) -> None:
        try:
            async with asyncio.timeout(UNREAD_SECONDS):
                await self.drain()
        except TimeoutError:
            self._transport.abort()
            await self.drain()  # until it is gone

    def defaults(self) -> bytes:
        return b"".join(b"%b: %b\r\n" % each for each in self._state.default_headers)

    def ended(self, exchange: Exchange) -> None:
        self._state.total_requests += 1
        self._current = None
        if self._transport.is_closing():
            return
        if self._queued:
            self._begin(
                self._queued.popleft()
            )  # which reads on if it needs more: else a client could queue without end
        elif self._refusal:
            self._say(self._refusal)
        else:
            self.read_on()
            self._due = self._loop.time() + KEEP_ALIVE_SECONDS

    def left(self, exchange: Exchange) -> None:
        assert exchange.task is not None
        self._state.tasks.discard(exchange.task)

    # What the server asks for

    def shutdown(self) -> None:
        """End when what was begun is answered."""
        if self._current is None:
            self.close()
        else:
            self._current.keep_alive = False

    # Within

    def _begin(self, exchange: Exchange) -> None:
        self._current = exchange
        exchange.task = self._loop.create_task(exchange.run(self._application))
        self._state.tasks.add(exchange.task)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _new_parser(self) -> Any:
        parser = httptools.HttpRequestParser(self)
        # What follows a request that closes is thrown away, instead of being the reason to refuse it.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _feed(self, data: bytes) -> None:
        """We speak nothing else than HTTP. httptools takes what follows a request for another protocol, its body too, for that
        protocol, so it gets such a request again without its wish."""
        while True:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = self._head_without_upgrade() + data[upgrade.args[0] :]
                self._parser = self._new_parser()

    def _head_without_upgrade(self) -> bytes:
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        headers = [b"%b: %b\r\n" % each for each in self._headers if each[0] != b"upgrade"]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self._url, version, b"".join(headers))

    def _cut(self) -> None:
        """Send what was written, but no end of the response: the client sees that it is not whole."""
        self._close_within(LAST_BYTES_SECONDS)

    def _close_within(self, seconds: float) -> None:
        """When the client has read what was sent, or does not read it."""
        self._transport.close()
        if self not in self._state.connections:  # it is gone already
            return
        if self._look is not None:
            self._look.cancel()
        self._look = self._loop.call_later(seconds, self._transport.abort)

    def _refuse(self, status: bytes, text: bytes) -> None:
        """After the answers to what came before: who shares this connection must not take it for his. A request that is
        broken in its body has no other answer."""
        if self._refusal:
            return
        head = b"HTTP/1.1 %b\r\n%bcontent-type: text/plain; charset=utf-8\r\n" % (status, self.defaults())
        self._refusal = b"%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (head, len(text), text)
        broken, self._arriving = self._arriving, None
        if broken is not None and broken in self._queued:
            self._queued.remove(broken)
        if self._current is None or self._current is broken:
            self._say(b"" if broken is not None and broken.started else self._refusal)
        else:
            self._pause()

    def _say(self, last: bytes) -> None:
        self._transport.write(last)
        self.close()

    def _look_again(self) -> None:
        """One timer for a connection, not one for each request."""
        now = self._loop.time()
        if now >= self._due:
            self.close()
            return
        self._look = self._loop.call_later(min(self._due - now, _LOOK_SECONDS), self._look_again)


def _split(url: bytes) -> tuple[bytes, bytes]:
    """Path and query; of an absolute URL, too, which proxies send."""
    if url[:1] == b"/" and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = httptools.parse_url(url)
    return parsed.path, parsed.query or b""
