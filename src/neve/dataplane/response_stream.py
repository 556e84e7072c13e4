"""A streamed response between the environment that writes it and the caller who reads it.

Little of it is kept: when the caller is slow, the runtime is not read any further, and whoever writes there has to wait. A
caller that goes away does not end the invocation: the rest is thrown away as it comes.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from neve.domain.invocation import InvocationResult
from neve.domain.limits import STREAM_BURST_BYTES, STREAM_BYTES_PER_S

HIGH_BYTES = 262_144
LOW_BYTES = 65_536
_OCTETS = "application/octet-stream"


class Pace:
    """The service's bandwidth of one stream: a burst, then so much a second. Source: runtime-api facts §1."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._room = float(STREAM_BURST_BYTES)
        self._at = now()

    def delay_s(self, size: int) -> float:
        """Take so many bytes; how long they have to wait."""
        now = self._now()
        self._room = min(STREAM_BURST_BYTES, self._room + (now - self._at) * STREAM_BYTES_PER_S) - size
        self._at = now
        return max(0.0, -self._room / STREAM_BYTES_PER_S)


class ResponseStream:
    """One invocation's response. All methods belong to the event loop's thread."""

    def __init__(self, result: "asyncio.Future[InvocationResult]", pace: Pace | None = None) -> None:
        self.content_type = _OCTETS
        self._result = result
        self._pace = pace
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._begun = False
        self._unwanted = False
        self._held = False
        self._hold: Callable[[bool], None] | None = None
        self._news = asyncio.Event()
        result.add_done_callback(self._ended)

    @property
    def begun(self) -> bool:
        """Whether the function streams its response, and has begun to."""
        return self._begun

    @property
    def held(self) -> bool:
        """Whether the runtime waits for the caller."""
        return self._held

    # What the environment says

    def begin(self, content_type: str, hold: Callable[[bool], None]) -> None:
        """The response begins; `hold` stops (True) and continues reading from the runtime."""
        self.content_type = content_type
        self._begun = True
        self._hold = hold
        self._news.set()

    def put(self, chunk: bytes) -> None:
        """More of it."""
        if self._unwanted or not chunk:
            return
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._news.set()
        if self._size >= HIGH_BYTES:
            self._set_held(True)

    def let_go(self) -> None:
        """No more of it will come: the runtime must not wait for this caller any longer."""
        self._set_held(False)
        self._hold = None

    # What the caller asks for

    async def wait_begun(self) -> None:
        """Until there is something of it, or a result. Raises what a buffered caller would get raised."""
        while not (self._begun or self._result.done()):
            await self._wait_news()
        if not self._begun:
            self._result.result()

    async def read(self) -> bytes | None:
        """The next chunk, as the function wrote it; None at the end, when `result` can tell how it ended."""
        while not self._chunks:
            if self._result.done():
                return None
            await self._wait_news()
        chunk = self._chunks.popleft()
        self._size -= len(chunk)
        if self._size <= LOW_BYTES:
            self._set_held(False)
        if self._pace is not None and (delay_s := self._pace.delay_s(len(chunk))) > 0:
            await asyncio.sleep(delay_s)
        return chunk

    def result(self) -> InvocationResult:
        """How it ended; its payload is what was not streamed: all of a buffered answer, or an error."""
        return self._result.result()

    def abandon(self) -> None:
        """Nobody reads any more."""
        self._unwanted = True
        self._chunks.clear()
        self._size = 0
        self._set_held(False)

    def _ended(self, result: "asyncio.Future[InvocationResult]") -> None:
        if not result.cancelled():
            result.exception()  # the caller may be gone: then nobody is left to be told
        self._news.set()

    async def _wait_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _set_held(self, held: bool) -> None:
        if held != self._held and self._hold is not None:
            self._held = held
            self._hold(held)
