"""Counts requests by the second, for every share of concurrency."""

from collections.abc import Sequence

from neve.clock import Clock
from neve.domain.request_rate import Allowance, Requests
from neve.domain.world import World

_FRESH = Requests()
_Key = tuple[World, tuple[str, ...]]


class Rates:
    """The rate of every share."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._requests: dict[_Key, tuple[Requests, int]] = {}

    def take(self, world: World, allowances: Sequence[Allowance]) -> bool:
        """Whether one more request may come; it counts for the first allowance that has room."""
        now = self._clock.now()
        for key, concurrency in allowances:
            requests = self._requests.get((world, key), (_FRESH, 0))[0].take(concurrency, now)
            if requests is not None:
                self._requests[world, key] = requests, concurrency
                return True
        return False

    def forget_idle(self) -> None:
        """Forget shares that have their whole rate again."""
        now = self._clock.now()
        self._requests = {key: kept for key, kept in self._requests.items() if not kept[0].is_full(kept[1], now)}
