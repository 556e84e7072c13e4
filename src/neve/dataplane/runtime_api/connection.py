"""One HTTP/1.1 connection: bytes to requests, one answered after the other, however they arrive.

No time limits: the peer may be frozen in the middle of anything, and its own timeout kills it. What is limited is memory:
requests behind one that waits are not read, and headers end somewhere.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from neve import log
from neve.dataplane.runtime_api.http import Endpoint, Head, Intake, Reply, broken, refusal, render

# The Python client sends an X-Ray cause of up to 1 MiB in one header, lambda-runtime-function-xray-error-cause.
_SILENT_BYTES = 2 * 1024 * 1024
_MOST_BEHIND = 65_536
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Exchange:
    """A request in the order of its connection. What arrives before its turn is kept."""

    __slots__ = ("_chunks", "_connection", "answered", "head", "intake", "last", "trailers", "whole")

    def __init__(self, connection: "Connection", head: Head, last: bool) -> None:
        self.head = head
        self.last = last
        self.answered = False
        self.whole = False
        self.intake: Intake | None = None
        self.trailers: dict[str, str] = {}
        self._connection = connection
        self._chunks: list[bytes] = []

    @property
    def open(self) -> bool:
        return not self.answered and self._connection.open

    def answer(self, reply: Reply) -> None:
        if not self.answered:
            self.answered = True
            self._connection.write(self, reply)

    def hold(self) -> None:
        self._connection.hold(True)

    def go_on(self) -> None:
        self._connection.hold(False)

    def begin(self, endpoint: Endpoint) -> None:
        """Its turn: pass on what has arrived."""
        self.intake = endpoint(self)
        if not self.whole and self.head.headers.get("expect", "").lower() == "100-continue":
            self._connection.write_raw(_CONTINUE)
        chunks, self._chunks = self._chunks, []
        for chunk in chunks:
            self.intake.data(chunk)
        if self.whole:
            self.intake.end(self.trailers)

    def data(self, chunk: bytes) -> None:
        if self.intake is None:
            self._chunks.append(chunk)
        elif not self.answered:  # else it was answered by a fault of ours
            self.intake.data(chunk)

    def end(self) -> None:
        self.whole = True
        if self.intake is not None and not self.answered:
            self.intake.end(self.trailers)

    def cut(self) -> None:
        if self.intake is not None and not self.whole:
            self.intake.cut()


class Connection(asyncio.Protocol):
    """Both asyncio's protocol and the parser's.

    `endpoint` opens what is asked for, `gone` forgets the connection; one to `refuse` (there are too many) is cut at once.
    """

    def __init__(self, endpoint: Endpoint, gone: Callable[["Connection"], None], refuse: bool = False) -> None:
        self._endpoint = endpoint
        self._gone = gone
        self._refuse = refuse
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpRequestParser | None = None
        self._queue: deque[_Exchange] = deque()  # the first one has its turn
        self._arriving: _Exchange | None = None
        self._url = b""
        self._headers: dict[str, str] = {}
        self._upgrading = False
        self._progress = False
        self._silent = 0
        self._behind = 0  # bytes of requests whose turn has not come
        self._advancing = False
        self._held = False
        self._full = False  # the peer does not read its answers
        self._reading = True
        self._broken = False
        self.open = False

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of this class
        # asyncio does this only for sockets made with an explicit protocol: without it an answer may wait 40 ms
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = httptools.HttpRequestParser(self)
        self.open = True
        if self._refuse:
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        self._progress = False
        self._feed(data)
        self._silent = 0 if self._progress else self._silent + len(data)
        if self._silent > _SILENT_BYTES:
            self._break(refusal(431, "RequestHeaderFieldsTooLarge", "Request header fields too large"))
        self._advance()
        self._behind += len(data)
        self._regulate()

    def eof_received(self) -> None:
        """A peer that sent its last byte does not wait for an event: answer what can be answered, then close."""
        self._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._cut()
        self._parser = None
        self._gone(self)

    def pause_writing(self) -> None:
        self._full = True
        self._regulate()

    def resume_writing(self) -> None:
        self._full = False
        self._regulate()

    def abort(self) -> None:
        """Close at once; nothing is answered any more."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    # The exchanges' side

    def write(self, exchange: _Exchange, reply: Reply) -> None:
        """The answer of the exchange whose turn it is."""
        self.write_raw(render(reply, exchange.last, exchange.head.method != "HEAD"))
        self._advance()
        self._regulate()

    def write_raw(self, data: bytes) -> None:
        """Bytes as they are; without effect when the peer has gone."""
        if self.open and self._transport is not None:
            self._transport.write(data)

    def hold(self, held: bool) -> None:
        """Stop or continue reading for an exchange's sake."""
        self._held = held
        self._regulate()

    def _advance(self) -> None:
        """Give the turn on while the first exchange is over. No recursion: thousands of requests may lie in one read."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._queue and self._turn(self._queue[0]):
                pass
        finally:
            self._advancing = False

    def _turn(self, exchange: _Exchange) -> bool:
        """Begin it, or let it go when it is over; False when it has to wait."""
        if exchange.intake is None and not exchange.answered:
            self._guard(exchange, lambda: exchange.begin(self._endpoint))
            return True
        if not (exchange.answered and exchange.whole):
            return False
        self._queue.popleft()
        if exchange.last:
            self._close()
        return True

    def _guard(self, exchange: _Exchange, step: Callable[[], None]) -> None:
        """The edge of the loop: a fault of ours is logged and answered, and ends nothing else."""
        try:
            step()
        except Exception as error:  # noqa: BLE001
            log.failure("runtime_api.request", error, path=exchange.head.path)
            exchange.answer(broken())

    def _cut(self) -> None:
        exchange, self._arriving = self._arriving, None
        if exchange is not None:
            exchange.last = True
            self._guard(exchange, exchange.cut)
        self._close()

    def _close(self) -> None:
        self._broken = True
        self._queue.clear()
        if self.open and self._transport is not None:
            self.open = False
            self._transport.close()

    def _regulate(self) -> None:
        """Read only while there is room. Some may lie behind a request that waits: who does not read misses the end."""
        if len(self._queue) <= 1:
            self._behind = 0
        wanted = not (self._held or self._full or self._behind > _MOST_BEHIND)
        if wanted == self._reading or not self.open or self._transport is None:
            return
        self._reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    # The parser's side

    def _feed(self, data: bytes) -> None:
        try:
            assert self._parser is not None
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._upgrading:
                self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._break(refusal(400, "InvalidRequestFormat", f"Malformed request: {error}"))

    def _decline_upgrade(self, rest: bytes) -> None:
        """Java's client offers h2c with every request: read on as if it had not, which the parser cannot by itself."""
        method, self._upgrading = self._method, False
        self._parser = httptools.HttpRequestParser(self)
        headers = {name: value for name, value in self._headers.items() if name not in ("upgrade", "connection")}
        lines = [f"{method} {self._url.decode('latin-1')} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._feed(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace"))
        if rest and not self._broken:
            self._feed(rest)

    def _break(self, reply: Reply) -> None:
        """What comes now is no HTTP: answer what was asked before, then this, then close."""
        if self._broken or (self._queue and self._queue[-1].last):
            return
        self._broken = True
        cut, self._arriving = self._arriving, None
        if cut is not None:
            cut.last = True
            self._guard(cut, cut.cut)
        self._advance()
        if cut is None and not self._queue:
            self.write_raw(render(reply, last=True))
        self._close()

    def on_message_begin(self) -> None:
        self._progress = True
        self._url = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        target = self._headers if self._arriving is None else self._arriving.trailers
        target[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")

    @property
    def _method(self) -> str:
        assert self._parser is not None
        return str(self._parser.get_method().decode("latin-1"))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self._progress = True
        method = self._method
        if self._parser.should_upgrade() and method != "CONNECT":
            self._upgrading = True
            return
        path = self._url.split(b"?", 1)[0].decode("latin-1")
        last = not self._parser.should_keep_alive() or method == "CONNECT"
        self._arriving = _Exchange(self, Head(method, path, self._headers), last)
        self._queue.append(self._arriving)
        self._advance()

    def on_body(self, body: bytes) -> None:
        self._progress = True
        exchange = self._arriving
        if exchange is not None:
            self._guard(exchange, lambda: exchange.data(body))

    def on_message_complete(self) -> None:
        self._progress = True
        if self._upgrading:
            return
        exchange, self._arriving = self._arriving, None
        if exchange is not None:
            self._guard(exchange, exchange.end)
            self._advance()
