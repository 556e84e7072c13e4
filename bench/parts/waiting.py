"""Events that wait, as if they had been accepted: written into the database of a Neve that is not running."""

import contextlib
import json
import sqlite3
import time
from pathlib import Path

PAYLOAD = json.dumps({"order": 4711, "text": "x" * 160}).encode()
_FILL = """
WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
INSERT INTO events (lane, due_ms, id, request_id, trace_header, accepted_ms)
SELECT :lane, :due_ms, :first + n, printf('8f0c0000-0000-4000-8000-%012d', n),
       'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:d0782663:0', :due_ms - 3600000
FROM numbers
"""
_FILL_PAYLOADS = """
WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
INSERT INTO payloads (id, payload) SELECT :first + n, :payload FROM numbers
"""


def fill(data: Path, name: str, count: int) -> None:
    """So many events of a function, which had one before, due in an hour."""
    with contextlib.closing(sqlite3.connect(data / "events.sqlite", isolation_level=None)) as database:
        (lane,) = database.execute("SELECT id FROM lanes WHERE function_name = ?", [name]).fetchone()
        (first,) = database.execute("SELECT coalesce(max(id), 0) FROM payloads").fetchone()
        due_ms = int(time.time() * 1000) + 3_600_000
        row = {"count": count, "lane": lane, "first": first, "payload": PAYLOAD, "due_ms": due_ms}
        database.execute("BEGIN")
        database.execute(_FILL, row)
        database.execute(_FILL_PAYLOADS, row)
        database.execute("COMMIT")
