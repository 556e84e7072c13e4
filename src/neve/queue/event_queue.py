"""The event queue: accepts events, runs them in the lanes of their functions, delivers what is to be told of them.

Start: `start` lets everything that is on disk run, whatever a Neve of before had leased. Stop: `close` begins nothing more;
what the functions still answer while the data plane lets them is settled (`wait_ended`), the rest waits for the next start.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from neve import log
from neve.clock import Clock
from neve.dataplane.stream import Stream
from neve.domain.errors import OperatorError, PlatformError, StorageUnavailable
from neve.domain.event import QueuedEvent
from neve.domain.window import Window
from neve.domain.world import World
from neve.queue.deliver import Courier
from neve.queue.lane import Lanes, Pacing
from neve.queue.persist import Persist
from neve.queue.room import Room
from neve.queue.settle import Settlement
from neve.queue.target import Targets
from neve.queue.tell import Teller
from neve.queue.worker import Callables, Key, Worker
from neve.settings import Settings
from neve.storage.store import DroppedEvent, EventOverview, EventStore, LeasedDelivery, LeasedEvent

SENDING = 16
"""Messages that are sent at once, over all targets: as many as there are threads for it (`targets/clients.py`)."""
SENDING_TO_ONE = 8
CLEANUP_SECONDS = 600.0
LAST_SECONDS = 5.0
"""How long what is being sent or written may still take at the end."""


class EventQueue:
    """The durable queue of asynchronous invocations."""

    def __init__(
        self,
        store: EventStore,
        clock: Clock,
        stream: Stream,
        targets: Targets,
        callables: Callables,
        settings: Settings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._tell = Teller(stream, clock)
        self._persist = Persist()
        self._rooms: dict[World, Room] = {}
        courier = Courier(store.deliveries, clock, targets, self._tell, self._persist)
        sending = Room(SENDING)
        self._outbox: Lanes[str, LeasedDelivery] = Lanes(
            courier, lambda target: Pacing(sending, Window(SENDING_TO_ONE)), clock
        )
        settlement = Settlement(store, clock, self._tell, self._persist, self._outbox.arrive)
        self._worker = Worker(
            store, clock, callables, settlement, self._tell, self._persist, settings.retry_base_seconds
        )
        self._lanes: Lanes[Key, LeasedEvent] = Lanes(self._worker, self._pacing, clock)
        self._closing = False

    # In

    async def accept(self, event: QueuedEvent) -> None:
        """Returns once the event is on disk; StorageUnavailable when it is not. The function need not have room."""
        if self._closing:
            raise PlatformError("Neve is stopping and takes no new events.")
        await self._store.accept(event)
        self._tell.queued(event)
        self._lanes.arrive((event.world, event.function_name))

    # From start to stop

    async def start(self) -> None:
        """Run and deliver what waits. Everything that runs events must be ready. OperatorError when it cannot be read."""
        try:
            targets, keys = await self._store.deliveries.busy_targets(), await self._store.busy_lanes()
        except StorageUnavailable as error:
            raise OperatorError(
                f"the events cannot be read ({error.message}); restore events.sqlite in the data directory from a backup, "
                "or move it away to start without the events in it"
            ) from error
        for target in targets:
            self._outbox.arrive(target)
        for key in keys:
            self._lanes.arrive(key)

    async def keep_clean(self) -> None:
        """For ever: forget what has been remembered long enough."""
        while True:
            before_ms = self._clock.now_ms() - self._settings.event_retention_seconds * 1000.0
            try:
                await self._store.forget_dropped(before_ms)
            except StorageUnavailable as error:
                log.warn("queue.cleanup", error=error.message)
            await self._clock.sleep(CLEANUP_SECONDS)

    def close(self) -> None:
        """Begin no more. To be called before the data plane closes."""
        self._closing = True
        self._worker.stop()
        self._lanes.close()
        self._outbox.close()

    async def wait_ended(self) -> None:
        """Until what ran is settled; after the data plane has given its last answer. Bounded."""
        self._persist.stop()
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._lanes.wait_ended()
                await self._outbox.wait_ended()
        except TimeoutError:
            log.warn("queue.stop", reason="messages were still being sent; they are sent again after the next start")

    # By hand

    async def overview(self, world: World | None = None, function_name: str | None = None) -> Sequence[EventOverview]:
        """Every function that has or had events, by account, region and name; of one world or one function if given."""
        found = await self._store.overviews(self._clock.now_ms(), world, function_name)
        return [self._with_running(each) for each in found]

    async def dropped(self, world: World, function_name: str, limit: int) -> Sequence[DroppedEvent]:
        """The last events of a function that failed for good, the newest first."""
        return await self._store.dropped(world, function_name, limit)

    async def retry_now(self, world: World, function_name: str, request_id: str | None = None) -> int:
        """Run what waits for a later time now (one event if given); how many were moved."""
        moved = await self._store.retry_now(world, function_name, self._clock.now_ms(), request_id)
        self._lanes.arrive((world, function_name))
        return moved

    async def purge(self, world: World, function_name: str, request_id: str | None = None) -> int:
        """Forget what waits, without running it and without telling anybody; what is running goes on. How many."""
        with self._lanes.held((world, function_name)):
            return await self._store.purge(world, function_name, request_id)

    # Within

    def _with_running(self, overview: EventOverview) -> EventOverview:
        """What a lane has leased ahead does not run yet."""
        running = self._lanes.running((overview.world, overview.function_name))
        return replace(overview, running=running, waiting=overview.waiting + max(0, overview.running - running))

    def _pacing(self, key: Key) -> Pacing:
        world, _ = key
        room = self._rooms.setdefault(world, Room(self._settings.concurrency))
        return Pacing(room, Window(self._settings.event_concurrency))
