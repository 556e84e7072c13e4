"""Execution leaks through a real server: what the charter's leaking programs leave is told, by line and by fate (V1)."""

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
from tests.acceptance.records import Record, Records, followed

# With less, a process that waits for its share of the CPU may be frozen late: its timer fires first.
ONE_CPU = 1769

every_generation = pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs22.x", "nodejs24.x"])


def leak_of(records: Records, function: Deployed, origin: str) -> Record:
    """The leak of one invocation."""
    told = records.wait(
        "neve.leak", lambda each: each["function"] == function.name and each["record"]["origin"] == origin
    )
    leak: Record = told["record"]
    return leak


@every_generation
def test_late_timer_is_told_when_it_is_left_and_when_it_goes_on(deployed: Deploy, runtime: str) -> None:
    """A9"""
    function = deployed("a09-late-timer", runtime, MemorySize=ONE_CPU)
    with followed(function.server) as records:
        first = function.invoke()
        told = leak_of(records, function, first.request_id)
        assert (told["kind"], told["description"]) == ("timer", "timer (20 ms)")
        assert (told["source"]["file"], told["source"]["line"]) == ("index.mjs", 3)
        assert told["stack"] == ["handler (index.mjs:3:3)"]
        function.wait_overdue(0.02)
        second = function.invoke()
        inside_second = {"leakId": told["leakId"], "requestId": second.request_id}
        records.wait("neve.leakFinished", lambda each: each["record"] == inside_second)
        line = records.wait("function", lambda each: "leftOverFrom" in each["record"])
        assert line["record"]["leftOverFrom"] == first.request_id
        assert line["requestId"] == second.request_id
