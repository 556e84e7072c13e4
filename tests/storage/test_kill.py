"""`kill -9` at any moment: whatever was acknowledged is there."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

from neve.domain.function import LATEST
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore

ROUNDS = 10
WRITER = """
import asyncio, pathlib, sys
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore

async def write(store, first, step):
    number = first
    while True:
        name = f"{sys.argv[2]}-{number}"
        await store.create_function(
            Function(World(), name, "nodejs22.x", "i.h", "r", Code("s", 1), LoggingConfig("/g"), 1, name)
        )
        sys.stdout.write(name + "\\n")
        sys.stdout.flush()
        number += step

async def main():
    store = await SqliteFunctionStore.open(pathlib.Path(sys.argv[1]))
    await asyncio.gather(*(write(store, first, 8) for first in range(8)))

asyncio.run(main())
"""


def write_until_killed(path: Path, round_: int, acknowledged_before_kill: int) -> list[str]:
    """The names that a child acknowledged; it is killed at a random moment after that many."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(round_)], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        names = [child.stdout.readline() for _ in range(acknowledged_before_kill)]
        child.kill()
        names += child.stdout.readlines()
    return [name.strip() for name in names if name.endswith("\n")]


async def test_acknowledged_functions_survive_kill_9(tmp_path: Path) -> None:
    dice = random.Random(20_240)
    path = tmp_path / "neve.sqlite"
    acknowledged: list[str] = []
    for round_ in range(ROUNDS):
        acknowledged += await asyncio.to_thread(write_until_killed, path, round_, dice.randint(1, 400))
        store = await SqliteFunctionStore.open(path)
        kept = {found.name for found in await store.functions(World(), None, 1_000_000)}
        assert set(acknowledged) <= kept
        found = await store.function(World(), acknowledged[-1], LATEST)
        assert found is not None
        assert found.revision_id == acknowledged[-1]
        await store.close()
