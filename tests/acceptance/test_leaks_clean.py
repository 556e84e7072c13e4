"""Five hundred invocations of functions as people write them, with their packages: nothing is called a leak (no false alarm).

`python -m bench.leak_clean` does the same on every major and level.
"""

from pathlib import Path

from tests.acceptance.clean import FUNCTIONS, invoked, put_up, surroundings, told_of
from tests.acceptance.records import followed
from tests.acceptance.server import running

HEAVY = {"aws-sdk", "express", "tables"}  # 20 times, the others 49 times: 501 in all


def test_nothing_is_told_of_functions_that_leave_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--neighbours", "--leaks", "explain") as server, surroundings(server) as variables:
        functions = {name: put_up(server, name, "nodejs24.x", variables) for name in FUNCTIONS}
        with followed(server) as records:
            invoked([function for name, function in functions.items() if name in HEAVY], 20)
            invoked([function for name, function in functions.items() if name not in HEAVY], 49)
            alarms = [leak for function in functions.values() for leak in told_of(function)["leaks"]]
        assert alarms == []
        assert not [each for each in records.seen if "leftOverFrom" in each["record"]]
