"""How fast the stores are: `python bench/store.py`. Prints commits/s alone, rows/s in groups, reads from memory, log lines/s.

Everything goes to a directory that is removed at the end; name one on the disk that matters with TMPDIR.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from neve.clock import Clock
from neve.domain.function import LATEST, Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.sqlite.connection import Database
from neve.storage.sqlite.functions import SqliteFunctionStore
from neve.storage.sqlite.logs import SqliteLogStore
from neve.storage.store import LogLine

WORLD = World()
FUNCTION = Function(WORLD, "f", "nodejs22.x", "index.handler", "role", Code("s", 1), LoggingConfig("/g"), 1, "r")


def _say(what: str, count: int, since: float) -> None:
    seconds = time.perf_counter() - since
    print(f"{what:<44} {count / seconds:>12,.0f}/s")


async def _rows(directory: Path) -> None:
    database = await Database.open(directory / "rows.sqlite", "neve", "FULL")
    await database.write(lambda db: db.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB)").rowcount)

    async def insert() -> None:
        await database.write(lambda db: db.execute("INSERT INTO rows (body) VALUES (?)", (b"x" * 200,)).rowcount)

    since = time.perf_counter()
    for _ in range(3000):
        await insert()
    _say("one caller, one row a commit", 3000, since)
    for callers in (16, 128, 1024):
        since = time.perf_counter()
        for _ in range(20_480 // callers):
            await asyncio.gather(*(insert() for _ in range(callers)))
        _say(f"{callers} callers, group commit", 20_480, since)
    await database.close()


async def _functions(directory: Path) -> None:
    store = await SqliteFunctionStore.open(directory / "neve.sqlite")
    since = time.perf_counter()
    for number in range(2000):
        await store.create_function(replace(FUNCTION, name=f"f{number}"))
    _say("functions created by one caller", 2000, since)
    _repeat("functions from memory", 500_000, lambda: store.cached(WORLD, "f1999", LATEST))
    since = time.perf_counter()
    for number in range(2000):
        store._cache = type(store._cache)()
        await store.function(WORLD, f"f{number}", LATEST)
    _say("functions from disk", 2000, since)
    await store.close()


async def _logs(directory: Path) -> None:
    store = await SqliteLogStore.open(directory / "logs.sqlite", Clock())
    since = time.perf_counter()
    for number in range(1_000_000):
        store.append_nowait(LogLine(WORLD, "/g", f"s{number % 50}", number, "a line of about eighty characters " * 2))
        if number % 500 == 499:
            await asyncio.sleep(0)
        if number % 100_000 == 99_999:
            await store.group(WORLD, "/g")
    _say("log lines kept", 1_000_000, since)
    since = time.perf_counter()
    for number in range(500):
        await store.events(WORLD, "/g", None, None, number * 2000, None, None, None, False, 100)
    _say("100 of a million events by time", 500, since)
    print(f"{'log lines dropped':<44} {store.dropped_lines:>12,}")
    await store.close()


def _repeat(what: str, count: int, work: Callable[[], object]) -> None:
    since = time.perf_counter()
    for _ in range(count):
        work()
    _say(what, count, since)


async def _main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        await _rows(Path(directory))
        await _functions(Path(directory))
        await _logs(Path(directory))


if __name__ == "__main__":
    asyncio.run(_main())
