"""One request and its response, on the connection that it came by: what ASGI calls receive and send.

What is not used costs nothing: events are made when somebody has to wait, and a body or a response that is whole goes past the
messages of ASGI (`BODY` and `WHOLE` in `http.py`).
"""

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

from neve import log
from neve.api.http import Application, Headers, Response

_STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
_ONE_WRITE_BYTES = 65_536  # a longer body is not worth a copy
_BAD_NAME = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_BODILESS = (204, 304)
_DISCONNECT: Mapping[str, Any] = {"type": "http.disconnect"}
_BROKEN = b"Internal Server Error"


class Line(Protocol):
    """The connection, as an exchange sees it."""

    @property
    def closing(self) -> bool:
        """Whether it ends: nothing is written any more."""

    @property
    def full(self) -> bool:
        """Whether the client does not read as fast as we write."""

    def write(self, data: bytes) -> None:
        """Send it."""

    def close(self) -> None:
        """End it when everything is sent."""

    def read_on(self) -> None:
        """There is room for more of the request."""

    async def drain(self) -> None:
        """Wait until the client has read enough."""

    async def drain_in_time(self) -> None:
        """The same; when that takes too long, the connection has ended."""

    def defaults(self) -> bytes:
        """The header lines of every response."""

    def ended(self, exchange: "Exchange") -> None:
        """The response is whole."""

    def left(self, exchange: "Exchange") -> None:
        """The application has returned."""


class Exchange:
    """Made when the headers of a request are whole. All of it belongs to the event loop's thread."""

    __slots__ = (
        "_arrived",
        "_body",
        "_chunked",
        "_event",
        "_head_only",
        "_left_bytes",
        "_line",
        "_news",
        "complete",
        "continues",
        "disconnected",
        "keep_alive",
        "scope",
        "started",
        "task",
    )

    def __init__(self, line: Line, scope: dict[str, Any], keep_alive: bool, continues: bool) -> None:
        self.scope = scope
        self.task: asyncio.Task[None] | None = None  # which answers it
        self.keep_alive = keep_alive
        self.continues = continues  # the client waits for `100 Continue`
        self.disconnected = False
        self.complete = False
        self._line = line
        self._head_only = scope["method"] == "HEAD"
        self._body: bytes | bytearray = b""
        self._arrived = False
        self._news = False
        self._event: asyncio.Event | None = None
        self.started = False
        self._chunked = False
        self._left_bytes = 0

    @property
    def may_be_whole(self) -> bool:
        """Whether a response may be given in one: one to HEAD has a length and no body."""
        return not self._head_only

    # What the connection tells

    def feed(self, body: bytes) -> int:
        """More of the body has come; how much of it nobody has taken yet."""
        if not self._body:
            self._body = body
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += body
        self._tell()
        return len(self._body)

    def arrive(self) -> None:
        """The body is whole."""
        self._arrived = True
        self._tell()

    def disconnect(self) -> None:
        """The client is gone."""
        self.disconnected = not self.complete
        self._tell()

    def _tell(self) -> None:
        self._news = True
        if self._event is not None:
            self._event.set()

    # What the application asks for

    async def run(self, application: Application) -> None:
        """Answer the request; an application that fails has answered with 500, or ends the connection."""
        try:
            await application(self.scope, self.receive, self.send)
            if not (self.complete or self.disconnected):
                raise RuntimeError("the application returned without a whole response")
        except BaseException as error:
            if isinstance(error, Exception):
                log.failure("http.application", error, path=self.scope["path"])
            if self.started or self.disconnected:
                self._line.close()
            else:
                self._fail()
            if not isinstance(error, Exception):
                raise
        finally:
            self._line.left(self)

    def body(self) -> bytes | None:
        """The whole body if all of it is there and nobody has taken any, else None."""
        if not self._arrived or self.disconnected or not self._news:
            return None
        self._news = False
        body, self._body = self._body, b""
        return bytes(body)

    async def receive(self) -> Mapping[str, Any]:
        """ASGI's. After the last piece of the body it waits for the end of the response or of the connection."""
        if self.continues and not self._line.closing:
            self._line.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.continues = False
        if not (self.disconnected or self.complete):
            self._line.read_on()
            await self._wait_for_news()
        if self.disconnected or self.complete:
            return _DISCONNECT
        body, self._body = self._body, b""
        return {"type": "http.request", "body": bytes(body), "more_body": not self._arrived}

    async def _wait_for_news(self) -> None:
        if not self._news:
            self._event = self._event or asyncio.Event()
            self._event.clear()
            await self._event.wait()
        self._news = False

    async def send(self, message: Mapping[str, Any]) -> None:
        """ASGI's."""
        if self._line.full and not self.disconnected:
            await self._line.drain()
        if self.disconnected:
            return
        if self.complete:
            raise RuntimeError(f"{message['type']} after the response was whole")
        if self.started != (message["type"] == "http.response.body"):
            raise RuntimeError(f"{message['type']} is out of turn")
        if self.started:
            self._send_body(message.get("body", b""), message.get("more_body", False))
        else:
            self._start(message["status"], message.get("headers", []))

    async def answer(self, response: Response) -> None:
        """The whole response at once: one system call instead of two. `response` has all its headers."""
        if self._line.full and not self.disconnected:
            await self._line.drain_in_time()
        if self.disconnected:
            return
        head = self._head(response.status, response.headers)
        self.started = True
        if len(response.body) <= _ONE_WRITE_BYTES:
            self._line.write(head + response.body)
        else:
            self._line.write(head)
            self._line.write(response.body)
        self._end()

    # Within

    def _start(self, status: int, headers: Headers) -> None:
        names: dict[bytes, bytes] = {}
        for name, value in headers:
            if _BAD_NAME.search(name):
                raise ValueError(f"{name!r} is no name of a header")
            names[name.lower()] = value
        if b"close" in [token.strip() for token in names.get(b"connection", b"").lower().split(b",")]:
            self.keep_alive = False
        if b"content-length" in names:
            self._left_bytes = int(names[b"content-length"])
        else:
            self._chunked = names.get(b"transfer-encoding", b"").lower() == b"chunked"
            if not self._chunked and not self._head_only and status not in _BODILESS:
                self._chunked = True
                headers = [*headers, (b"transfer-encoding", b"chunked")]
        head = self._head(status, headers, said_close=b"connection" in names)
        self.started = True
        self._line.write(head)

    def _send_body(self, body: bytes, more: bool) -> None:
        if self._head_only:
            self._left_bytes = 0
        elif self._chunked:
            piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._line.write(piece if more else piece + b"0\r\n\r\n")
        elif len(body) > self._left_bytes:
            raise RuntimeError("the response is longer than its content-length")
        else:
            self._left_bytes -= len(body)
            self._line.write(body)
        if not more:
            if self._left_bytes:
                raise RuntimeError("the response is shorter than its content-length")
            self._end()

    def _head(self, status: int, headers: Headers, said_close: bool = False) -> bytes:
        """ValueError for a header that would begin another."""
        self.continues = False
        line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status  # a function may say 299
        lines = [line, self._line.defaults()]
        for name, value in headers:
            if b"\n" in value or b"\r" in value or b"\0" in value:
                raise ValueError(f"the header {name.decode('latin-1')} has a line break in it")
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n" if self.keep_alive or said_close else b"connection: close\r\n\r\n")
        return b"".join(lines)

    def _end(self) -> None:
        self.complete = True
        self._tell()
        if not self.keep_alive:
            self._line.close()
        self._line.ended(self)

    def _fail(self) -> None:
        self.keep_alive = False
        head = self._head(500, [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_BROKEN))])
        self.started = True
        self._line.write(head if self._head_only else head + _BROKEN)
        self._end()
