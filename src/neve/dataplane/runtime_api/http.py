"""Requests and replies of the doors inside an environment, and the one way in which they refuse."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Head:
    """A request before its body. `path` is without the query; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `headers` besides the content's type and length; values may be any text."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] | None = None


class Exchange(Protocol):
    """One request that is to be answered, now or much later."""

    head: Head

    @property
    def open(self) -> bool:
        """Whether the peer is still there to read an answer."""

    def answer(self, reply: Reply) -> None:
        """Answer once; nothing happens when the peer has gone."""

    def hold(self) -> None:
        """Read no more of the body for now."""

    def go_on(self) -> None:
        """Read on."""


class Intake(Protocol):
    """Takes the body of one request."""

    def data(self, chunk: bytes) -> None:
        """A piece of it."""

    def end(self, trailers: Mapping[str, str]) -> None:
        """It is whole."""

    def cut(self) -> None:
        """The connection ended before it was whole; an answer may still reach the peer."""


Endpoint = Callable[[Exchange], Intake]


class Whole:
    """Collects a body of up to `limit` bytes; `then` gets it, or None when there was more."""

    def __init__(self, exchange: Exchange, limit: int, then: Callable[[bytes | None], Reply | None]) -> None:
        self._exchange = exchange
        self._limit = limit
        self._then = then
        self._chunks: list[bytes] = []
        self._size = 0

    def data(self, chunk: bytes) -> None:
        """Kept up to the limit; the rest is read and forgotten, so that the peer gets to read its refusal."""
        self._size += len(chunk)
        if self._size <= self._limit:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    def end(self, trailers: Mapping[str, str]) -> None:
        """`then` decides; it returns None to answer later."""
        reply = self._then(b"".join(self._chunks) if self._size <= self._limit else None)
        if reply is not None:
            self._exchange.answer(reply)

    def cut(self) -> None:
        """Nothing is passed on."""
        self._exchange.answer(truncated())


def accepted() -> Reply:
    """202, as for everything that a runtime reports."""
    return Reply(202, b'{"status":"OK"}\n')


def refusal(status: int, error_type: str, message: str) -> Reply:
    """The body of every refusal."""
    return Reply(status, as_json({"errorMessage": message, "errorType": error_type}))


def truncated() -> Reply:
    """The body was shorter than its Content-Length."""
    return refusal(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")


def too_large(limit: int) -> Reply:
    """More than the service takes."""
    return refusal(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({limit} bytes).")


def broken() -> Reply:
    """A fault of ours; runtimes exit when they read it."""
    return refusal(500, "InternalServerError", "Internal Server Error")


def as_json(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def render(reply: Reply, last: bool, with_body: bool = True) -> bytes:
    """The bytes of an answer; `last` closes the connection after it."""
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", f"Content-Type: {reply.content_type}"]
    lines += [f"{name}: {_one_line(value)}" for name, value in (reply.headers or {}).items()]
    lines.append(f"Content-Length: {len(reply.body)}")
    if last:
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")
    return head + reply.body if with_body else head


def _one_line(value: str) -> str:
    """A caller's JSON may have line breaks, and a header must not: between JSON tokens a space means the same."""
    return value if value.isprintable() else "".join(each if each >= " " and each != "\x7f" else " " for each in value)
