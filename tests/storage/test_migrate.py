"""Schema versions: forward only, all or nothing, a newer database refused."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from neve.domain.errors import OperatorError
from neve.storage.sqlite import migrate


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(tmp_path / "t.sqlite", isolation_level=None)
    yield opened
    opened.close()


def version(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


@pytest.mark.parametrize(("database", "table"), [("neve", "functions"), ("logs", "log_events")])
def test_new_file_gets_the_newest_schema_once(connection: sqlite3.Connection, database: str, table: str) -> None:
    for _ in range(2):
        migrate.migrate(connection, database, Path("x"))
        assert table in tables(connection)
        assert version(connection) == len(migrate._steps(database))


def test_only_the_missing_steps_run(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = ["CREATE TABLE a (x);"]
    monkeypatch.setattr(migrate, "_steps", lambda database: steps)
    migrate.migrate(connection, "any", Path("x"))
    steps.append("-- a comment; with a semicolon\nALTER TABLE a ADD COLUMN y;\nCREATE TABLE b (x);")
    migrate.migrate(connection, "any", Path("x"))
    assert tables(connection) == {"a", "b"}
    assert version(connection) == 2


def test_failing_step_leaves_nothing_of_itself(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_steps", lambda database: ["CREATE TABLE a (x);", "CREATE TABLE a (x);"])
    with pytest.raises(sqlite3.OperationalError):
        migrate.migrate(connection, "any", Path("x"))
    assert tables(connection) == set()
    assert version(connection) == 0
    assert not connection.in_transaction


def test_database_of_a_newer_neve_is_refused(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA user_version = 99")
    with pytest.raises(OperatorError, match=r"x\.sqlite was written by a newer Neve \(schema 99, .* --data-dir"):
        migrate.migrate(connection, "neve", Path("x.sqlite"))
    assert tables(connection) == set()


def test_half_a_statement_is_noticed(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_steps", lambda database: ["CREATE TABLE a (x)"])
    with pytest.raises(ValueError, match="in the middle of a statement"):
        migrate.migrate(connection, "any", Path("x"))


@pytest.mark.parametrize(("kept", "arn"), [({"TargetArn": "arn:q"}, "arn:q"), ({"TargetArn": ""}, None), ({}, None)])
def test_dead_letter_queue_that_was_kept_only_is_one_of_the_function(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, kept: dict[str, str], arn: str | None
) -> None:
    steps = migrate._steps("neve")
    monkeypatch.setattr(migrate, "_steps", lambda database: steps[:4])
    migrate.migrate(connection, "neve", Path("x"))
    document = {"extra": {"DeadLetterConfig": kept, "KMSKeyArn": "k"}}
    connection.execute(
        "INSERT INTO functions (account, region, name, version, revision_id, state, code_sha256, code_size, document) "
        "VALUES ('0', 'r', 'f', '$LATEST', 'r1', 'Active', 's', 1, CAST(? AS BLOB))",
        (json.dumps(document),),
    )
    monkeypatch.setattr(migrate, "_steps", lambda database: steps)
    migrate.migrate(connection, "neve", Path("x"))
    (stored,) = connection.execute("SELECT document FROM functions").fetchone()
    assert isinstance(stored, bytes)
    assert json.loads(stored) == {"extra": {"KMSKeyArn": "k"}, "dead_letter_arn": arn}


def test_totals_count_what_was_there_before_they_were_kept(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrate._steps("neve")
    monkeypatch.setattr(migrate, "_steps", lambda database: steps[:9])
    migrate.migrate(connection, "neve", Path("x"))
    document = json.dumps({"runtime": "nodejs24.x", "memory_mb": 128, "last_modified_ms": 5})
    for name, version in (("f", "$LATEST"), ("f", "1"), ("g", "$LATEST")):
        connection.execute(
            "INSERT INTO functions (account, region, name, version, revision_id, state, code_sha256, code_size, document) "
            "VALUES ('0', 'r', ?, ?, 'r1', 'Active', 's', 10, CAST(? AS BLOB))",
            (name, version, document),
        )
    connection.execute("INSERT INTO layer_versions VALUES ('0', 'r', 'l', 1, 's', 7, NULL, CAST('{}' AS BLOB))")
    monkeypatch.setattr(migrate, "_steps", lambda database: steps)
    migrate.migrate(connection, "neve", Path("x"))
    assert connection.execute("SELECT * FROM code_usage").fetchall() == [("0", "r", 37, 2)]
    assert connection.execute("SELECT * FROM runtimes_in_use").fetchall() == [("nodejs24.x", 128, 2, 5)]
    connection.execute("DELETE FROM functions WHERE name = 'g'")
    connection.execute("UPDATE functions SET memory_mb = 256, code_size = 4 WHERE version = '$LATEST'")
    assert connection.execute("SELECT code_size, functions FROM code_usage").fetchall() == [(21, 1)]
    assert connection.execute("SELECT * FROM runtimes_in_use").fetchall() == [("nodejs24.x", 256, 1, 5)]
