"""Event invoke configs in `neve.sqlite`, beside the functions, versions and aliases that have them.

All of a function's are read at once and kept in memory: the queue asks for one with every event.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from neve.domain.arn import not_found
from neve.domain.event_invoke import EventInvokeConfig
from neve.domain.function import LATEST
from neve.domain.version import is_number
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database
from neve.storage.sqlite.function_cache import EventInvokeCache, EventInvokeConfigs

_SQL = blocks.load("event_invoke")


class SqliteEventInvokeStore:
    """An `EventInvokeStore`. `cache` is told by the other stores when something goes together with its config."""

    def __init__(self, database: Database, cache: EventInvokeCache) -> None:
        self._database = database
        self._cache = cache

    async def put(self, config: EventInvokeConfig) -> None:
        """ResourceNotFound when the version or alias is gone."""
        row = _row(config)

        def insert(db: sqlite3.Connection) -> None:
            try:
                db.execute(_SQL["put"], row)
            except sqlite3.IntegrityError as error:
                raise not_found(config.world, config.function_name, config.qualifier) from error

        await self._database.write(insert, self._cache.write_begins(config.world, config.function_name))

    async def of_function(self, world: World, function_name: str) -> Mapping[str, EventInvokeConfig]:
        """By qualifier, in its order."""
        kept = self._cache.get(world, function_name, "")
        if kept is not None:
            return kept.by_qualifier
        mark = self._cache.read_begins()
        key = _key(world, function_name)
        rows = await self._database.read(lambda db: db.execute(_SQL["of_function"], key).fetchall())
        found = {row[0]: EventInvokeConfig(world, function_name, *row) for row in rows}
        self._cache.keep_if_unwritten(mark, EventInvokeConfigs(world, function_name, found))
        return found

    async def delete(self, world: World, function_name: str, qualifier: str) -> bool:
        """False when there was none."""
        key = _key(world, function_name) | {"qualifier": qualifier}
        settled = self._cache.write_begins(world, function_name)
        return await self._database.write(lambda db: db.execute(_SQL["delete"], key).rowcount > 0, settled)


def _row(config: EventInvokeConfig) -> dict[str, Any]:
    of_version = config.qualifier == LATEST or is_number(config.qualifier)
    return {
        **_key(config.world, config.function_name),
        "qualifier": config.qualifier,
        "version": config.qualifier if of_version else None,
        "alias": None if of_version else config.qualifier,
        "last_modified_ms": config.last_modified_ms,
        "retries": config.retries,
        "maximum_age_s": config.maximum_age_s,
        "on_success": config.on_success,
        "on_failure": config.on_failure,
    }


def _key(world: World, function_name: str) -> dict[str, Any]:
    return {"account": world.account, "region": world.region, "name": function_name}
