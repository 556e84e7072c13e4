"""Many rows in few statements.

SQLite's module gives the interpreter away around every step of a statement, and gets it back when the event loop lets go of it:
in a busy Neve a row of its own took 25 µs of processor time and up to 2.6 ms of waiting, a row among 200 takes 5 µs.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

ROWS = 200
"""In one statement: each may have 160 values (SQLite's limit is 32,766)."""


def insert(db: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert the rows in their order. `statement` ends in a parenthesis of question marks, the values of one row."""
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        db.execute(_of(statement, len(some)), list(chain.from_iterable(some)))


@cache
def _of(statement: str, rows: int) -> str:
    values = statement[statement.rindex("(") :]
    return statement + f", {values}" * (rows - 1)
