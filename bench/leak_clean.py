"""False alarms of the leak watch: functions that leave nothing behind, with real packages, invoked again and again.

    python -m bench.leak_clean [--times N] [--runtimes nodejs20.x ...] [--levels detect explain] [--only NAME ...]

Prints what was told of each; design: no leak, whatever the runtime and the level. What the init phase keeps is none.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.acceptance.clean import FUNCTIONS, invoked, put_up, surroundings, told_of
from tests.acceptance.server import NeveServer, running


def main() -> None:
    """Each level has a server of its own, each runtime its functions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--runtimes", nargs="*", default=["nodejs20.x", "nodejs22.x", "nodejs24.x"])
    parser.add_argument("--levels", nargs="*", default=["detect", "explain"])
    parser.add_argument("--only", nargs="*", default=list(FUNCTIONS))
    wanted = parser.parse_args()
    alarms = 0
    for level in wanted.levels:
        with (
            tempfile.TemporaryDirectory() as folder,
            running(Path(folder) / "data", "--neighbours", "--leaks", level) as server,
        ):
            alarms += sum(alarms_of(server, level, wanted.runtimes, wanted.only, wanted.times))
    sys.exit(f"{alarms} false alarms" if alarms else 0)


def alarms_of(server: NeveServer, level: str, runtimes: list[str], names: list[str], times: int) -> list[int]:
    """The number of false alarms of each function."""
    alarms = []
    with surroundings(server) as variables:
        for runtime in runtimes:
            functions = {name: put_up(server, name, runtime, variables) for name in names}
            invoked(list(functions.values()), times)
            for name, function in functions.items():
                told = told_of(function)
                print(
                    f"{level:8} {runtime:11} {name:10} {len(told['leaks'])} leaks, {len(told['init'])} of the init phase"
                )
                for group in told["groups"]:
                    print(json.dumps(group, indent=2))
                alarms.append(len(told["leaks"]))
                function.delete()
    return alarms


if __name__ == "__main__":
    main()
