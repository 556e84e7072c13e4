"""Code signing configs in `neve.sqlite`; which functions use one is a column of theirs."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from neve.domain.code_signing import CodeSigningConfig, in_use, missing
from neve.domain.errors import StorageUnavailable
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database

_SQL = blocks.load("code_signing")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(CodeSigningConfig)


class SqliteCodeSigningStore:
    """A `CodeSigningStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, config: CodeSigningConfig) -> None:
        """A new one: nobody has its id."""
        row = _row(config)
        await self._database.write(lambda db: db.execute(_SQL["insert"], row).rowcount)

    async def update(self, config: CodeSigningConfig) -> None:
        """ResourceNotFound when it is gone."""
        row = _row(config)

        def update(db: sqlite3.Connection) -> None:
            if db.execute(_SQL["update"], row).rowcount == 0:
                raise missing(config.arn)

        await self._database.write(update)

    async def config(self, world: World, arn: str) -> CodeSigningConfig | None:
        """One, or None."""
        key = _world(world) | {"arn": arn}
        row = await self._database.read(lambda db: db.execute(_SQL["get"], key).fetchone())
        return None if row is None else _decode(row[0])

    async def configs(self, world: World, after: str, limit: int) -> Sequence[CodeSigningConfig]:
        """Up to `limit` by ARN."""
        key = _world(world) | {"after": after, "limit": limit}
        return [
            _decode(row[0]) for row in await self._database.read(lambda db: db.execute(_SQL["after"], key).fetchall())
        ]

    async def delete(self, world: World, arn: str) -> bool:
        """False when there was none, ResourceConflict while a function uses it."""
        key = _world(world) | {"arn": arn}

        def delete(db: sqlite3.Connection) -> bool:
            try:
                return db.execute(_SQL["delete"], key).rowcount > 0
            except sqlite3.IntegrityError as error:
                raise in_use(arn) from error

        return await self._database.write(delete)

    async def functions(self, arn: str, after: str, limit: int) -> Sequence[str]:
        """Names of up to `limit` functions that use it."""
        key = {"arn": arn, "after": after, "limit": limit}
        return [row[0] for row in await self._database.read(lambda db: db.execute(_SQL["functions"], key).fetchall())]


def _world(world: World) -> dict[str, Any]:
    return {"account": world.account, "region": world.region}


def _row(config: CodeSigningConfig) -> dict[str, Any]:
    return _world(config.world) | {"arn": config.arn, "document": _ENCODER.encode(config)}


def _decode(document: bytes) -> CodeSigningConfig:
    try:
        return _DECODER.decode(document)
    except msgspec.DecodeError as error:
        raise StorageUnavailable("The storage is unavailable: a code signing config's record is damaged.") from error
