"""A timer that every invocation sets and hardly any lets ring: the loop's own one stays, and looks what is due when it goes off.

To make and to cancel one of the loop's costs 2 µs, and an invocation has two.
"""

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls `ring` once, so many seconds after it was set last, unless it was stopped."""

    __slots__ = ("_due", "_look_at", "_loop", "_ring", "_timer")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._look_at = 0.0

    def set(self, seconds: float) -> None:
        """From now on; what was set before is forgotten."""
        now = self._loop.time()
        self._due = now + seconds
        if self._timer is not None and self._look_at > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._look_in(seconds, now)

    def stop(self) -> None:
        """It does not ring."""
        self._due = None

    def close(self) -> None:
        """It does not ring, and nothing is left of it on the loop."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_in(self, seconds: float, now: float) -> None:
        self._look_at = now + seconds
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        now = self._loop.time()
        if self._due > now:
            self._look_in(self._due - now, now)
        else:
            self._due = None
            self._ring()
