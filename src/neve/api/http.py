"""What passes the door: one request as an operation may see it, one ready response, and the shape of a raw operation."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from neve.domain.call import Call

Headers = list[tuple[bytes, bytes]]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Request(msgspec.Struct, frozen=True):
    """One request whose route is known. Header names are lower case, label values percent-decoded once."""

    method: str
    operation: str
    labels: Mapping[str, str]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes

    def header(self, name: bytes) -> str | None:
        """A header's value; bytes outside ASCII are read as Latin-1, as HTTP says. None when it is not there."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter, decoded; None when it is not there."""
        for key, value in parse_query(self.query):
            if key == name:
                return value
        return None


class Response(msgspec.Struct, frozen=True):
    """A ready answer. The door adds the request id, `content-length` and (when none is given) the content type."""

    status: int
    headers: Headers = []
    body: bytes = b""


class StreamedResponse(msgspec.Struct, frozen=True):
    """An answer that is sent as it comes. When `chunks` raises, the connection is cut, so that nobody takes it for whole.

    The door adds the request id.
    """

    status: int
    headers: Headers
    chunks: AsyncGenerator[bytes]


WHOLE = "neve.whole"
"""The ASGI extension of our server: `await scope["extensions"][WHOLE](response)` sends a response with all its headers."""

BODY = "neve.body"
"""The ASGI extension of our server: `scope["extensions"][BODY]()` is the whole body when all of it has come, else None."""

CLAIM = "neve.claim"
"""In the scope of a request to our own API: who calls (a `gate.Claim` that is proven), when authorization is on."""

STRANGER = "neve.stranger"
"""In the scope of a request to our own API: nobody signed it, and authorization is on."""

CUT = "neve.cut"
"""The ASGI extension of our server that ends the connection in the middle of an answer: `scope["extensions"][CUT]()`."""

RawOperation = Callable[[Call, Request], Awaitable[Response | StreamedResponse]]
"""An operation that reads the request and writes the response itself (Invoke); domain errors are raised as usual."""


def parse_query(query: bytes) -> list[tuple[str, str]]:
    """Names and values in their order, percent-decoded; a name without a value has an empty one."""
    if not query:
        return []
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)
