"""Reading a request's body: how much may come, how long it may take, and what is said when it is too much.

Nothing past a limit is kept: a `content-length` is judged before the first byte is read, a chunked body while it comes.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar

from neve.api.http import Receive
from neve.domain import limits
from neve.domain.errors import RequestTooLarge, ServiceSpecific

Read = TypeVar("Read")

BODY_SECONDS = 120.0
"""How long a whole body may take. Generous: 70 MB at 5 Mbit/s; it only has to end what would hang."""

LINGER_SECONDS = 10.0
LINGER_BYTES = 128 * limits.MEBIBYTE
"""How long, and for how much, a refused body is read and thrown away, so that the client reads the answer and no reset."""

ASYNC_ARGUMENT_BYTES = 262_144  # the deprecated InvokeAsync kept the old limit


class BodyLimit(NamedTuple):
    """`kept` bytes at most are held; `counted` (at least as many) is how far the size of a larger body is found out.

    `text` is what a refusal says; `{size}` in it is the size of the body.
    """

    kept: int
    counted: int
    text: str


def _limit(size: int, named: str) -> BodyLimit:
    return BodyLimit(size, size, f"Request must be smaller than {size} bytes for the {named} operation")


_EVENT = BodyLimit(
    limits.EVENT_REQUEST_BYTES,
    limits.SYNC_REQUEST_BYTES,
    f"{{size}} byte payload is too large for the Event invocation type (limit {limits.EVENT_REQUEST_BYTES} bytes)",
)
INVOKE_LIMIT = _limit(limits.SYNC_REQUEST_BYTES, "InvokeFunction")  # named after the permission, not the operation
_CODE = ("CreateFunction", "UpdateFunctionCode", "PublishLayerVersion")


def body_limits(quotas: limits.Quotas) -> Mapping[str, int]:
    """What requests of Lambda with code in them may send, in bytes by operation."""
    return dict.fromkeys(_CODE, quotas.code_request)


class BodyLimits:
    """The limits of one service's operations; what is not listed takes as much as an invocation."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        code = body_limits(limits.THE_SERVICES)
        known = {name: _limit(size, name) for name, size in code.items()}
        known["Invoke"] = INVOKE_LIMIT
        known["InvokeWithResponseStream"] = INVOKE_LIMIT
        known["InvokeAsync"] = _limit(ASYNC_ARGUMENT_BYTES, "InvokeAsync")
        self._known = known | {name: _limit(size, name) for name, size in sizes.items()}

    def of(self, operation: str, headers: Mapping[bytes, bytes]) -> BodyLimit:
        """What this request may send."""
        if operation == "Invoke" and headers.get(b"x-amz-invocation-type") == b"Event":
            return _EVENT
        return self._known.get(operation) or _limit(limits.SYNC_REQUEST_BYTES, operation)


class Disconnected(Exception):
    """The client went away before its request was whole: nobody waits for an answer."""


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], limit: BodyLimit, arrived: Callable[[], bytes | None]
) -> bytes:
    """The whole body, unpacked; `arrived` gives it when nobody has to wait for it.

    RequestTooLarge, RequestTimeoutException, UnsupportedMediaTypeException; Disconnected.
    """
    declared = headers.get(b"content-length")
    if declared is None and b"transfer-encoding" not in headers:
        return b""
    if declared is not None:
        if declared == b"0":
            return b""
        _check(int(declared), limit)
    body = arrived()
    if body is None:
        body = await in_time(_read(receive, limit))
    else:
        _check(len(body), limit)
    encoding = headers.get(b"content-encoding")
    return body if encoding is None else _unpack(body, encoding.strip().lower(), limit)


async def in_time(reading: Awaitable[Read]) -> Read:
    """What is read of a body; RequestTimeoutException when that takes too long."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await reading
    except TimeoutError:
        raise ServiceSpecific(
            "RequestTimeoutException", f"The request body did not arrive within {BODY_SECONDS:.0f} seconds."
        ) from None


async def drain(receive: Receive) -> None:
    """Read on and keep nothing, for a bounded time and size: a socket closed with unread bytes would reset the answer."""
    left = LINGER_BYTES
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
    except TimeoutError:
        return


async def _read(receive: Receive, limit: BodyLimit) -> bytes:
    message = await _chunk(receive)
    if not message[1]:
        _check(len(message[0]), limit)
        return message[0]  # the usual case: all of it came at once
    kept = bytearray()
    size = 0
    while True:
        chunk, more = message
        size += len(chunk)
        if size <= limit.kept:
            kept += chunk
        else:
            kept.clear()
            if size > limit.counted or not more:
                _check(size, limit)
        if not more:
            return bytes(kept)
        message = await _chunk(receive)


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    return message.get("body", b""), message.get("more_body", False)


def _check(size: int, limit: BodyLimit) -> None:
    if size > limit.counted > limit.kept:
        raise RequestTooLarge(INVOKE_LIMIT.text)
    if size > limit.kept:
        raise RequestTooLarge(limit.text.replace("{size}", str(size)))


def _unpack(body: bytes, encoding: bytes, limit: BodyLimit) -> bytes:
    """A gzip body (log shippers send them), unpacked no further than the limit."""
    if encoding == b"identity":
        return body
    if encoding != b"gzip":
        raise ServiceSpecific(
            "UnsupportedMediaTypeException",
            f"Content-Encoding {encoding.decode('latin-1')} is not supported; use gzip.",
        )
    unpacking = zlib.decompressobj(wbits=31)
    try:
        plain = unpacking.decompress(body, limit.kept + 1)
    except zlib.error:
        raise ServiceSpecific("SerializationException", "The request body is not in gzip format.") from None
    _check(len(plain), limit)
    if not unpacking.eof:
        raise ServiceSpecific("SerializationException", "The request body is not in gzip format.")
    return plain
