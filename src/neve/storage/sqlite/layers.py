"""Layer versions in `neve.sqlite`."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from neve.domain.errors import PreconditionFailed, ResourceConflict, StorageUnavailable
from neve.domain.layer import LayerVersion, not_found
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database
from neve.storage.store import Compatible

_SQL = blocks.load("layers")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(LayerVersion)
_NEWEST = 2**63 - 1


class SqliteLayerStore:
    """A `LayerStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last_layer_number(self, world: World, name: str) -> int:
        """0 when no version was ever published under this name."""
        row = await self._database.read(lambda db: db.execute(_SQL["last_number"], _key(world, name)).fetchone())
        return 0 if row is None else int(row[0])

    async def publish_layer_if_next(self, layer: LayerVersion) -> None:
        """ResourceConflict unless its number is the one after the last."""
        row = _row(layer)

        def insert(db: sqlite3.Connection) -> None:
            if db.execute(_SQL["give_number_if_next"], row).rowcount == 0:
                raise ResourceConflict(f"The layer version {layer.arn} was published before.")
            db.execute(_SQL["insert"], row)

        await self._database.write(insert)

    async def layer_version(self, world: World, name: str, number: int) -> LayerVersion | None:
        """One version, or None."""
        if not 0 < number <= _NEWEST:
            return None
        members = _key(world, name) | {"number": number}
        row = await self._database.read(lambda db: db.execute(_SQL["get"], members).fetchone())
        return None if row is None else _decode(row[0])

    async def layer_versions(
        self, world: World, name: str, compatible: Compatible, before: int | None, limit: int
    ) -> Sequence[LayerVersion]:
        """Up to `limit` versions, the newest first."""
        place = {"before": _NEWEST if before is None else before, "limit": limit}
        return await self._all("versions_before", _key(world, name) | _filter(compatible) | place)

    async def layers(
        self, world: World, compatible: Compatible, after: str | None, limit: int
    ) -> Sequence[LayerVersion]:
        """The newest version of up to `limit` layers by name."""
        members = {"account": world.account, "region": world.region, "after": after or "", "limit": limit}
        return await self._all("newest_after", members | _filter(compatible))

    async def update_layer_if_policy_revision(self, layer: LayerVersion, revision_id: str | None) -> None:
        """PreconditionFailed when the policy moved on, ResourceNotFound when the version is gone."""
        row = _row(layer) | {"expected_revision_id": revision_id}

        def update(db: sqlite3.Connection) -> None:
            if db.execute(_SQL["update_if_policy_revision"], row).rowcount == 0:
                if db.execute(_SQL["get"], row).fetchone() is None:
                    raise not_found(layer.arn)
                raise PreconditionFailed("The policy of the layer version was changed meanwhile.")

        await self._database.write(update)

    async def delete_layer_version(self, world: World, name: str, number: int) -> bool:
        """False when there was none."""
        members = _key(world, name) | {"number": number}
        return await self._database.write(lambda db: db.execute(_SQL["delete"], members).rowcount > 0)

    async def _all(self, block: str, members: dict[str, Any]) -> Sequence[LayerVersion]:
        rows = await self._database.read(lambda db: db.execute(_SQL[block], members).fetchall())
        return [_decode(row[0]) for row in rows]


def _key(world: World, name: str) -> dict[str, Any]:
    return {"account": world.account, "region": world.region, "name": name}


def _filter(compatible: Compatible) -> dict[str, Any]:
    return {"runtime": compatible.runtime, "architecture": compatible.architecture}


def _row(layer: LayerVersion) -> dict[str, Any]:
    return _key(layer.world, layer.name) | {
        "number": layer.number,
        "code_sha256": layer.code.sha256,
        "code_size": layer.code.size,
        "policy_revision_id": layer.policy_revision_id,
        "document": _ENCODER.encode(layer),
    }


def _decode(document: bytes) -> LayerVersion:
    try:
        return _DECODER.decode(document)
    except msgspec.DecodeError as error:
        raise StorageUnavailable("The storage is unavailable: a layer's record is damaged.") from error
