"""Asks the runtime client, shortly before an invocation's time is over, what it waits for (`docs/frames.md`, DIAGNOSE).

Who does not answer has a blocked event loop. A function that was blocked before has a thread beside it that looks where: it
needs to know whether the loop turns, so such a function is asked once more, before its thread looks. Invocations that end in
time are hardly ever asked.
"""

from collections.abc import Callable, Mapping
from typing import Any

from neve.dataplane.alarm import Alarm
from neve.dataplane.leak_levels import is_watched, watchdog_s

BEFORE_S = 0.4
"""Enough for an answer of a function with little CPU."""
_BEFORE_WATCHDOG_S = 0.15


class Question:
    """That of one environment; `ask(request_id)` sends it if it can."""

    def __init__(self, ask: Callable[[str], bool]) -> None:
        self._ask = ask
        self._alarms: list[tuple[float, Alarm]] = []  # each with how long before the end
        self._about: str | None = None
        self._running: str | None = None
        self._answer: Mapping[str, Any] | None = None

    def prepare(self, environment: Mapping[str, str]) -> None:
        """The variables of the runtime that will be asked."""
        self.close()
        if is_watched(environment):
            early_s = watchdog_s(environment)
            moments = {BEFORE_S} if early_s is None else {BEFORE_S, early_s + _BEFORE_WATCHDOG_S}
            self._alarms = [(before_s, Alarm(self._put)) for before_s in moments]

    def put_before(self, left_s: float, request_id: str) -> None:
        """The invocation has begun and has so much time."""
        self.withdraw()
        self._running = request_id
        for before_s, alarm in self._alarms:
            alarm.set(max(0.0, left_s - before_s))

    def withdraw(self) -> None:
        """The invocation is over."""
        self._running = self._about = self._answer = None
        for _, alarm in self._alarms:
            alarm.stop()

    def close(self) -> None:
        """Nobody is asked any more."""
        for _, alarm in self._alarms:
            alarm.close()
        self._alarms = []

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

    def _put(self) -> None:
        assert self._running is not None, "withdrawn, its alarms are stopped"
        if self._about is not None and self._answer is not None and not self._answer.get("blocked"):
            self._answer = None  # the loop turned then; does it now?
        self._about = self._running if self._ask(self._running) else None
