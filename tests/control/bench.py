"""Functions on the real store, with a preparation that the test holds in its hands."""

import asyncio
import io
import itertools
import zipfile
from pathlib import Path

from neve.clock import Clock
from neve.control.configuration import Given
from neve.control.functions import Functions
from neve.domain.function import Function
from neve.domain.limits import THE_SERVICES, Quotas
from neve.domain.world import World
from neve.storage.blobs import FileBlobStore
from neve.storage.sqlite.functions import SqliteFunctionStore

ROLE = "arn:aws:iam::000000000000:role/r"
WORLD = World()


def zipped(text: str = "exports.handler = async () => 1") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        target.writestr(zipfile.ZipInfo("index.js"), text)
    return content.getvalue()


def settings(**given: object) -> Given:
    return Given(**{"runtime": "nodejs24.x", "handler": "index.handler", "role": ROLE} | given)  # type: ignore[arg-type]


class Bench:
    """Functions over one data directory. `ready` lets preparations go on; `problem` makes them fail."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock(virtual=True)
        self.ready = asyncio.Event()
        self.ready.set()
        self.problem: Exception | None = None
        self.prepared: list[Function] = []
        self.retired: list[Function] = []
        self.next_roll = 0.0
        self._ids = (f"revision-{number}" for number in itertools.count(1))

    async def open(self, refuse_deprecated: bool = False, quotas: Quotas = THE_SERVICES) -> None:
        self.blobs = FileBlobStore.open(self.directory / "code")
        self.store = await SqliteFunctionStore.open(self.directory / "neve.sqlite")
        self.functions = Functions(
            self.store,
            self.blobs,
            self.clock,
            self._prepare,
            self.retired.append,
            lambda: next(self._ids),
            refuse_deprecated,
            lambda: self.next_roll,
            quotas=quotas,
        )

    async def close(self) -> None:
        await self.functions.close()
        await self.store.close()

    async def create(self, name: str = "f", text: str = "1", **given: object) -> Function:
        """Create it and wait until it is Active."""
        await self.functions.create(WORLD, name, settings(**given), zipped(text), {})
        await self.functions.wait_idle()
        return await self.shown(name)

    async def shown(self, name: str = "f") -> Function:
        return (await self.functions.get(WORLD, name, None, "lambda:GetFunction")).function

    async def _prepare(self, function: Function) -> None:
        await self.ready.wait()
        if self.problem is not None:
            raise self.problem
        self.prepared.append(function)
