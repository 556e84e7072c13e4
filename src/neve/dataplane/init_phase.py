"""The init phase of an environment, or the suppressed init inside an invocation: how long it takes and may take."""

import asyncio
import time
from collections.abc import Callable

from neve.dataplane.reporter import Reporter
from neve.dataplane.run import Run


class InitPhase:
    """One environment's. `overdue` is called when an init phase takes longer than `limit_s`; it is not over by that."""

    def __init__(self, reporter: Reporter, limit_s: float, overdue: Callable[[], None]) -> None:
        self._reporter = reporter
        self._limit_s = limit_s
        self._overdue = overdue
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._inside: Run | None = None
        self._began = 0.0
        self._runtime_told = False
        self._untold_ms: float | None = None

    def begin(self, inside: Run | None = None) -> None:
        """It begins; `inside` the invocation that has to wait for it, whose time is its limit then."""
        self._inside = inside
        self._began = time.perf_counter()
        self._runtime_told = False
        if inside is None:
            self._reporter.init_started()
            self._timer = self._loop.call_later(self._limit_s, self._overdue)

    def runtime_done(self, status: str, error_type: str | None = None) -> None:
        """The runtime's part of it is over; extensions may still be at theirs."""
        if not self._runtime_told:
            self._runtime_told = True
            self._reporter.init_runtime_done(self._phase, status, error_type, self._inside)

    def succeed(self) -> None:
        """Everything asked for its first event."""
        duration_ms = self._end("success", None)
        if self._inside is None:
            self._untold_ms = duration_ms

    def fail(self, status: str, error_type: str | None) -> None:
        """It is over: `error` or `timeout`."""
        self._end(status, error_type)

    def give_up(self) -> None:
        """Nobody wants to know any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def take_untold_ms(self) -> float | None:
        """What a successful init phase took, for the first REPORT after it; later ones get None."""
        untold_ms, self._untold_ms = self._untold_ms, None
        return untold_ms

    def _end(self, status: str, error_type: str | None) -> float:
        self.give_up()
        self.runtime_done(status, error_type)
        duration_ms = (time.perf_counter() - self._began) * 1000.0
        self._reporter.init_ended(self._phase, status, error_type, duration_ms, self._inside)
        return duration_ms

    @property
    def _phase(self) -> str:
        """A suppressed init is part of an invocation."""
        return "init" if self._inside is None else "invoke"
