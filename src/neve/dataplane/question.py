"""Asks the runtime client, shortly before an invocation's time is over, what it waits for (`docs/frames.md`, DIAGNOSE).

Who does not answer has a blocked event loop, or a thread of the client tells where it is. Invocations that end in time are
never asked.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

BEFORE_S = 0.4
"""Enough for an answer of a function with little CPU, and for a thread that looks where the loop is blocked."""


class Question:
    """That of one environment; `ask(request_id)` sends it."""

    def __init__(self, ask: Callable[[str], None]) -> None:
        self.possible = False  # whether the runtime client understands it
        self._ask = ask
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._about: str | None = None
        self._answer: Mapping[str, Any] | None = None

    def put_before(self, left_s: float, request_id: str) -> None:
        """The invocation has begun and has so much time."""
        self.withdraw()
        if self.possible:
            self._timer = self._loop.call_later(max(0.0, left_s - BEFORE_S), self._put, request_id)

    def withdraw(self) -> None:
        """The invocation is over."""
        self._about = self._answer = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self, header: Mapping[str, Any]) -> None:
        """The client says something: the first word counts."""
        if self._about is not None and header.get("id") == self._about and self._answer is None:
            self._answer = header

    @property
    def asked(self) -> bool:
        """Whether it was put and the invocation is not over."""
        return self._about is not None

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """What the client said; None: nothing."""
        return self._answer

    def _put(self, request_id: str) -> None:
        self._timer, self._about = None, request_id
        self._ask(request_id)
