"""Every named block is valid SQL for the newest schema, is used, and finds its rows through an index."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from neve.storage.sqlite import (
    aliases,
    blocks,
    capacity_providers,
    code_signing,
    concurrency,
    deliveries,
    event_invoke,
    event_sources,
    events,
    function_urls,
    functions,
    layers,
    leaks,
    log_trim,
    logs,
)
from neve.storage.sqlite.migrate import migrate

NOUNS = {
    "functions": ("neve", functions),
    "aliases": ("neve", aliases),
    "capacity_providers": ("neve", capacity_providers),
    "code_signing": ("neve", code_signing),
    "concurrency": ("neve", concurrency),
    "event_invoke": ("neve", event_invoke),
    "event_sources": ("neve", event_sources),
    "function_urls": ("neve", function_urls),
    "layers": ("neve", layers),
    "events": ("events", events),
    "deliveries": ("events", deliveries),
    "leaks": ("leaks", leaks),
    "logs": ("logs", logs),
    "log_trim": ("logs", log_trim),
}
SHORT = ("SCAN lanes", "SCAN targets", "SCAN runtimes_in_use")  # one row for each function, target, kind of runtime
BLOCKS = [(noun, name) for noun in NOUNS for name in blocks.load(noun)]


@pytest.fixture
def connection(request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened, NOUNS[request.getfixturevalue("noun")][0], Path("x"))
    yield opened
    opened.close()


def plan(connection: sqlite3.Connection, sql: str) -> list[str]:
    members = ["1"] * sql.count("?") or dict.fromkeys(re.findall(r":(\w+)", sql), "1")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", members)]


@pytest.mark.parametrize(("noun", "name"), BLOCKS)
def test_block_is_valid_and_scans_no_table(connection: sqlite3.Connection, noun: str, name: str) -> None:
    steps = plan(connection, blocks.load(noun)[name])
    allowed = ("SCAN json_each", "SCAN log_groups", "SCAN deleted_log_streams", "SCAN CONSTANT ROW", *SHORT)
    scans = [step for step in steps if step.startswith("SCAN") and not step.startswith(allowed) and "USING" not in step]
    assert scans == []


@pytest.mark.parametrize(
    ("noun", "name"), [(noun, name) for noun, name in BLOCKS if "events" in name or "streams_by" in name]
)
def test_ordered_reading_sorts_nothing(connection: sqlite3.Connection, noun: str, name: str) -> None:
    assert not [step for step in plan(connection, blocks.load(noun)[name]) if "TEMP B-TREE" in step]


@pytest.mark.parametrize(("noun", "name"), BLOCKS)
def test_block_is_used(noun: str, name: str) -> None:
    source = Path(NOUNS[noun][1].__file__ or "").read_text()
    assert f'"{name.removesuffix("_descending")}"' in source


def test_name_given_twice_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "odd.sql").write_text("-- name: a\nSELECT 1\n-- name: a\nSELECT 2\n")
    monkeypatch.setattr("neve.storage.sqlite.blocks.resources.files", lambda package: tmp_path)
    with pytest.raises(ValueError, match="twice"):
        blocks.load("odd")
