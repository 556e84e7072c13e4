"""Events on their way to one subscriber: collected, delivered in batches, best effort.

What holds: one delivery at a time; bounded memory, and what does not fit is counted and told as platform.logsDropped; an
attempt is repeated a few times, then its batch is dropped; nothing here keeps an environment from freezing, and while it
is frozen nothing new is sent and no time counts against a delivery that it froze in. Events that are buffered when an
environment freezes go out after the thaw, as on the service, where platform.report comes with the next invocation.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping

from neve import log
from neve.clock import Clock, Timer
from neve.dataplane.runtime_api.post import Undelivered, Wire
from neve.dataplane.runtime_api.subscription import Subscription
from neve.dataplane.runtime_api.telemetry_event import render_event
from neve.domain.record import LOGS_DROPPED

HELD_BATCHES = 4
ATTEMPTS = 3
ATTEMPT_S = 5.0
_FIRST_PAUSE_S = 0.1
_REASON = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."

OnDropped = Callable[[Mapping[str, object]], None]


class Outbox:
    """One subscriber's. Events wait for others on Neve's clock; what the network takes is real time.

    `on_dropped` gets the record of a platform.logsDropped when it is told, or cannot be told any more.
    """

    def __init__(self, subscription: Subscription, wire: Wire, clock: Clock, on_dropped: OnDropped) -> None:
        self._subscription = subscription
        self._wire = wire
        self._clock = clock
        self._on_dropped = on_dropped
        self._loop = asyncio.get_running_loop()
        self._events: deque[bytes] = deque()
        self._bytes = 0
        self._due = 0  # how many of the events shall go without waiting for more
        self._dropped_events = 0
        self._dropped_bytes = 0
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None
        self._going = asyncio.Event()
        self._going.set()
        self._stopped = False

    def put(self, event: bytes) -> None:
        """Take an event, or count it as dropped when the subscriber is too far behind."""
        if self._stopped:
            return
        held = self._subscription
        if len(self._events) >= HELD_BATCHES * held.max_items or self._bytes > HELD_BATCHES * held.max_bytes:
            self._drop([event])
            return
        self._events.append(event)
        self._bytes += len(event)
        if len(self._events) >= held.max_items or self._bytes >= held.max_bytes:
            self.flush()
        elif self._timer is None:
            self._timer = self._clock.call_later(held.timeout_ms / 1000.0, self.flush)

    def flush(self) -> None:
        """What is here goes out now, or as soon as the delivery before it is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = len(self._events)
        self._work()

    def pause(self) -> None:
        """The subscriber is frozen: begin nothing, and hold the time of what is on its way."""
        self._going.clear()
        self._limit_to(None)

    def resume(self) -> None:
        """It was thawed."""
        self._going.set()
        self._limit_to(self._loop.time() + ATTEMPT_S)
        self._work()

    async def wait_delivered(self) -> None:
        """Until nothing that was due is left; give it a time limit."""
        while self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self) -> None:
        """Deliver nothing more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._wire.close()
        self._drop(self._events)
        self._dropped_event()

    def _work(self) -> None:
        if self._task is None and self._due and self._going.is_set() and not self._stopped:
            self._task = self._loop.create_task(self._deliver_due(), name="telemetry")
            self._task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.failure("telemetry.deliver", error)
            self._due = 0
        self._work()

    async def _deliver_due(self) -> None:
        while self._due and self._going.is_set():
            batch = self._take()
            if not await self._delivered(batch):
                self._drop(batch)

    def _take(self) -> list[bytes]:
        """A batch within the subscriber's limits; at least one event, whatever its size."""
        batch = self._dropped_event()
        size = sum(map(len, batch))
        while self._due and len(batch) < self._subscription.max_items:
            size += len(self._events[0])
            if batch and size > self._subscription.max_bytes:
                break
            event = self._events.popleft()
            self._bytes -= len(event)
            self._due -= 1
            batch.append(event)
        return batch

    async def _delivered(self, batch: list[bytes]) -> bool:
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(_FIRST_PAUSE_S * 2 ** (attempt - 1))
            await self._going.wait()
            try:
                async with asyncio.timeout(ATTEMPT_S) as self._limit:
                    await self._wire.send(batch)
                return True
            except (Undelivered, TimeoutError):
                continue
            finally:
                self._limit = None
        return False

    def _limit_to(self, when: float | None) -> None:
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(when)

    def _drop(self, batch: Collection[bytes]) -> None:
        self._dropped_events += len(batch)
        self._dropped_bytes += sum(map(len, batch))

    def _dropped_event(self) -> list[bytes]:
        """platform.logsDropped, for every subscriber whatever its types: it is the one who lost them."""
        if not self._dropped_events:
            return []
        told = {"reason": _REASON, "droppedRecords": self._dropped_events, "droppedBytes": self._dropped_bytes}
        self._dropped_events = self._dropped_bytes = 0
        self._on_dropped(told)
        return [render_event(self._clock.now_ms(), LOGS_DROPPED, told)]
