"""Reserved and provisioned concurrency in `neve.sqlite`, beside the functions that have it."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from neve.domain.arn import not_found
from neve.domain.concurrency import Provisioned, Reserved
from neve.domain.version import is_number
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

    async def provision(self, provisioned: Provisioned) -> None:
        """ResourceNotFound when the version or alias is gone."""
        row = _row(provisioned)

        def insert(db: sqlite3.Connection) -> None:
            try:
                db.execute(_SQL["provision"], row)
            except sqlite3.IntegrityError as error:
                raise not_found(provisioned.world, provisioned.function_name, provisioned.qualifier) from error

        await self._database.write(insert)

    async def provisioned(self, world: World, function_name: str, qualifier: str) -> Provisioned | None:
        """None when nothing was provisioned there."""
        key = _key(world, function_name) | {"qualifier": qualifier}
        row = await self._database.read(lambda db: db.execute(_SQL["provisioned"], key).fetchone())
        return None if row is None else _provisioned(row)

    async def unprovision(self, world: World, function_name: str, qualifier: str) -> None:
        """Harmless when nothing was provisioned."""
        key = _key(world, function_name) | {"qualifier": qualifier}
        await self._database.write(lambda db: db.execute(_SQL["unprovision"], key).rowcount)

    async def all_provisioned(self, world: World | None = None) -> Sequence[Provisioned]:
        """Of every version and alias in one world, or in all."""
        return [_provisioned(row) for row in await self._rows("all_provisioned", world)]

    async def _rows(self, block: str, world: World | None) -> list[tuple[Any, ...]]:
        place = {"account": world and world.account, "region": world and world.region}
        return await self._database.read(lambda db: db.execute(_SQL[block], place).fetchall())


def _provisioned(row: tuple[Any, ...]) -> Provisioned:
    account, region, name, qualifier, executions, last_modified_ms = row
    return Provisioned(World(account, region), name, qualifier, executions, last_modified_ms)


def _row(provisioned: Provisioned) -> dict[str, Any]:
    of_version = is_number(provisioned.qualifier)
    return {
        **_key(provisioned.world, provisioned.function_name),
        "qualifier": provisioned.qualifier,
        "version": provisioned.qualifier if of_version else None,
        "alias": None if of_version else provisioned.qualifier,
        "executions": provisioned.executions,
        "last_modified_ms": provisioned.last_modified_ms,
    }


def _key(world: World, function_name: str) -> dict[str, Any]:
    return {"account": world.account, "region": world.region, "name": function_name}
