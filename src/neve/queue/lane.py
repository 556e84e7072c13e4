"""A lane: what waits for one function, or for one target. Each is worked off by itself, so that none delays another.

A lane exists while something of it waits or runs. It leases a little ahead of what it may run, never more: however much
waits, memory holds a few.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from neve import log
from neve.clock import Clock, Timer
from neve.domain.errors import StorageUnavailable
from neve.domain.window import Window
from neve.queue.room import Room
from neve.storage.store import Leases

K = TypeVar("K")
K_contra = TypeVar("K_contra", contravariant=True)
T = TypeVar("T")

AHEAD = 32
AHEAD_BYTES = 65_536
"""What is leased before it may run, about; one always, whatever its size."""
UNSETTLED = 64
"""What has answered and is not on disk yet, at most: the next may begin before that, so that environments stay awake."""
PAUSE_S = 1.0
"""How long a lane rests that was throttled while nothing of its own ran: its first setback is as long."""
PATIENCE_S = 1.0
"""How long a lane is full without an answer until more may run at once."""
DISK_PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""How long after the storage failed it is tried again, by the real clock: a disk knows no other."""


class Pace(Enum):
    """What one piece of work says about how fast the lane may go on."""

    ANSWERED = "answered"
    THROTTLED = "throttled"
    NOTHING = "nothing"  # it never began, or was refused for a reason of its own


Answered = Callable[[Pace, float], None]
"""To be called as soon as the next may begin: how it went, and how many seconds it took. Once; at the end otherwise."""


class Work(Protocol[K_contra, T]):
    """What is done with what waits."""

    async def lease(self, key: K_contra, limit: int, limit_bytes: int) -> Leases[T]:
        """As `storage/store.py` says."""

    def give_back(self, item: T) -> None:
        """It was not done."""

    async def do(self, item: T, answered: Answered) -> float | None:
        """Do one to its end and say so on disk; the lease has ended then. When it is due again (UTC ms), None if it is not.

        Whatever is raised, the lease is given back.
        """


@dataclass(frozen=True)
class Pacing:
    """How fast a lane may go: the places that it shares with others, and a window of its own."""

    room: Room
    window: Window


class Lane(Generic[K, T]):
    """One lane. `ended` is called when nothing of it waits or runs any more."""

    def __init__(
        self, key: K, work: Work[K, T], pacing: Pacing, clock: Clock, ended: Callable[["Lane[K, T]"], None]
    ) -> None:
        self.key = key
        self._work = work
        self._room = pacing.room
        self._window = pacing.window
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._ready: deque[T] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._turned_s = 0.0  # when one began or answered last
        self._news = asyncio.Event()
        self._arrived = True
        self._invited = False
        self._stopped = asyncio.Event()
        self._held = 0
        self._failures = 0
        self._few = 0
        self._filling: asyncio.Task[None] | None = None
        self._next_due_ms: float | None = None
        self._due: Timer | None = None
        self._pause: Timer | None = None
        self._task = asyncio.create_task(self._work_off(ended), name=f"lane {key}")

    @property
    def running(self) -> int:
        """How much of it runs."""
        return self._running

    def arrive(self) -> None:
        """Something new is there, or is due earlier than it was."""
        self._arrived = True
        self._news.set()

    def invite(self) -> None:
        """There may be room."""
        self._invited = True
        self._news.set()

    def close(self) -> None:
        """Begin no more."""
        self._stopped.set()
        self._news.set()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """For the time of a `with`, nothing is leased but what runs."""
        self._held += 1
        self._give_back_ready()
        try:
            yield
        finally:
            self._held -= 1
            self.arrive()

    async def wait_ended(self) -> None:
        """Until nothing of it runs. Only after `close`."""
        await asyncio.gather(self._task, return_exceptions=True)

    # The loop

    async def _work_off(self, ended: Callable[["Lane[K, T]"], None]) -> None:
        try:
            while not self._stopped.is_set():
                self._news.clear()
                if self._wants_more():
                    self._filling = asyncio.create_task(self._fill(), name=f"lease {self.key}")
                self._begin_some()
                if self._is_over():
                    return
                await self._wait()
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for task in (*self._tasks, *((self._filling,) if self._filling else ())):
                task.cancel()
            self._leave()
            ended(self)

    async def _fill(self) -> None:
        """Lease while the rest runs: nothing is to wait for the disk."""
        self._arrived = False
        self._plan(None)  # what is put off while the disk is read may be missing in what was read
        free = max(0, self._window.size - self._running)
        try:
            leases = await self._work.lease(self.key, AHEAD + free, AHEAD_BYTES)
        except Exception as error:  # noqa: BLE001 - the edge of the loop: what waits is not forgotten
            self._arrived = True
            await self._rest_after(error)
        else:
            self._failures = 0
            self._few = min(AHEAD, len(leases.items)) // 2
            self._ready.extend(leases.items)
            self._plan_sooner(leases.next_due_ms)
            if self._held or self._stopped.is_set():
                self._give_back_ready()
        finally:
            self._filling = None
            self._news.set()

    async def _rest_after(self, error: Exception) -> None:
        if isinstance(error, StorageUnavailable):
            log.warn("queue.lease", lane=str(self.key), error=error.message)
        else:
            log.failure("queue.lease", error, lane=str(self.key))
        pause_s = DISK_PAUSES_S[min(self._failures, len(DISK_PAUSES_S) - 1)]
        self._failures += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopped.wait()

    def _wants_more(self) -> bool:
        """Before nothing is ready any more; what is large comes one by one."""
        idle = self._filling is None and self._pause is None and not self._held
        return idle and len(self._ready) <= self._few and self._may_be_due()

    def _may_be_due(self) -> bool:
        return self._arrived or (self._next_due_ms is not None and self._next_due_ms <= self._clock.now_ms())

    def _has_window(self) -> bool:
        return (
            self._pause is None
            and self._running < self._window.size
            and len(self._tasks) < self._window.size + UNSETTLED
        )

    def _begin_some(self) -> None:
        while self._ready and not self._stopped.is_set() and self._has_window() and self._room.take(self):
            self._invited = False
            self._turned_s = self._loop.time()
            self._running += 1
            task = asyncio.create_task(self._do(self._ready.popleft()))
            self._tasks.add(task)
        if self._invited:
            self._invited = False
            self._room.pass_on()

    def _is_over(self) -> bool:
        return not (self._ready or self._tasks or self._filling or self._arrived or self._next_due_ms is not None)

    async def _wait(self) -> None:
        """Until something happens. To be full for long is something, too, whatever arrives meanwhile."""
        if not self._ready or self._running < self._window.size:
            await self._news.wait()
            return
        patience_s = self._turned_s + PATIENCE_S - self._loop.time()
        try:
            async with asyncio.timeout(patience_s):
                await self._news.wait()
        except TimeoutError:
            self._turned_s = self._loop.time()
            self._window.waited(self._turned_s)

    def _plan(self, due_ms: float | None) -> None:
        self._next_due_ms = due_ms
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if due_ms is not None and due_ms > self._clock.now_ms():
            self._due = self._clock.call_later((due_ms - self._clock.now_ms()) / 1000.0, self.arrive)

    def _plan_sooner(self, due_ms: float | None) -> None:
        if due_ms is not None and (self._next_due_ms is None or due_ms < self._next_due_ms):
            self._plan(due_ms)

    def _leave(self) -> None:
        self._plan(None)
        if self._pause is not None:
            self._pause.cancel()
        self._room.leave(self)
        self._give_back_ready()

    def _give_back_ready(self) -> None:
        while self._ready:
            self._work.give_back(self._ready.popleft())

    # One piece of work

    async def _do(self, item: T) -> None:
        was_full = self._running >= self._window.size
        has_answered = False

        def answered(pace: Pace, seconds: float) -> None:
            nonlocal has_answered
            if not has_answered:
                has_answered = True
                self._turned_s = self._loop.time()
                self._running -= 1
                self._room.give_back()
                self._go_on(pace, seconds, was_full)

        try:
            self._plan_sooner(await self._work.do(item, answered))
        except asyncio.CancelledError:
            self._work.give_back(item)
            raise
        except Exception as error:  # noqa: BLE001 - the edge of the loop: the lane goes on, and what failed waits again
            log.failure("queue.work", error, lane=str(self.key))
            self._work.give_back(item)
            self._arrived = True
            self._rest()
        finally:
            answered(Pace.NOTHING, 0.0)
            task = asyncio.current_task()
            assert task is not None
            self._tasks.discard(task)
            self._news.set()

    def _go_on(self, pace: Pace, seconds: float, was_full: bool) -> None:
        if pace is Pace.ANSWERED:
            self._window.answered(seconds, was_full, self._loop.time())
        elif pace is Pace.THROTTLED:
            self._window.throttled(self._running, self._loop.time())
            if not self._running:
                self._rest()
        self._news.set()

    def _rest(self) -> None:
        if self._pause is None:
            self._pause = self._clock.call_later(PAUSE_S, self._end_pause)

    def _end_pause(self) -> None:
        self._pause = None
        self._news.set()


class Lanes(Generic[K, T]):
    """The lanes in which something waits or runs."""

    def __init__(self, work: Work[K, T], pacing: Callable[[K], Pacing], clock: Clock) -> None:
        self._work = work
        self._pacing = pacing
        self._clock = clock
        self._lanes: dict[K, Lane[K, T]] = {}
        self._closing = False

    def __iter__(self) -> Iterator[Lane[K, T]]:
        return iter(list(self._lanes.values()))

    def running(self, key: K) -> int:
        """How much runs of a lane."""
        lane = self._lanes.get(key)
        return 0 if lane is None else lane.running

    def arrive(self, key: K) -> None:
        """Something waits there."""
        lane = self._lanes.get(key)
        if lane is not None:
            lane.arrive()
        elif not self._closing:
            self._lanes[key] = Lane(key, self._work, self._pacing(key), self._clock, self._end)

    def held(self, key: K) -> AbstractContextManager[None]:
        """For the time of a `with`, nothing of the lane is leased but what runs."""
        lane = self._lanes.get(key)
        return contextlib.nullcontext() if lane is None else lane.held()

    def close(self) -> None:
        """Begin no more."""
        self._closing = True
        for lane in self:
            lane.close()

    async def wait_ended(self) -> None:
        """Until nothing runs. Only after `close`."""
        await asyncio.gather(*(lane.wait_ended() for lane in self))

    def _end(self, lane: Lane[K, T]) -> None:
        del self._lanes[lane.key]
