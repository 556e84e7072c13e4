"""Code archives while somebody refers to them.

Keeping and forgetting one archive happen one at a time, or a create could find its archive deleted by the end of another
function that had the same code. Who has a function's turn may take a code's, never the other way round.
"""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple, Protocol

from neve.dataplane.turns import Turns
from neve.domain import archive
from neve.domain.code_source import CodeObject, CodeSource, Image
from neve.domain.errors import InvalidParameterValue, PlatformError, ServiceSpecific
from neve.domain.function import Code, Function, UsedLayer
from neve.domain.layer import not_found
from neve.domain.limits import THE_SERVICES, Quotas
from neve.domain.world import World
from neve.storage.store import BlobStore, FunctionStore


class CodeObjects(Protocol):
    """Whoever has what lies in buckets."""

    async def content(self, world: World, wanted: CodeObject, limit: int) -> bytes:
        """An object of at most `limit` bytes, as that world may read it. InvalidParameterValue in the service's words,
        AccessDenied; PlatformError when nobody answers."""


class NoCodeObjects:
    """Where there are no buckets."""

    async def content(self, world: World, wanted: CodeObject, limit: int) -> bytes:
        """There is nothing."""
        raise InvalidParameterValue(
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. "
            "S3 Error Message: The specified bucket does not exist"
        )


class Checked(NamedTuple):
    """Code as the API names it, and the archive; None of an image, of which only the name is kept."""

    code: Code
    content: bytes | None


class Archives:
    """The archives of functions and layers; `objects` has those that a caller left in a bucket."""

    def __init__(
        self,
        store: FunctionStore,
        blobs: BlobStore,
        turns: Turns,
        objects: CodeObjects | None = None,
        quotas: Quotas = THE_SERVICES,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._turns = turns
        self._objects = objects or NoCodeObjects()
        self._quotas = quotas

    async def checked(self, world: World, source: CodeSource) -> Checked:
        """What a caller gave, fetched and read to its end. As `domain.archive.check`, and errors of `CodeObjects`."""
        if isinstance(source, Image):
            return Checked(Code(source.digest, 0), None)
        direct = isinstance(source, bytes)
        if isinstance(source, CodeObject):
            source = await self._objects.content(world, source, self._quotas.code_unzipped)
        # Seconds of work for a large one.
        return Checked(await asyncio.to_thread(_check_and_name, source, self._quotas, direct), source)

    async def keep(
        self,
        world: World,
        content: bytes | None,
        code: Code,
        write: Callable[[], Awaitable[None]],
        layers: Sequence[UsedLayer] = (),
    ) -> None:
        """Keep the archive, then write who refers to it and to these layers; nobody forgets one of them in between.

        ServiceSpecific `CodeStorageExceededException` when the world's storage is full; as `hold`.
        """
        await self.check_room(world, code)
        async with self._taken({code.sha256, *(layer.code.sha256 for layer in layers)}):
            await self._check_there(layers)
            if content is not None:
                await self._blobs.put(content)
            await write()

    async def check_room(self, world: World, code: Code) -> None:
        """ServiceSpecific `CodeStorageExceededException` when the world's storage has no room for one more of that code.

        Every version counts: the service adds their sizes, though they may share an archive.
        """
        usage = await self._store.code_usage(world)
        if usage.total_code_size + code.size > self._quotas.code_storage:
            raise ServiceSpecific("CodeStorageExceededException", "Code storage limit exceeded.")

    async def hold(self, layers: Sequence[UsedLayer], write: Callable[[], Awaitable[None]]) -> None:
        """Write who refers to these layers. InvalidParameterValue when one was deleted meanwhile and is forgotten."""
        async with self._taken({layer.code.sha256 for layer in layers}):
            await self._check_there(layers)
            await write()

    async def forget(self, sha256: str) -> None:
        """Forget the archive unless something refers to it."""
        async with self._turns.take(sha256):
            if not await self._store.code_in_use(sha256):
                await self._blobs.delete(sha256)

    async def forget_all(self, functions: Collection[Function]) -> None:
        """Forget code and layers of functions that are no more, unless something else refers to them."""
        contents = {each.code.sha256 for each in functions}
        for sha256 in contents | {layer.code.sha256 for each in functions for layer in each.layers}:
            await self.forget(sha256)

    @asynccontextmanager
    async def _taken(self, contents: Collection[str]) -> AsyncIterator[None]:
        """The turns of several archives, in one order for everybody."""
        async with AsyncExitStack() as taken:
            for sha256 in sorted(contents):
                await taken.enter_async_context(self._turns.take(sha256))
            yield

    async def _check_there(self, layers: Sequence[UsedLayer]) -> None:
        for layer in layers:
            if not await self._store.code_in_use(layer.code.sha256):
                raise InvalidParameterValue(not_found(layer.arn).message)

    async def content(self, code: Code) -> bytes:
        """The zip as it was uploaded. PlatformError when it is not there."""
        content = await self._blobs.get(code.sha256)
        if content is None:
            raise PlatformError("The code of the function is not there.")
        return content


def _check_and_name(content: bytes, quotas: Quotas, direct: bool) -> Code:
    unzipped_size = archive.check(content, quotas, direct)
    return Code(base64.b64encode(hashlib.sha256(content).digest()).decode(), len(content), unzipped_size)
