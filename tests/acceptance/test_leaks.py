"""Execution leaks through a real server: what is left is told, by line and by fate (V1)."""

from pathlib import Path

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.records import Record, Records, followed

PROGRAMS = Path(__file__).parents[1] / "runtimes" / "nodejs" / "programs"
LEAVES = (PROGRAMS / "leaves.js").read_text()
FILES = {"index.js": LEAVES, "node_modules/table/index.js": (PROGRAMS / "table.js").read_text()}

# With less, a process that waits for its share of the CPU may be frozen late.
ONE_CPU = 1769

every_generation = pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs22.x", "nodejs24.x"])


def line_of(shape: str) -> int:
    """The line that a comment in the program marks."""
    return next(n for n, line in enumerate(LEAVES.splitlines(), 1) if line.endswith(f"// line of: {shape}"))


def leaving(deployed: Deploy, store: ObjectStore, runtime: str) -> Deployed:
    """A function that leaves what its event names, and in another invocation waits until that is over."""
    store.hold("/held")
    variables = {"URL": store.url, "FIFO": "/nowhere"}
    return deployed(FILES, runtime, MemorySize=ONE_CPU, Environment={"Variables": variables})


def leak_of(records: Records, origin: str) -> Record:
    """The leak of one invocation."""
    told: Record = records.wait("neve.leak", lambda each: each["record"]["origin"] == origin)["record"]
    return told


@every_generation
@pytest.mark.parametrize("shape", ["timer with a log", "http"])
def test_work_is_told_when_it_is_left_and_when_it_goes_on(
    deployed: Deploy, store: ObjectStore, runtime: str, shape: str
) -> None:
    function = leaving(deployed, store, runtime)
    with followed(function.server) as records:
        first = function.invoke({"leave": shape})
        told = leak_of(records, first.request_id)
        assert told["kind"] == {"timer with a log": "timer"}.get(shape, shape)
        assert (told["source"]["file"], told["source"]["line"]) == ("index.js", line_of(shape))
        function.wait_frozen()
        call = function.begin()
        records.wait("function", lambda each: "begun" in each["record"]["text"])
        store.let_go("/held")
        second = call.result()
        inside_second = {"leakId": told["leakId"], "requestId": second.request_id}
        records.wait("neve.leakFinished", lambda each: each["record"] == inside_second)
        if shape == "timer with a log":
            line = records.wait("function", lambda each: f"late {first.request_id}" in each["record"]["text"])
            assert (line["record"]["leftOverFrom"], line["requestId"]) == (first.request_id, second.request_id)
