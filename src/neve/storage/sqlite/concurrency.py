"""Reserved and provisioned concurrency in `neve.sqlite`, beside the functions that have it."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from neve.domain.arn import not_found
from neve.domain.concurrency import Reserved
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database

_SQL = blocks.load("concurrency")


class SqliteConcurrencyStore:
    """A `ConcurrencyStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, reserved: Reserved) -> None:
        """ResourceNotFound when the function is gone."""
        row = _key(reserved.world, reserved.function_name) | {"executions": reserved.executions}

        def insert(db: sqlite3.Connection) -> None:
            if db.execute(_SQL["reserve"], row).rowcount == 0:
                raise not_found(reserved.world, reserved.function_name, None)

        await self._database.write(insert)

    async def reserved(self, world: World, function_name: str) -> int | None:
        """None when it has not."""
        key = _key(world, function_name)
        row = await self._database.read(lambda db: db.execute(_SQL["reserved"], key).fetchone())
        return None if row is None else int(row[0])

    async def unreserve(self, world: World, function_name: str) -> None:
        """Harmless when nothing was reserved."""
        key = _key(world, function_name)
        await self._database.write(lambda db: db.execute(_SQL["unreserve"], key).rowcount)

    async def all_reserved(self, world: World | None = None) -> Sequence[Reserved]:
        """Of every function in one world, or in all."""
        rows = await self._rows("all_reserved", world)
        return [Reserved(World(account, region), name, executions) for account, region, name, executions in rows]

    async def _rows(self, block: str, world: World | None) -> list[tuple[Any, ...]]:
        place = {"account": world and world.account, "region": world and world.region}
        return await self._database.read(lambda db: db.execute(_SQL[block], place).fetchall())


def _key(world: World, function_name: str) -> dict[str, Any]:
    return {"account": world.account, "region": world.region, "name": function_name}
