"""Rows that are inserted together."""

import sqlite3

import pytest

from neve.storage.sqlite import many


@pytest.mark.parametrize("count", [0, 1, many.ROWS - 1, many.ROWS, many.ROWS + 1, 3 * many.ROWS])
def test_all_rows_are_there_in_their_order(count: int) -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT, length INTEGER)")
    rows = [(f"w\0{number}", number) for number in range(count)]
    many.insert(db, "INSERT INTO words (word, length) VALUES (?, ?)", rows)
    assert db.execute("SELECT word, length FROM words ORDER BY id").fetchall() == rows
