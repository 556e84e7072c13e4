"""Functions and their versions in `neve.sqlite`: each as one JSON document, beside it the columns that queries need."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from neve.domain import capacity_provider, code_signing
from neve.domain.errors import PreconditionFailed, ResourceConflict, ResourceNotFound, StorageUnavailable
from neve.domain.function import Function
from neve.domain.layer import content_key
from neve.domain.version import number_of
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.aliases import REVISION_MOVED_ON, SqliteAliasStore
from neve.storage.sqlite.capacity_providers import SqliteCapacityProviderStore
from neve.storage.sqlite.code_signing import SqliteCodeSigningStore
from neve.storage.sqlite.concurrency import SqliteConcurrencyStore
from neve.storage.sqlite.connection import Database
from neve.storage.sqlite.event_invoke import SqliteEventInvokeStore
from neve.storage.sqlite.event_sources import SqliteEventSourceStore
from neve.storage.sqlite.function_cache import AliasCache, EventInvokeCache, FunctionCache, FunctionUrlCache, together
from neve.storage.sqlite.function_urls import SqliteFunctionUrlStore
from neve.storage.sqlite.layers import SqliteLayerStore
from neve.storage.store import CodeUsage

_SQL = blocks.load("functions")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Function)


class SqliteFunctionStore:
    """A `FunctionStore` on one SQLite file; the other attributes are the stores on the same.

    Does not own `database` unless it came from `open`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache = FunctionCache()
        self._alias_cache = AliasCache()
        self._event_invoke_cache = EventInvokeCache()
        self._url_cache = FunctionUrlCache()
        self.aliases = SqliteAliasStore(database, self._alias_cache, self._event_invoke_cache, self._url_cache)
        self.event_invoke = SqliteEventInvokeStore(database, self._event_invoke_cache)
        self.capacity_providers = SqliteCapacityProviderStore(database)
        self.code_signing = SqliteCodeSigningStore(database)
        self.concurrency = SqliteConcurrencyStore(database)
        self.event_sources = SqliteEventSourceStore(database)
        self.function_urls = SqliteFunctionUrlStore(database, self._url_cache)
        self.layers = SqliteLayerStore(database)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or create the file. OperatorError when it cannot be."""
        return cls(await Database.open(path, "neve", "FULL"))

    async def close(self) -> None:
        """Write what is queued and close the database."""
        await self._database.close()

    def cached(self, world: World, name: str, version: str) -> Function | None:
        """That version if it is in memory: the hot path. None says nothing; ask `function` then."""
        return self._cache.get(world, name, version)

    async def function(self, world: World, name: str, version: str) -> Function | None:
        """One version, from memory or from disk; the same object until it is written again."""
        kept = self._cache.get(world, name, version)
        if kept is not None:
            return kept
        mark = self._cache.read_begins()
        document = await self._database.read(lambda db: _one(db, "get", _key(world, name) | {"version": version}))
        if document is None:
            return None
        found = _decode(document[0])
        self._cache.keep_if_unwritten(mark, found)
        return found

    async def functions(self, world: World, after: str | None, limit: int) -> Sequence[Function]:
        """The `$LATEST` of up to `limit` functions by name."""
        members = _world(world) | {"after": after or "", "limit": limit}
        return [_decode(row[0]) for row in await self._database.read(lambda db: _all(db, "latest_after", members))]

    async def functions_and_versions(self, world: World, after: tuple[str, int], limit: int) -> Sequence[Function]:
        """Up to `limit` versions of all functions by (name, number)."""
        members = _world(world) | {"after": after[0], "after_number": after[1], "limit": limit}
        return [_decode(row[0]) for row in await self._database.read(lambda db: _all(db, "all_after", members))]

    async def versions(self, world: World, name: str, after: int, limit: int) -> Sequence[Function]:
        """Up to `limit` versions of one function by number."""
        members = _key(world, name) | {"after_number": after, "limit": limit}
        return [_decode(row[0]) for row in await self._database.read(lambda db: _all(db, "versions_after", members))]

    async def pending_functions(self) -> Sequence[Function]:
        """Every version whose state is Pending or whose update is InProgress."""
        return [_decode(row[0]) for row in await self._database.read(lambda db: _all(db, "pending", {}))]

    async def create_function(self, function: Function, version: Function | None = None) -> None:
        """ResourceConflict when the name is taken."""
        row = _row(function)

        def insert(db: sqlite3.Connection) -> None:
            if _write(db, "insert_if_new", row, function) == 0:
                raise ResourceConflict(f"Function already exist: {function.name}")
            _remember_layers(db, row)
            _insert_version(db, version)

        await self._database.write(insert, self._cache.write_begins(function.world, function.name, function))

    async def update_function_if_revision(
        self, function: Function, revision_id: str, version: Function | None = None
    ) -> None:
        """PreconditionFailed when the revision moved on, ResourceNotFound when the version is gone."""
        row = _row(function) | {"expected_revision_id": revision_id}

        def update(db: sqlite3.Connection) -> None:
            if _write(db, "update_if_revision", row, function) == 0:
                raise _refusal(function, exists=_one(db, "get", row) is not None)
            _remember_layers(db, row)
            _insert_version(db, version)

        await self._database.write(update, self._cache.write_begins(function.world, function.name, function))

    async def last_version_number(self, world: World, name: str) -> int:
        """0 when no version was ever published under this name."""
        row = await self._database.read(lambda db: _one(db, "last_number", _key(world, name)))
        return 0 if row is None else int(row[0])

    async def publish_version_if_next(self, version: Function) -> None:
        """ResourceConflict unless its number is the next, ResourceNotFound when the function is gone."""
        settled = self._cache.write_begins(version.world, version.name, version)
        await self._database.write(lambda db: _insert_version(db, version), settled)

    async def delete_version(self, world: World, name: str, version: str) -> bool:
        """False when there was none, ResourceConflict while an alias points to it."""
        members = _key(world, name) | {"version": version}

        def delete(db: sqlite3.Connection) -> bool:
            aliases = ", ".join(row[0] for row in _all(db, "aliases_of_version", members))
            if aliases:
                raise ResourceConflict(
                    f"Unable to delete version because the following aliases reference it: [{aliases}]"
                )
            return db.execute(_SQL["delete_version"], members).rowcount > 0

        settled = together(self._cache.write_begins(world, name), self._event_invoke_cache.write_begins(world, name))
        return await self._database.write(delete, settled)

    async def delete_function(self, world: World, name: str) -> Sequence[Function]:
        """Every version, with the aliases; the versions that there were."""
        caches = (self._cache, self._alias_cache, self._event_invoke_cache, self._url_cache)
        settled = together(*(cache.write_begins(world, name) for cache in caches))

        def delete(db: sqlite3.Connection) -> list[bytes]:
            db.execute(_SQL["delete_aliases_of"], _key(world, name))
            return [row[0] for row in _all(db, "delete", _key(world, name))]

        return [_decode(document) for document in await self._database.write(delete, settled)]

    async def code_usage(self, world: World) -> CodeUsage:
        """Bytes over all versions, and functions."""
        row = await self._database.read(lambda db: _one(db, "usage", _world(world)))
        size, functions = row or (0, 0)  # nothing was ever created there
        return CodeUsage(total_code_size=size, function_count=functions)

    async def runtimes_in_use(self, limit: int) -> Sequence[tuple[str, int]]:
        """Runtime and memory size of functions: each pair once, changed last first."""
        rows = await self._database.read(lambda db: _all(db, "runtimes_in_use", {"limit": limit}))
        return [(runtime, memory_mb) for runtime, memory_mb in rows]

    async def code_in_use(self, sha256: str) -> bool:
        """Whether any version of a function or a layer in any world refers to this archive."""
        row = await self._database.read(lambda db: _one(db, "code_in_use", {"code_sha256": sha256}))
        return row is not None and bool(row[0])

    async def layers_in_use(self, key: str) -> bool:
        """Whether any version in any world uses the layers of that key."""
        row = await self._database.read(lambda db: _one(db, "layers_in_use", {"layers_key": key}))
        return row is not None and bool(row[0])


def _write(db: sqlite3.Connection, block: str, row: Mapping[str, Any], function: Function) -> int:
    """The rows that were written. What a function uses may have gone since it was looked for."""
    try:
        return db.execute(_SQL[block], row).rowcount
    except sqlite3.IntegrityError as error:
        if function.code_signing_arn and not db.execute(_SQL["code_signing_exists"], row).fetchone():
            raise code_signing.not_usable(function.code_signing_arn) from error
        raise capacity_provider.not_usable(function.capacity_provider_arn or "") from error


def _insert_version(db: sqlite3.Connection, version: Function | None) -> None:
    if version is None:
        return
    row = _row(version)
    if db.execute(_SQL["give_number_if_next"], row).rowcount == 0:
        raise ResourceConflict(f"The version {version.qualified_arn} was published before.")
    if _write(db, "insert_version", row, version) == 0:
        raise ResourceNotFound(f"Function not found: {version.unqualified_arn}")
    _remember_layers(db, row)


def _remember_layers(db: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    db.execute(_SQL["forget_layers"], row)
    if row["layers_key"] is not None:
        db.execute(_SQL["remember_layers"], row)


def _one(db: sqlite3.Connection, block: str, members: Mapping[str, Any]) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = db.execute(_SQL[block], members).fetchone()
    return row


def _all(db: sqlite3.Connection, block: str, members: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return db.execute(_SQL[block], members).fetchall()


def _world(world: World) -> dict[str, Any]:
    return {"account": world.account, "region": world.region}


def _key(world: World, name: str) -> dict[str, Any]:
    return _world(world) | {"name": name}


def _row(function: Function) -> dict[str, Any]:
    return _key(function.world, function.name) | {
        "version": function.version,
        "number": number_of(function),
        "revision_id": function.revision_id,
        "state": function.state,
        "last_update_status": function.last_update_status,
        "code_sha256": function.code.sha256,
        "code_size": function.code.size,
        "layers_key": content_key(function.layers),
        "code_signing_arn": function.code_signing_arn,
        "capacity_provider_arn": function.capacity_provider_arn,
        "runtime": function.runtime,
        "memory_mb": function.memory_mb,
        "last_modified_ms": function.last_modified_ms,
        "layers": msgspec.json.encode([layer.code.sha256 for layer in function.layers]).decode(),
        "document": _ENCODER.encode(function),
    }


def _decode(document: bytes) -> Function:
    try:
        return _DECODER.decode(document)
    except msgspec.DecodeError as error:
        raise StorageUnavailable("The storage is unavailable: a function's record is damaged.") from error


def _refusal(function: Function, exists: bool) -> PreconditionFailed | ResourceNotFound:
    if exists:
        return PreconditionFailed(REVISION_MOVED_ON)
    return ResourceNotFound(f"Function not found: {function.unqualified_arn}")
