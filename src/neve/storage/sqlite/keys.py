"""Access keys in `keys.sqlite`, their secrets sealed."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from neve.domain.access_key import AccessKey
from neve.domain.identity_policy import document, parse
from neve.domain.principal import LastUsed
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database
from neve.storage.vault import Vault

_SQL = blocks.load("keys")


class SqliteKeyStore:
    """A `KeyStore` on one SQLite file and a master key beside it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    @classmethod
    async def open(cls, path: Path, vault: Vault) -> Self:
        """Open or create the file. OperatorError when it cannot be."""
        return cls(await Database.open(path, "keys", "FULL"), vault)

    async def close(self) -> None:
        """Write what waits, then close."""
        await self._database.close()

    async def all(self) -> Sequence[tuple[AccessKey, str]]:
        """Every key with its secret, the oldest first. OperatorError when the master key does not open them."""
        rows = await self._database.read(lambda db: db.execute(_SQL["all"]).fetchall())
        return [(_key(row), self._vault.unseal(row[-1], row[0])) for row in rows]

    async def add(self, key: AccessKey, secret: str) -> None:
        """A new one. OperatorError when it cannot be sealed."""
        row = {**_row(key), "sealed": self._vault.seal(secret, key.id)}
        await self._database.write(lambda db: db.execute(_SQL["insert"], row))

    async def update(self, key: AccessKey) -> None:
        """Whatever of it can change."""
        await self._database.write(lambda db: db.execute(_SQL["update"], _row(key)))

    async def note_use(self, uses: Mapping[str, LastUsed]) -> None:
        """When keys were used last, by id."""
        rows = [{"id": each, **asdict(used)} for each, used in uses.items()]
        await self._database.write(lambda db: db.executemany(_SQL["use"], rows))

    async def delete(self, identity: str) -> None:
        """Forget it, and its secret."""
        await self._database.write(lambda db: db.execute(_SQL["delete"], {"id": identity}))

    async def rotate(self) -> int:
        """Seal every secret with a new master key; how many. OperatorError."""
        secrets = await self.all()
        self._vault.begin_rotation()
        rows = [{"id": key.id, "sealed": self._vault.seal(secret, key.id)} for key, secret in secrets]

        def seal(db: sqlite3.Connection) -> None:
            db.executemany(_SQL["seal"], rows)

        await self._database.write(seal)
        self._vault.end_rotation()
        return len(rows)


def _row(key: AccessKey) -> Mapping[str, Any]:
    return {
        "id": key.id,
        "account": key.account,
        "name": key.name,
        "description": key.description,
        "created_ms": key.created_ms,
        "enabled": key.enabled,
        "policy": document(key.policy) if key.policy is not None else None,
    }


def _key(row: Sequence[Any]) -> AccessKey:
    identity, account, name, description, created_ms, enabled, policy, used_ms, service, region, _ = row
    return AccessKey(
        id=identity,
        account=account,
        name=name,
        description=description,
        created_ms=created_ms,
        enabled=bool(enabled),
        policy=parse(policy) if policy is not None else None,
        last_used=LastUsed(used_ms, service, region) if used_ms is not None else None,
    )
