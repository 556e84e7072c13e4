"""What the leak watch has found, in `leaks.sqlite` (`synchronous=NORMAL`: a power cut may cost the last of it)."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import msgspec

from neve.domain.diagnosis import Diagnosis
from neve.domain.leak import Leak, LeftOverLine
from neve.domain.world import World
from neve.storage.sqlite import blocks
from neve.storage.sqlite.connection import Database

_SQL = blocks.load("leaks")
_ENCODER = msgspec.json.Encoder()
_LEAK = msgspec.json.Decoder(Leak)
_DIAGNOSIS = msgspec.json.Decoder(Diagnosis)

LEAKS_KEPT = 1_000
LINES_KEPT = 2_000
DIAGNOSES_KEPT = 200
"""Of each function."""


class SqliteLeakStore:
    """A `LeakStore` on one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or create the file. What is pending belongs to environments of a Neve that has ended: it never continued.

        OperatorError when it cannot be opened.
        """
        store = cls(await Database.open(path, "leaks", "NORMAL"))
        await store._lose_pending()
        return store

    async def close(self) -> None:
        """Write what waits, then close."""
        await self._database.close()

    async def keep(
        self, leaks: Iterable[Leak], lines: Iterable[LeftOverLine] = (), diagnoses: Iterable[Diagnosis] = ()
    ) -> None:
        """In one transaction; a leak that is known is replaced."""
        rows = [_leak_row(leak) for leak in leaks]
        line_rows = [_line_row(line) for line in lines]
        diagnosis_rows = [_diagnosis_row(diagnosis) for diagnosis in diagnoses]

        def put(db: sqlite3.Connection) -> None:
            for inserting, trimming, most, found in (
                ("put", "trim", LEAKS_KEPT, rows),
                ("insert_line", "trim_lines", LINES_KEPT, line_rows),
                ("insert_diagnosis", "trim_diagnoses", DIAGNOSES_KEPT, diagnosis_rows),
            ):
                db.executemany(_SQL[inserting], found)
                for name in {row["function_name"] for row in found}:
                    db.execute(_SQL[trimming], {"function_name": name, "most": most - 1})

        await self._database.write(put)

    async def leaks(self, function_name: str | None, limit: int) -> Sequence[Leak]:
        """The newest first."""
        return [_LEAK.decode(each) for each in await self._documents("of_all", "of_function", function_name, limit)]

    async def diagnoses(self, function_name: str | None, limit: int) -> Sequence[Diagnosis]:
        """The newest first."""
        found = await self._documents("diagnoses_of_all", "diagnoses_of_function", function_name, limit)
        return [_DIAGNOSIS.decode(each) for each in found]

    async def lines(self, function_name: str, since_ms: int) -> Sequence[LeftOverLine]:
        """In the order of time."""
        members = {"function_name": function_name, "since_ms": since_ms}
        rows = await self._database.read(lambda db: db.execute(_SQL["lines_since"], members).fetchall())
        return [LeftOverLine(World(account, region), function_name, *rest) for account, region, *rest in rows]

    async def _documents(self, all_: str, one: str, function_name: str | None, limit: int) -> Sequence[bytes]:
        block = _SQL[all_ if function_name is None else one]
        members = {"function_name": function_name, "limit": limit}
        rows = await self._database.read(lambda db: db.execute(block, members).fetchall())
        return [row[0] for row in rows]

    async def _lose_pending(self) -> None:
        rows = await self._database.read(lambda db: db.execute(_SQL["pending"]).fetchall())
        if rows:
            await self.keep(_LEAK.decode(row[0]).lost() for row in rows)


def _leak_row(leak: Leak) -> Mapping[str, Any]:
    return {**_place(leak), "id": leak.id, "at_ms": int(leak.at_ms), "pending": leak.pending, "document": _encode(leak)}


def _line_row(line: LeftOverLine) -> Mapping[str, Any]:
    return {**_place(line), **{name: value for name, value in asdict(line).items() if name != "world"}}


def _diagnosis_row(diagnosis: Diagnosis) -> Mapping[str, Any]:
    return {**_place(diagnosis), "at_ms": int(diagnosis.at_ms), "document": _encode(diagnosis)}


def _place(found: Leak | LeftOverLine | Diagnosis) -> Mapping[str, Any]:
    return {"account": found.world.account, "region": found.world.region, "function_name": found.function_name}


def _encode(found: Leak | Diagnosis) -> bytes:
    return _ENCODER.encode(found)
