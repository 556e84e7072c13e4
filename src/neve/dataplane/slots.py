"""Concurrency slots: one is held from the acceptance of an invocation until its environment is done with it."""

import asyncio
from collections import Counter, deque

from neve.domain.errors import TooManyRequests
from neve.domain.world import World


class Slots:
    """The slots of every world; each has `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[World] = Counter()
        self._waiting: dict[World, deque[asyncio.Future[None]]] = {}

    def take(self, world: World) -> bool:
        """Take one if there is one."""
        if self._taken[world] >= self._limit:
            return False
        self._taken[world] += 1
        return True

    async def take_within(self, world: World, seconds: float) -> None:
        """Take one that is given back within a moment; TooManyRequests when none is. First come, first served."""
        if self.take(world):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(world, deque()).append(turn)
        try:
            await asyncio.wait([turn], timeout=seconds)
        except asyncio.CancelledError:
            if turn.done():
                self.give_back(world)
            raise
        finally:
            self._forget(world, turn)
        if not turn.done():
            raise throttled()

    def give_back(self, world: World) -> None:
        """Give one back: to whoever waits for it, else to all."""
        waiting = self._waiting.get(world)
        if waiting:
            waiting.popleft().set_result(None)
            return
        self._taken[world] -= 1
        if not self._taken[world]:
            del self._taken[world]

    def taken(self, world: World) -> int:
        """How many invocations are running."""
        return self._taken[world]

    def _forget(self, world: World, turn: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(world)
        if waiting is not None and turn in waiting:
            waiting.remove(turn)
        if not waiting:
            self._waiting.pop(world, None)


def throttled() -> TooManyRequests:
    """What a caller gets when no slot is left."""
    return TooManyRequests("ConcurrentInvocationLimitExceeded")
