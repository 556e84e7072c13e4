"""Time as a thing we own (design D11): now, sleep and timers for everything on our side.

A virtual clock runs beside the real one and can be moved ahead; whatever waits on it wakes when its time comes. The
user's functions keep the real clock, so their timeouts do not go through here.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_Timer = tuple[float, int, "Timer"]


@dataclass(slots=True)
class Timer:
    """A callback that was planned. `cancel()` is allowed at any time."""

    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """Forget the callback; harmless when it already ran."""
        self.cancelled = True


@dataclass
class Clock:
    """Seconds since the epoch, moved ahead by `advance`. One per process, used on its event loop only."""

    virtual: bool = False
    offset_s: float = 0.0
    _timers: list[_Timer] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)
    _wake: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.offset_s

    def now_ms(self) -> float:
        """Milliseconds since the epoch, with a fraction."""
        return self.now() * 1000.0

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` on the event loop when `seconds` of this clock have passed."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.now() + seconds, next(self._order), timer))
        self._plan()
        return timer

    async def sleep(self, seconds: float) -> None:
        """Wait until `seconds` of this clock have passed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: None if done.done() else done.set_result(None))
        try:
            await done
        finally:
            timer.cancel()

    def advance(self, seconds: float) -> None:
        """Move a virtual clock ahead; timers that fall due run in their order. ValueError for a real clock or a step back."""
        if not self.virtual:
            raise ValueError("this clock is real; start Neve with --virtual-clock to move it")
        if seconds < 0:
            raise ValueError("a clock only moves ahead")
        self.offset_s += seconds
        self._run_due()

    def _run_due(self) -> None:
        self._wake = None
        while self._timers and self._timers[0][0] <= self.now():
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                timer.callback()
        self._plan()

    def _plan(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        if self._timers:
            delay = max(0.0, self._timers[0][0] - self.now())
            self._wake = asyncio.get_running_loop().call_later(delay, self._run_due)
