"""Capacity providers in `neve.sqlite`; which function versions use one is a column of theirs."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from neve.domain.capacity_provider import CapacityProvider, in_use, missing, provider_arn, taken
from neve.domain.errors import StorageUnavailable
from neve.domain.function import Function
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database

_SQL = blocks.load("capacity_providers")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(CapacityProvider)
_FUNCTION = msgspec.json.Decoder(Function)


class SqliteCapacityProviderStore:
    """A `CapacityProviderStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, provider: CapacityProvider) -> None:
        """ResourceConflict when the name is taken."""
        row = _row(provider)

        def insert(db: sqlite3.Connection) -> None:
            if db.execute(_SQL["insert_if_new"], row).rowcount == 0:
                raise taken(provider.arn)

        await self._database.write(insert)

    async def update(self, provider: CapacityProvider) -> None:
        """ResourceNotFound when it is gone."""
        row = _row(provider)

        def update(db: sqlite3.Connection) -> None:
            if db.execute(_SQL["update"], row).rowcount == 0:
                raise missing(provider.arn)

        await self._database.write(update)

    async def provider(self, world: World, name: str) -> CapacityProvider | None:
        """One, or None."""
        key = {"arn": provider_arn(world, name)}
        row = await self._database.read(lambda db: db.execute(_SQL["get"], key).fetchone())
        return None if row is None else _decode(_DECODER, row[0])

    async def providers(self, world: World, after: str, limit: int) -> Sequence[CapacityProvider]:
        """Up to `limit` by name."""
        place = provider_arn(world, after)
        key = {"account": world.account, "region": world.region, "after": place, "limit": limit}
        rows = await self._database.read(lambda db: db.execute(_SQL["after"], key).fetchall())
        return [_decode(_DECODER, row[0]) for row in rows]

    async def delete(self, world: World, name: str) -> bool:
        """False when there was none, ResourceConflict while a function version uses it."""
        key = {"arn": provider_arn(world, name)}

        def delete(db: sqlite3.Connection) -> bool:
            try:
                return db.execute(_SQL["delete"], key).rowcount > 0
            except sqlite3.IntegrityError as error:
                raise in_use(key["arn"]) from error

        return await self._database.write(delete)

    async def functions(self, world: World, name: str, after: tuple[str, int], limit: int) -> Sequence[Function]:
        """Up to `limit` function versions that use it."""
        key = {"arn": provider_arn(world, name), "after": after[0], "after_number": after[1], "limit": limit}
        rows = await self._database.read(lambda db: db.execute(_SQL["functions"], key).fetchall())
        return [_decode(_FUNCTION, row[0]) for row in rows]


def _row(provider: CapacityProvider) -> dict[str, Any]:
    return {
        "arn": provider.arn,
        "account": provider.world.account,
        "region": provider.world.region,
        "document": _ENCODER.encode(provider),
    }


def _decode(decoder: Any, document: bytes) -> Any:
    try:
        return decoder.decode(document)
    except msgspec.DecodeError as error:
        raise StorageUnavailable(
            "The storage is unavailable: a record beside a capacity provider is damaged."
        ) from error
