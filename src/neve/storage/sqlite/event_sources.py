"""Event source mappings in `neve.sqlite`."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from neve.domain.errors import StorageUnavailable
from neve.domain.event_source import EventSourceMapping, check_alone
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database

_SQL = blocks.load("event_sources")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(EventSourceMapping)


class SqliteEventSourceStore:
    """An `EventSourceStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_if_alone(self, mapping: EventSourceMapping) -> None:
        """ResourceConflict when another mapping of the function reads the same."""
        row = _row(mapping)

        def put(db: sqlite3.Connection) -> None:
            for (document,) in db.execute(_SQL["of_function"], row).fetchall():
                check_alone(mapping, _decode(document))
            db.execute(_SQL["put"], row)

        await self._database.write(put)

    async def mapping(self, world: World, uuid: str) -> EventSourceMapping | None:
        """One, or None."""
        key = _world(world) | {"uuid": uuid}
        row = await self._database.read(lambda db: db.execute(_SQL["get"], key).fetchone())
        return None if row is None else _decode(row[0])

    async def mappings(
        self, world: World, function_arn: str | None, source_arn: str | None, after: str, limit: int
    ) -> Sequence[EventSourceMapping]:
        """Up to `limit` by UUID."""
        key = _world(world) | {"function_arn": function_arn, "source_arn": source_arn, "after": after, "limit": limit}
        block = "of_source_after" if source_arn else "of_function_after" if function_arn else "after"
        rows = await self._database.read(lambda db: db.execute(_SQL[block], key).fetchall())
        return [_decode(row[0]) for row in rows]

    async def delete(self, world: World, uuid: str) -> bool:
        """False when there was none."""
        key = _world(world) | {"uuid": uuid}
        return await self._database.write(lambda db: db.execute(_SQL["delete"], key).rowcount > 0)


def _world(world: World) -> dict[str, Any]:
    return {"account": world.account, "region": world.region}


def _row(mapping: EventSourceMapping) -> dict[str, Any]:
    return _world(mapping.world) | {
        "uuid": mapping.uuid,
        "function_arn": mapping.function_arn,
        "source_arn": mapping.source.arn,
        "document": _ENCODER.encode(mapping),
    }


def _decode(document: bytes) -> EventSourceMapping:
    try:
        return _DECODER.decode(document)
    except msgspec.DecodeError as error:
        raise StorageUnavailable("The storage is unavailable: an event source mapping's record is damaged.") from error
