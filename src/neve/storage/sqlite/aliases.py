"""Aliases in `neve.sqlite`, beside the functions whose versions they point to."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from neve.domain.alias import Alias
from neve.domain.arn import function_arn
from neve.domain.errors import PreconditionFailed, ResourceConflict, ResourceNotFound, StorageUnavailable
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database
from neve.storage.sqlite.function_cache import AliasCache, EventInvokeCache, FunctionUrlCache, together

_SQL = blocks.load("aliases")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Alias)

REVISION_MOVED_ON = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
)


class SqliteAliasStore:
    """An `AliasStore`. `cache` is told by the store of functions when a function goes with its aliases.

    `event_invoke_cache` and `url_cache` are told when an alias goes with its event invoke config and its URL.
    """

    def __init__(
        self, database: Database, cache: AliasCache, event_invoke_cache: EventInvokeCache, url_cache: FunctionUrlCache
    ) -> None:
        self._database = database
        self._cache = cache
        self._event_invoke_cache = event_invoke_cache
        self._url_cache = url_cache

    def cached(self, world: World, function_name: str, name: str) -> Alias | None:
        """That alias if it is in memory: the hot path. None says nothing; ask `alias` then."""
        return self._cache.get(world, function_name, name)

    async def alias(self, world: World, function_name: str, name: str) -> Alias | None:
        """One alias, from memory or from disk."""
        kept = self._cache.get(world, function_name, name)
        if kept is not None:
            return kept
        mark = self._cache.read_begins()
        members = _key(world, function_name) | {"name": name}
        row = await self._database.read(lambda db: db.execute(_SQL["get"], members).fetchone())
        if row is None:
            return None
        found = _decode(row[0])
        self._cache.keep_if_unwritten(mark, found)
        return found

    async def aliases(
        self, world: World, function_name: str, of_version: str | None, after: str | None, limit: int
    ) -> Sequence[Alias]:
        """Up to `limit` aliases by name."""
        members = _key(world, function_name) | {"of_version": of_version, "after": after or "", "limit": limit}
        rows = await self._database.read(lambda db: db.execute(_SQL["after"], members).fetchall())
        return [_decode(row[0]) for row in rows]

    async def create_alias(self, alias: Alias) -> None:
        """ResourceConflict when the name is taken, ResourceNotFound for a version that is not there."""

        def insert(db: sqlite3.Connection) -> None:
            _check_versions(db, alias)
            if db.execute(_SQL["insert_if_new"], _row(alias)).rowcount == 0:
                raise ResourceConflict(f"Alias already exists: {alias.arn}")

        await self._database.write(insert, self._cache.write_begins(alias.world, alias.function_name, alias))

    async def update_alias_if_revision(self, alias: Alias, revision_id: str) -> None:
        """PreconditionFailed when the revision moved on, ResourceNotFound when it or a version is gone."""
        row = _row(alias) | {"expected_revision_id": revision_id}

        def update(db: sqlite3.Connection) -> None:
            _check_versions(db, alias)
            if db.execute(_SQL["update_if_revision"], row).rowcount == 0:
                raise _refusal(alias, exists=db.execute(_SQL["get"], row).fetchone() is not None)

        await self._database.write(update, self._cache.write_begins(alias.world, alias.function_name, alias))

    async def delete_alias(self, world: World, function_name: str, name: str) -> bool:
        """False when there was none."""
        members = _key(world, function_name) | {"name": name}

        def delete(db: sqlite3.Connection) -> bool:
            return db.execute(_SQL["delete"], members).rowcount > 0

        caches = (self._cache, self._event_invoke_cache, self._url_cache)
        settled = together(*(cache.write_begins(world, function_name) for cache in caches))
        return await self._database.write(delete, settled)


def _check_versions(db: sqlite3.Connection, alias: Alias) -> None:
    for version in alias.versions:
        members = _key(alias.world, alias.function_name) | {"version": version}
        if not db.execute(_SQL["version_exists"], members).fetchone()[0]:
            raise ResourceNotFound(f"Function not found: {function_arn(alias.world, alias.function_name, version)}")


def _key(world: World, function_name: str) -> dict[str, Any]:
    return {"account": world.account, "region": world.region, "function": function_name}


def _row(alias: Alias) -> dict[str, Any]:
    return {
        **_key(alias.world, alias.function_name),
        "name": alias.name,
        "version": alias.version,
        "second": alias.second,
        "revision_id": alias.revision_id,
        "document": _ENCODER.encode(alias),
    }


def _decode(document: bytes) -> Alias:
    try:
        return _DECODER.decode(document)
    except msgspec.DecodeError as error:
        raise StorageUnavailable("The storage is unavailable: an alias's record is damaged.") from error


def _refusal(alias: Alias, exists: bool) -> PreconditionFailed | ResourceNotFound:
    return PreconditionFailed(REVISION_MOVED_ON) if exists else ResourceNotFound(f"Alias not found: {alias.arn}")
