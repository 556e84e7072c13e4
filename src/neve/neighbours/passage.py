"""Passes a request on to a neighbour and its answer back, both as streams: nothing is held but what is on its way.

One connection for each request (moto closes it anyway). Every wait is bounded: to connect, and for each sign of life.
A caller who goes away takes the neighbour's request with him.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from functools import cache

import h11

from neve import log
from neve.domain.errors import SignatureRefused
from neve.neighbours.refusal import not_let_in, render
from neve.neighbours.request import (
    Address,
    CallerGone,
    Head,
    Headers,
    Neighbour,
    Receive,
    Send,
    Unanswered,
    nobody,
    unavailable,
)

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 130.0
"""Nothing moved in either direction for so long. The longest poll of the services is 60 s (GetActivityTask)."""

LINGER_SECONDS = 10.0
LINGER_BYTES = 128 * 1024 * 1024
"""How long, and for how much, a refused body is read."""

_CHUNK_BYTES = 65_536
# They belong to one connection; `expect` was answered by our own server, and the dates and names are said by it, too.
_OF_A_CONNECTION = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect",
})  # fmt: skip
_OF_A_SERVER = frozenset({b"date", b"server"})


async def pass_on(
    neighbour: Neighbour, head: Head, request_id: str, receive: Receive, send: Send, closing: asyncio.Event
) -> None:
    """Answer one request by a neighbour; what goes wrong before the answer begins is told in the service's shape.

    When `closing` is set, whoever waits still is told that Neve stops.
    """
    passage = _Passage(head, request_id, receive, send)
    running = asyncio.create_task(passage.run(neighbour), name="passage")
    ending = asyncio.create_task(closing.wait(), name="neighbours' end")
    try:
        await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise unavailable("Neve is stopping.")
        running.result()
    except Unanswered as error:
        await _refuse(error, passage)
    except SignatureRefused as error:  # the body was not what was signed: the neighbour has not seen its end
        await _refuse(not_let_in(error, head), passage)
    except CallerGone:
        return
    finally:
        for task in (running, ending):
            task.cancel()
        await asyncio.gather(running, ending, return_exceptions=True)


async def refuse(error: Unanswered, head: Head, request_id: str, receive: Receive, send: Send) -> None:
    """Say that nobody answers, and close. A body that is under way is read and thrown away, within bounds: the caller
    would not see the answer on a connection that is reset."""
    headers, body = render(error, head, request_id)
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if (b"expect", b"100-continue") not in head.headers:
        await _throw_away(receive)
    await send({"type": "http.response.body", "body": b""})


async def _throw_away(receive: Receive) -> None:
    left = LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))


async def _refuse(error: Unanswered, passage: "_Passage") -> None:
    log.warn("neighbour.unanswered", service=passage.head.service, reason=error.message, request_id=passage.request_id)
    if not passage.begun:
        await refuse(error, passage.head, passage.request_id, passage.receive, passage.send)
    # else the answer stays torn, which a client sees by its length


class _Passage:
    """One request on its way."""

    def __init__(self, head: Head, request_id: str, receive: Receive, send: Send) -> None:
        self.head = head
        self.request_id = request_id
        self.receive = receive
        self.send = send
        self.begun = False  # the caller has a status
        self._alive: Callable[[], None] = lambda: None
        self._wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=262_144)

    async def run(self, neighbour: Neighbour) -> None:
        """Until the caller has the whole answer. Unanswered; CallerGone."""
        way = await neighbour.prepare(self.head, self.receive)
        self.receive = way.receive
        loop = asyncio.get_running_loop()
        try:
            async with _connected(way.address) as (reader, writer), asyncio.timeout(SILENCE_SECONDS) as silence:
                self._alive = lambda: silence.reschedule(loop.time() + SILENCE_SECONDS)
                await self._exchange(way.head, reader, writer)
        except TimeoutError:
            said = f"{self._name} did not move for {SILENCE_SECONDS:.0f} seconds."
            raise Unanswered(504, "RequestTimeoutException", said) from None
        except (OSError, EOFError, h11.ProtocolError) as error:
            raise unavailable(f"{self._name} ended the conversation ({error or type(error).__name__}).") from error

    @property
    def _name(self) -> str:
        return f"The neighbour that answers for {self.head.service}"

    async def _exchange(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._encode(h11.Request(method=head.method, target=head.target, headers=_forward(head.headers))))
        uploading = asyncio.create_task(self._upload(writer), name="upload")
        answering = asyncio.create_task(self._answer(reader), name="answer")
        try:
            done, _ = await asyncio.wait({uploading, answering}, return_when=asyncio.FIRST_COMPLETED)
            if answering not in done and not isinstance(uploading.exception(), OSError):
                uploading.result()  # the caller went away
            await answering  # an answer may come although the neighbour read no further
        finally:
            for task in (uploading, answering):
                task.cancel()
            await asyncio.gather(uploading, answering, return_exceptions=True)

    async def _upload(self, writer: asyncio.StreamWriter) -> None:
        """Pass the body on; then watch whether the caller stays. Ends only by raising."""
        more = True
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                raise CallerGone
            if not more:
                continue
            self._alive()
            body, more = message.get("body", b""), message.get("more_body", False)
            if body:
                writer.write(self._encode(h11.Data(body)))
            if not more:
                writer.write(self._encode(h11.EndOfMessage()))
            await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        while True:
            event = self._wire.next_event()
            if event is h11.NEED_DATA:
                self._wire.receive_data(await reader.read(_CHUNK_BYTES))
                self._alive()
            elif isinstance(event, h11.Response):
                self._check(event)
                await self._begin(event)
            elif isinstance(event, h11.Data):
                await self.send({"type": "http.response.body", "body": bytes(event.data), "more_body": True})
            elif isinstance(event, h11.EndOfMessage):
                await self.send({"type": "http.response.body", "body": b""})
                return
            elif not isinstance(event, h11.InformationalResponse):
                raise EOFError("it closed the connection")

    def _check(self, response: h11.Response) -> None:
        """The neighbours' process says in a header what it cannot do (`child/refusals.py`)."""
        text = next((value.decode() for name, value in response.headers if name == b"x-neve-refused"), None)
        if text is not None and response.status_code == 501:
            raise nobody(text)
        if text is not None:
            raise Unanswered(500, "InternalFailure", text)

    async def _begin(self, response: h11.Response) -> None:
        dropped = _OF_A_CONNECTION | _OF_A_SERVER
        headers = [(name, value) for name, value in response.headers if name not in dropped]
        if not any(name in (b"x-amzn-requestid", b"x-amz-request-id") for name, _ in headers):
            headers.append((b"x-amzn-requestid", self.request_id.encode()))
        self.begun = True
        await self.send({"type": "http.response.start", "status": response.status_code, "headers": headers})

    def _encode(self, event: h11.Event) -> bytes:
        return self._wire.send(event) or b""


@contextlib.asynccontextmanager
async def _connected(address: Address) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            tls = _tls() if address.tls else None
            reader, writer = await asyncio.open_connection(address.host, address.port, ssl=tls)
    except TimeoutError:
        raise unavailable(f"{address} did not take a connection within {CONNECT_SECONDS:.0f} seconds.") from None
    except OSError as error:
        raise unavailable(f"{address} cannot be reached ({error.strerror or error}).") from error
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _forward(headers: Headers) -> Headers:
    """What the neighbour may see; a body whose length nobody said goes in chunks."""
    kept = [(name, value) for name, value in headers if name not in _OF_A_CONNECTION]
    names = {name for name, _ in headers}
    if b"transfer-encoding" in names and b"content-length" not in names:
        kept.append((b"transfer-encoding", b"chunked"))
    kept.append((b"connection", b"close"))
    return kept
