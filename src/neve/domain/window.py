"""How many events of one function may run at once: as many as help, fewer when it is throttled.

The service's pollers scale with the backlog and slow down for throttles; how is not told. Here a few may always run at once,
and more as long as each still takes about as long as it did alone: a function that waits for others gets many environments,
one that computes gets no more than the machine has processors for.
"""

_FIRST = 2
_FEW = 8
"""So many may always run at once, unless they are throttled: while one is thawed another is answered."""
_UNHURT = 2.0
_HURT = 4.0
_NOISE_S = 0.002
_SMOOTHING = 0.2
_FORGETTING = 1.1
"""What a function does may change. While few run at once, each answer makes the shortest time count for so much longer: then
it is known anew how long one takes that none disturbs."""
_SHY_S = 5.0
"""So long after a throttle no more run at once than did then."""


class Window:
    """For one function, at most `most`. Times are seconds of one clock that only goes ahead."""

    def __init__(self, most: int) -> None:
        self.size = min(_FIRST, most)
        self._most = most
        self._best_s = float("inf")
        self._typical_s: float | None = None
        self._ceiling = most
        self._shy_until_s = 0.0

    def answered(self, seconds: float, was_full: bool, now_s: float) -> None:
        """One ran for so long; `was_full` when no more could run beside it."""
        forgotten = _FORGETTING if self.size <= _FEW else 1.0
        self._best_s = min(self._best_s * forgotten, seconds)
        typical = seconds if self._typical_s is None else self._typical_s
        self._typical_s = typical + _SMOOTHING * (seconds - typical)
        if not was_full:
            return
        if self.size < _FEW or self._typical_s <= _UNHURT * self._best_s + _NOISE_S:
            self._grow(1, now_s)
        elif self._typical_s > _HURT * self._best_s + _NOISE_S:
            self.size = max(_FEW, self.size - 1)

    def waited(self, now_s: float) -> None:
        """It was full for a while and none answered: they take long, so more at once harm nobody yet."""
        self._grow(self.size, now_s)

    def throttled(self, running: int, now_s: float) -> None:
        """There was no room for one more beside `running` others."""
        self.size = self._ceiling = max(1, running)
        self._shy_until_s = now_s + _SHY_S

    def _grow(self, by: int, now_s: float) -> None:
        most = self._ceiling if now_s < self._shy_until_s else self._most
        self.size = max(self.size, min(self.size + by, most))
