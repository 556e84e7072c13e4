"""Who subscribed to an environment's telemetry, and the way of records to them.

Subscribers hear of the whole init phase, also of what came before they subscribed: until it is over, records are kept.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from neve.clock import Clock
from neve.dataplane.runtime_api.outbox import OnDropped, Outbox
from neve.dataplane.runtime_api.post import HttpWire, TcpWire, Wire
from neve.dataplane.runtime_api.subscription import Api, Subscription
from neve.dataplane.runtime_api.telemetry_event import render_event_for
from neve.domain.record import Record

_KEPT_RECORDS = 1_000
_KEPT_CHARACTERS = 1_048_576


class Subscriptions:
    """One environment's subscribers. It is given every record of the environment, from the first one on, until it calls
    `detach`; `address` is where they listen."""

    def __init__(
        self, clock: Clock, address: str, on_dropped: OnDropped, detach: Callable[["Subscriptions"], None]
    ) -> None:
        self._clock = clock
        self._address = address
        self._on_dropped = on_dropped
        self._detach = detach
        self._outboxes: dict[str, tuple[Subscription, Outbox]] = {}
        self._replaced: set[asyncio.Task[None]] = set()
        self._kept: deque[Record] | None = deque()
        self._kept_characters = 0

    def take(self, record: Record) -> None:
        """Pass a record on to who wants it."""
        if self._kept is not None:
            self._keep(self._kept, record)
        for subscription, outbox in self._outboxes.values():
            _put(record, subscription, outbox)

    def add(self, identifier: str, subscription: Subscription) -> None:
        """Subscribe an extension; its earlier subscription, if any, is replaced, and the init phase told from its start."""
        before = self._outboxes.pop(identifier, None)
        if before is not None:
            self._stop_replaced(before[1])
        outbox = Outbox(subscription, self._wire(subscription), self._clock, self._on_dropped)
        self._outboxes[identifier] = (subscription, outbox)
        for record in self._kept or ():
            _put(record, subscription, outbox)

    def api_of(self, identifier: str) -> Api | None:
        """By which of the two the extension has subscribed."""
        known = self._outboxes.get(identifier)
        return known[0].api if known is not None else None

    def close(self) -> None:
        """The init phase is over: nobody subscribes any more. Where nobody has, no record is looked at again."""
        self._kept = None
        if not self._outboxes:
            self._detach(self)

    def pause(self) -> None:
        """The environment is about to freeze."""
        for _, outbox in self._outboxes.values():
            outbox.pause()

    def resume(self) -> None:
        """It was thawed."""
        for _, outbox in self._outboxes.values():
            outbox.resume()

    async def flush(self, limit_s: float) -> None:
        """Deliver what is buffered, for at most so long: before the environment is shut down."""
        outboxes = [outbox for _, outbox in self._outboxes.values()]
        for outbox in outboxes:
            outbox.flush()
        waits = [asyncio.create_task(outbox.wait_delivered(), name="telemetry flush") for outbox in outboxes]
        if waits:
            _, late = await asyncio.wait(waits, timeout=limit_s)
            for wait in late:
                wait.cancel()

    async def stop(self) -> None:
        """Deliver nothing more."""
        self._kept = None
        self._detach(self)
        outboxes, self._outboxes = self._outboxes, {}
        await asyncio.gather(*(outbox.stop() for _, outbox in outboxes.values()), *self._replaced)

    def _wire(self, subscription: Subscription) -> Wire:
        if subscription.path is None:
            return TcpWire(self._address, subscription.port)
        return HttpWire(self._address, subscription.port, subscription.path)

    def _keep(self, kept: deque[Record], record: Record) -> None:
        """A talkative init loses its beginning."""
        kept.append(record)
        self._kept_characters += _characters(record)
        while len(kept) > _KEPT_RECORDS or self._kept_characters > _KEPT_CHARACTERS:
            self._kept_characters -= _characters(kept.popleft())

    def _stop_replaced(self, outbox: Outbox) -> None:
        task = asyncio.get_running_loop().create_task(outbox.stop(), name="telemetry replaced")
        self._replaced.add(task)
        task.add_done_callback(self._replaced.discard)


class Feed:
    """The one subscriber of the record stream for all environments: each gets its own records and no more work than that."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_environment: dict[str, Subscriptions] = {}

    def attach(self, environment_id: str, address: str, on_dropped: OnDropped) -> Subscriptions:
        """Those of one start of an environment's processes, instead of an earlier start's; they end with their `stop`."""

        def detach(subscriptions: Subscriptions) -> None:
            if self._by_environment.get(environment_id) is subscriptions:
                del self._by_environment[environment_id]

        made = self._by_environment[environment_id] = Subscriptions(self._clock, address, on_dropped, detach)
        return made

    def __call__(self, record: Record, line: str | None) -> None:
        """The subscriber."""
        subscriptions = self._by_environment.get(record.origin.environment_id)
        if subscriptions is not None:
            subscriptions.take(record)


def _characters(record: Record) -> int:
    return len(record.record.get("text") or "")


def _put(record: Record, subscription: Subscription, outbox: Outbox) -> None:
    event = render_event_for(record, subscription)
    if event is not None:
        outbox.put(event)
