"""One invocation on its way through an environment: what its caller waits for, and what is measured of it."""

import asyncio
from collections.abc import Callable

import msgspec

from neve.dataplane.response_stream import ResponseStream
from neve.domain.invocation import Invocation, InvocationResult


class Run(msgspec.Struct, eq=False):
    """`result` is set as soon as the caller may have it; `on_finish` runs once the environment is done with it.

    Times are of the monotonic clock: `started` when the event (or its suppressed init) begins, `sent` when the runtime gets it,
    `answering` and `answered` when its response begins and is whole, `done` when the runtime has asked for the next event.
    `segment_id` is X-Ray's, when the function is actively traced and this run is sampled. What a runtime streams goes to
    `stream`, or is collected in `streamed` when the caller wants it in one piece.
    """

    invocation: Invocation
    result: asyncio.Future[InvocationResult]
    on_finish: Callable[[], None]
    started: float = 0.0
    sent: float = 0.0
    answering: float | None = None
    answered: float | None = None
    done: float | None = None
    answer: InvocationResult | None = None
    told_start: bool = False
    segment_id: str | None = None
    stream: ResponseStream | None = None
    streamed: bytearray = msgspec.field(default_factory=bytearray)
    produced_bytes: int = 0

    @property
    def request_id(self) -> str:
        """The invocation's id."""
        return self.invocation.request_id

    def resolve(self, result: InvocationResult) -> None:
        """Give the caller its result; a caller that has gone away wants none."""
        if not self.result.done():
            self.result.set_result(result)

    def refuse(self, error: Exception) -> None:
        """Give the caller an error of the platform."""
        if not self.result.done():
            self.result.set_exception(error)
