"""Schema changes: numbered SQL files in `migrations/<database>/`, forward only, all in one transaction with `user_version`."""

import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from neve.domain.errors import OperatorError


def migrate(connection: sqlite3.Connection, database: str, path: Path) -> None:
    """Bring the database to the newest version that this Neve knows. OperatorError when it was written by a newer one."""
    steps = _steps(database)
    if _version(connection) < len(steps):
        _apply(connection, steps)
    if _version(connection) > len(steps):
        raise OperatorError(
            f"the database {path} was written by a newer Neve (schema {_version(connection)}, this one knows "
            f"{len(steps)}); install that version again, or name another directory with --data-dir"
        )


def _apply(connection: sqlite3.Connection, steps: Sequence[str]) -> None:
    connection.execute("BEGIN EXCLUSIVE")
    try:
        for step in steps[_version(connection) :]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _steps(database: str) -> list[str]:
    """The files in the order of their numbers, which count from 1 without a gap."""
    folder = resources.files("neve.storage.sqlite") / "migrations" / database
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    numbers = [int(file.name[:3]) for file in files]
    if numbers != list(range(1, len(files) + 1)):
        raise ValueError(f"the migrations of {database} are not numbered 1, 2, 3, …: {numbers}")
    return [file.read_text(encoding="utf-8") for file in files]


def _statements(script: str) -> Iterator[str]:
    """`executescript` would commit what is open, so the statements are taken one by one."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in statement.splitlines()):
        raise ValueError(f"a migration ends in the middle of a statement: {statement!r}")
