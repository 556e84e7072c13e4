"""Function URLs in `neve.sqlite`, beside the functions and aliases that have them."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from neve.domain.errors import StorageUnavailable
from neve.domain.function import LATEST
from neve.domain.function_url import FunctionUrl, missing, no_function, taken
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database
from neve.storage.sqlite.function_cache import FunctionUrlCache

_SQL = blocks.load("function_urls")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(FunctionUrl)


class SqliteFunctionUrlStore:
    """A `FunctionUrlStore`. `cache` is told by the other stores when something goes together with its URL."""

    def __init__(self, database: Database, cache: FunctionUrlCache) -> None:
        self._database = database
        self._cache = cache

    async def create(self, url: FunctionUrl) -> None:
        """ResourceConflict when there is one, ResourceNotFound when the function or alias is gone."""
        row = _row(url)

        def insert(db: sqlite3.Connection) -> None:
            try:
                written = db.execute(_SQL["insert_if_new"], row).rowcount
            except sqlite3.IntegrityError as error:
                raise no_function() from error
            if written == 0:
                raise taken(url)

        await self._database.write(insert, self._cache.write_begins(url.world, url.function_name, url))

    async def update(self, url: FunctionUrl) -> None:
        """ResourceNotFound when it is gone."""
        row = _row(url)

        def update(db: sqlite3.Connection) -> None:
            if db.execute(_SQL["update"], row).rowcount == 0:
                raise missing()

        await self._database.write(update, self._cache.write_begins(url.world, url.function_name, url))

    async def url(self, world: World, function_name: str, alias: str | None) -> FunctionUrl | None:
        """One, or None."""
        key = _key(world, function_name, alias)
        return _decode(await self._database.read(lambda db: db.execute(_SQL["get"], key).fetchone()))

    async def by_id(self, url_id: str) -> FunctionUrl | None:
        """One of any world, or None."""
        kept = self._cache.by_id(url_id)
        if kept is not None:
            return kept
        mark = self._cache.read_begins()
        found = _decode(await self._database.read(lambda db: db.execute(_SQL["by_id"], {"id": url_id}).fetchone()))
        if found is not None:
            self._cache.keep_if_unwritten(mark, found)
        return found

    async def of_function(self, world: World, function_name: str, after: str, limit: int) -> Sequence[FunctionUrl]:
        """Up to `limit` by alias, that of the function first."""
        key = _key(world, function_name, None) | {"after": after, "limit": limit}
        rows = await self._database.read(lambda db: db.execute(_SQL["after"], key).fetchall())
        return [url for row in rows if (url := _decode(row)) is not None]

    async def delete(self, world: World, function_name: str, alias: str | None) -> bool:
        """False when there was none."""
        key = _key(world, function_name, alias)
        settled = self._cache.write_begins(world, function_name)
        return await self._database.write(lambda db: db.execute(_SQL["delete"], key).rowcount > 0, settled)


def _row(url: FunctionUrl) -> dict[str, Any]:
    return {
        **_key(url.world, url.function_name, url.alias),
        "version": LATEST if url.alias is None else None,
        "alias": url.alias,
        "id": url.id,
        "document": _ENCODER.encode(url),
    }


def _key(world: World, function_name: str, alias: str | None) -> dict[str, Any]:
    return {"account": world.account, "region": world.region, "name": function_name, "qualifier": alias or LATEST}


def _decode(row: tuple[bytes] | None) -> FunctionUrl | None:
    try:
        return None if row is None else _DECODER.decode(row[0])
    except msgspec.DecodeError as error:
        raise StorageUnavailable("The storage is unavailable: a function URL's record is damaged.") from error
