"""Concurrency slots: one is held from the acceptance of an invocation until its environment is done with it."""

from collections import Counter

from neve.domain.errors import TooManyRequests
from neve.domain.world import World


class Slots:
    """The slots of every world; each has `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[World] = Counter()

    def take(self, world: World) -> None:
        """Take one; TooManyRequests when none is left."""
        if self._taken[world] >= self._limit:
            raise TooManyRequests("ConcurrentInvocationLimitExceeded")
        self._taken[world] += 1

    def give_back(self, world: World) -> None:
        """Give one back."""
        self._taken[world] -= 1
        if not self._taken[world]:
            del self._taken[world]

    def taken(self, world: World) -> int:
        """How many invocations are running."""
        return self._taken[world]
