"""Events through a hundred deaths: `python bench/kill.py [kills] [events]`. Says what was lost, which must be nothing.

The functions succeed, fail, are slow or have one slot; what they do is counted in this process, which is not killed.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.acceptance.kill_events import remembering, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--functions", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, remembering() as memory:
        dice = random.Random(asked.seed)
        town = run(Path(folder) / "data", memory, asked.functions, asked.events, asked.kills, dice, 2.0)
        not_run, not_told = town.missing()
    ready = sorted(town.ready_s)
    print(f"{len(town.acknowledged)} events accepted, {asked.kills} kills, {time.monotonic() - began:.0f} s")
    print(f"{sum(memory.ran.values())} runs, {sum(memory.told.values())} messages taken")
    print(f"ready after a kill: median {ready[len(ready) // 2]:.2f} s, longest {ready[-1]:.2f} s")
    print(f"lost: {len(not_run)} events, {len(not_told)} messages")
    sys.exit(bool(not_run or not_told))


if __name__ == "__main__":
    main()
