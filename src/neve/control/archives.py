"""Code archives while somebody refers to them.

Keeping and forgetting one archive happen one at a time, or a create could find its archive deleted by the end of another
function that had the same code. Who has a function's turn may take a code's, never the other way round.
"""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable

from neve.dataplane.turns import Turns
from neve.domain import archive, limits
from neve.domain.errors import PlatformError, ServiceSpecific
from neve.domain.function import Code
from neve.domain.world import World
from neve.storage.store import BlobStore, FunctionStore


class Archives:
    """The archives of functions and layers."""

    def __init__(self, store: FunctionStore, blobs: BlobStore, turns: Turns) -> None:
        self._store = store
        self._blobs = blobs
        self._turns = turns

    async def keep(self, world: World, content: bytes, code: Code, write: Callable[[], Awaitable[None]]) -> None:
        """Keep the archive, then write who refers to it; nobody forgets it in between.

        ServiceSpecific `CodeStorageExceededException` when the world's storage is full.
        """
        usage = await self._store.code_usage(world)
        if usage.total_code_size + code.size > limits.TOTAL_CODE_SIZE:
            raise ServiceSpecific("CodeStorageExceededException", "Code storage limit exceeded.")
        async with self._turns.take(code.sha256):
            await self._blobs.put(content)
            await write()

    async def forget(self, sha256: str) -> None:
        """Forget the archive unless something refers to it."""
        async with self._turns.take(sha256):
            if not await self._store.code_in_use(sha256):
                await self._blobs.delete(sha256)

    async def content(self, code: Code) -> bytes:
        """The zip as it was uploaded. PlatformError when it is not there."""
        content = await self._blobs.get(code.sha256)
        if content is None:
            raise PlatformError("The code of the function is not there.")
        return content


async def checked(content: bytes) -> Code:
    """The archive as the API names it. Seconds of work for a large one, so on a thread. As `domain.archive.check`."""
    return await asyncio.to_thread(_check_and_name, content)


def _check_and_name(content: bytes) -> Code:
    archive.check(content)
    return Code(base64.b64encode(hashlib.sha256(content).digest()).decode(), len(content))
