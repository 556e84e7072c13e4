"""Asks the runtime client, shortly before an invocation's time is over, what it waits for (`docs/frames.md`, DIAGNOSE).

Who does not answer has a blocked event loop. A function that was blocked before has a thread beside it that looks where: it
needs to know whether the loop turns, so such a function is asked once more, before its thread looks. Invocations that end in
time are hardly ever asked.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from neve.dataplane.leak_levels import is_watched, watchdog_s

BEFORE_S = 0.4
"""Enough for an answer of a function with little CPU."""
_BEFORE_WATCHDOG_S = 0.15


class Question:
    """That of one environment; `ask(request_id)` sends it if it can."""

    def __init__(self, ask: Callable[[str], bool]) -> None:
        self._possible = False  # whether the runtime client understands it
        self._early_s: float | None = None  # when its thread looks, before the end
        self._ask = ask
        self._loop = asyncio.get_running_loop()
        self._timers: list[asyncio.TimerHandle] = []
        self._about: str | None = None
        self._running: str | None = None
        self._answer: Mapping[str, Any] | None = None

    def prepare(self, environment: Mapping[str, str]) -> None:
        """The variables of the runtime that will be asked."""
        self._possible, self._early_s = is_watched(environment), watchdog_s(environment)

    def put_before(self, left_s: float, request_id: str) -> None:
        """The invocation has begun and has so much time."""
        self.withdraw()
        self._running = request_id
        if not self._possible:
            return
        moments = {BEFORE_S} if self._early_s is None else {BEFORE_S, self._early_s + _BEFORE_WATCHDOG_S}
        for before_s in moments:
            self._timers.append(self._loop.call_later(max(0.0, left_s - before_s), self._put, request_id))

    def withdraw(self) -> None:
        """The invocation is over."""
        self._running = self._about = self._answer = None
        while self._timers:
            self._timers.pop().cancel()

    def heard(self, header: Mapping[str, Any]) -> None:
        """The client says something, maybe unasked: the last word counts."""
        if self._running is not None and header.get("id") == self._running:
            self._answer = header

    @property
    def asked(self) -> bool:
        """Whether it was put and the invocation is not over."""
        return self._about is not None

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """What the client said after it was asked last; None: nothing."""
        return self._answer

    def _put(self, request_id: str) -> None:
        if self._about is not None and self._answer is not None and not self._answer.get("blocked"):
            self._answer = None  # the loop turned then; does it now?
        self._about = request_id if self._ask(request_id) else None
