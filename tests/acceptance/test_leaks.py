"""Execution leaks through a real server: what is left is told, by line and by fate (V1)."""

import json
from pathlib import Path

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.machine import until
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.records import Record, Records, followed
from tests.acceptance.server import NeveServer, running

PROGRAMS = Path(__file__).parents[1] / "runtimes" / "nodejs" / "programs"
LEAVES = (PROGRAMS / "leaves.js").read_text()
FILES = {"index.js": LEAVES, "node_modules/table/index.js": (PROGRAMS / "table.js").read_text()}

HELD = "/held?secret=1"

# With less, a process that waits for its share of the CPU may be frozen late.
ONE_CPU = 1769

every_generation = pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs22.x", "nodejs24.x"])


def line_of(shape: str) -> int:
    """The line that a comment in the program marks."""
    return next(n for n, line in enumerate(LEAVES.splitlines(), 1) if line.endswith(f"// line of: {shape}"))


def leaving(deployed: Deploy, store: ObjectStore, runtime: str) -> Deployed:
    """A function that leaves what its event names, and in another invocation waits until that is over."""
    store.hold(HELD)
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
        store.let_go(HELD)
        second = call.result()
        inside_second = {"leakId": told["leakId"], "requestId": second.request_id}
        records.wait("neve.leakFinished", lambda each: each["record"] == inside_second)
        if shape == "timer with a log":
            line = records.wait("function", lambda each: f"late {first.request_id}" in each["record"]["text"])
            assert (line["record"]["leftOverFrom"], line["requestId"]) == (first.request_id, second.request_id)


def leaks_of(function: Deployed) -> list[Record]:
    """What Neve knows, the newest first."""
    found: list[Record] = function.server.own(f"leaks?function={function.name}")["leaks"]
    return found


def test_fate_of_work_that_went_on_is_kept(deployed: Deploy, store: ObjectStore) -> None:
    function = leaving(deployed, store, "nodejs24.x")
    with followed(function.server) as records:
        first = function.invoke({"leave": "fetch"})
        function.wait_frozen()
        (leak,) = leaks_of(function)
        assert (leak["fate"], leak["origin"], leak["seenIn"]) == ("pending", first.request_id, [])
        assert leak["description"] == f"GET {store.url}/held"
        call = function.begin()
        records.wait("function", lambda each: "begun" in each["record"]["text"])
        store.let_go(HELD)
        second = call.result()
        records.wait("neve.leakFinished")
    (leak,) = leaks_of(function)
    assert (leak["fate"], leak["seenIn"], leak["finished"]) == ("continued", [second.request_id], True)
    (group,) = function.server.own(f"leaks?function={function.name}")["groups"]
    assert (group["count"], group["fates"], group["source"]["line"]) == (1, {"continued": 1}, line_of("fetch"))


def test_work_whose_environment_is_reclaimed_never_continues(deployed: Deploy, store: ObjectStore) -> None:
    function = leaving(deployed, store, "nodejs24.x")
    function.invoke({"leave": "http"})
    function.wait_frozen()
    function.renew()
    (leak,) = leaks_of(function)
    assert (leak["fate"], leak["seenIn"]) == ("never", [])


def test_reports_survive_a_restart_and_what_was_frozen_then_never_continued(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        function = deploy(server, {"index.js": "exports.handler = async () => { setTimeout(() => {}, 60000) }"})
        function.invoke()
        function.wait_frozen()
        assert [leak["fate"] for leak in leaks_of(function)] == ["pending"]
        server.kill()
    with running(tmp_path / "data") as server:
        (leak,) = server.own(f"leaks?function={function.name}")["leaks"]
        assert (leak["fate"], leak["kind"]) == ("never", "timer")


def test_first_leak_switches_explanation_on_for_the_next_environments(deployed: Deploy, store: ObjectStore) -> None:
    """The line of the library at first, then the line of the user's that called it."""
    function = leaving(deployed, store, "nodejs24.x")
    store.hold("/held")
    places: list[str] = []
    for _ in range(2):
        function.invoke({"leave": "old sdk"})
        function.wait_frozen()
        until(lambda: len(leaks_of(function)) > len(places), "the leak was not told")
        places.append(leaks_of(function)[0]["source"]["file"])
        assert function.invoke({"exit": 1}).error == "Unhandled"  # the next invocation starts another runtime
    assert places == ["node_modules/table/index.js", "index.js"]


def test_off_tells_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--leaks", "off") as server:
        function = deploy(server, {"index.js": "exports.handler = async () => { setTimeout(() => {}, 60000) }"})
        function.invoke()
        function.wait_frozen()
        assert leaks_of(function) == []


def test_leaks_need_a_level_that_there_is(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the setting leaks takes one of off, detect, explain"):
        NeveServer.start(tmp_path / "data", "--leaks", "all")


def test_line_of_compiled_code_is_that_of_its_source(deployed: Deploy) -> None:
    mapping = {"version": 3, "sources": ["src/app.ts"], "names": [], "mappings": ";AAyCM;;"}
    code = "exports.handler = async () => {\nsetTimeout(() => {}, 60000);\n}\n//# sourceMappingURL=index.js.map\n"
    function = deployed({"index.js": code, "index.js.map": json.dumps(mapping)}, "nodejs24.x")
    with followed(function.server) as records:
        first = function.invoke()
        told = leak_of(records, first.request_id)
    assert told["source"] == {"file": "src/app.ts", "line": 42, "column": 7}
    assert told["stack"] == ["exports.handler (src/app.ts:42:7)"]
