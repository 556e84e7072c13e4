"""What has happened is written, however long the disk refuses: it cannot be made not to have happened."""

import asyncio
from collections.abc import Awaitable, Callable

from neve import log
from neve.domain.errors import StorageUnavailable

PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
"""By the real clock: a disk knows no other."""


class Persist:
    """Tries again until it is done, or Neve stops: then whatever it was runs again after the next start."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """From now on a failure is raised."""
        self._stopped.set()

    async def __call__(self, write: Callable[[], Awaitable[None]], request_id: str) -> None:
        """StorageUnavailable only when Neve stops."""
        tried = 0
        while True:
            try:
                return await write()
            except StorageUnavailable as error:
                if self._stopped.is_set():
                    raise
                if tried == 0:
                    log.warn("queue.settle", error=error.message, request_id=request_id)
            try:
                async with asyncio.timeout(PAUSES_S[min(tried, len(PAUSES_S) - 1)]):
                    await self._stopped.wait()
            except TimeoutError:
                tried += 1
