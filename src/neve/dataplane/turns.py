"""One at a time for each key: locks that exist only while somebody wants them."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """For one event loop. A holder of one key may take another; who takes two keeps one order, or they wait for ever."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def take(self, key: Hashable) -> AsyncIterator[None]:
        """Wait until nobody else has this key."""
        lock, wanting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, wanting + 1)
        try:
            async with lock:
                yield
        finally:
            self._leave(key)

    def _leave(self, key: Hashable) -> None:
        lock, wanting = self._locks[key]
        if wanting == 1:
            del self._locks[key]
        else:
            self._locks[key] = (lock, wanting - 1)
