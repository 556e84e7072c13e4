"""How one request is read and its answer sent, whichever door it came through."""

import asyncio
import contextlib
from collections.abc import Mapping

from neve import log
from neve.api.body import BodyLimit, drain, read_body
from neve.api.gate import Arrived, Claim
from neve.api.http import BODY, CUT, WHOLE, Headers, Receive, Response, Scope, Send, StreamedResponse
from neve.api.sigv4 import EMPTY_DIGEST
from neve.domain.errors import SignatureRefused

SEND_SECONDS = 900.0
"""How long a client may take nothing of a streamed answer: as long as the longest function runs."""


class Reading:
    """The body of one request: whether all of it has been read decides whether the connection can live on."""

    __slots__ = ("_arrived", "done", "headers", "receive")

    def __init__(self, scope: Scope, receive: Receive, headers: Mapping[bytes, bytes]) -> None:
        self._arrived: Arrived = scope.get("extensions", {}).get(BODY, _not_yet)
        self.receive = receive
        self.headers = headers
        self.done = b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0"

    def prove_by(self, claim: Claim) -> None:
        """Give the body out only when it is what was signed. SignatureRefused, here already when there is none."""
        if self.done:
            claim.prove(EMPTY_DIGEST)
        else:
            self.receive, self._arrived = claim.proving(self.receive), claim.proving_arrived(self._arrived)

    async def body(self, limit: BodyLimit) -> bytes:
        """All of it; errors as `read_body`."""
        if self.done:
            return b""
        try:
            body = await read_body(self.receive, self.headers, limit, self._arrived)
        except SignatureRefused:  # which is known at its end
            self.done = True
            raise
        self.done = True
        return body


def _not_yet() -> None:
    """Of a server that cannot say."""


async def send_answer(
    scope: Scope,
    receive: Receive,
    send: Send,
    response: Response | StreamedResponse,
    request_id: str,
    reading: Reading,
) -> None:
    """Send it, however it is; when the body has not been read, the connection ends with the answer."""
    if isinstance(response, StreamedResponse):
        await _send_stream(scope, receive, send, response, request_id)
    elif reading.done:
        await _send_whole(scope, send, response, request_id)
    else:
        await _refuse(send, response, request_id, receive, reading.headers)


async def _send_whole(scope: Scope, send: Send, response: Response, request_id: str) -> None:
    headers = _headers(response, request_id)
    whole = scope.get("extensions", {}).get(WHOLE)
    if whole is not None:
        await whole(Response(response.status, headers, response.body))
        return
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _send_stream(scope: Scope, receive: Receive, send: Send, response: StreamedResponse, request_id: str) -> None:
    """Chunk by chunk, no faster than the client reads. When it ends in an error, or the client does not read, the connection is
    cut; a client that goes away is not told anything, and the chunks are read to their end."""
    try:
        headers = [(b"x-amzn-requestid", request_id.encode()), *response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        async with contextlib.aclosing(response.chunks) as chunks:
            async for chunk in chunks:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except Exception as error:  # noqa: BLE001 - the edge of the door: the status is sent, so the connection has to tell
        log.warn("api.cut", request_id=request_id, error=f"{type(error).__name__}: {error}")
        scope["extensions"][CUT]()
        while (await receive())["type"] != "http.disconnect":
            pass


async def _refuse(
    send: Send, response: Response, request_id: str, receive: Receive, headers: Mapping[bytes, bytes]
) -> None:
    """Answer before the body has come, and close: at once when the client waits for `100 Continue`, else after draining."""
    closing = [*_headers(response, request_id), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": response.status, "headers": closing})
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    if headers.get(b"expect", b"").lower() != b"100-continue":
        await drain(receive)
    await send({"type": "http.response.body", "body": b""})


def _headers(response: Response, request_id: str) -> Headers:
    headers = [(b"x-amzn-requestid", request_id.encode()), *response.headers]
    if response.status != 204:
        headers.append((b"content-length", b"%d" % len(response.body)))
    return headers
