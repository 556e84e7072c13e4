"""Scenarios L2 to L6: how long an environment lives, what is kept in it, and that it stands still in between."""

import json
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.acceptance import machine
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Answer, Deployed, deploy
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.records import followed
from tests.acceptance.server import NeveServer, running

RUNTIMES = pytest.mark.parametrize("runtime", ["nodejs22.x", "nodejs24.x", "python3.11"])
BOUND_S = 30.0
LOOKS_AT = 0.5
"""CPU seconds that pass between two looks at what must stand still: fifty ticks of the kernel's clock."""


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """For invocations that run at the same time."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def mark() -> Iterator[str]:
    """An argument by which a test finds its processes; none of them may be left."""
    mark = f"burns-{uuid.uuid4().hex}"
    yield mark
    for left in (f"{mark}-daemon", f"{mark}-child"):
        machine.until(lambda left=left: not machine.processes_with(left), f"{left} outlived its environment")  # type: ignore[misc]


@pytest.fixture
def kept() -> Iterator[str]:
    """A file in the `/tmp` of functions, which is the machine's where nothing is isolated."""
    file = Path(f"/tmp/kept-{uuid.uuid4().hex}")
    yield str(file)
    file.unlink(missing_ok=True)


@RUNTIMES
def test_l2_two_in_a_row_share_an_environment_and_its_modules(deployed: Deploy, runtime: str) -> None:
    function = deployed("l-counter", runtime)
    answers = [function.invoke().value for _ in range(5)]
    assert [answer["count"] for answer in answers] == [1, 2, 3, 4, 5]
    (environment,) = function.environments()
    assert {answer["stream"] for answer in answers} == {environment["logStream"]}
    assert environment["invocations"] == 5


def test_l2_a_change_of_the_configuration_begins_with_a_new_environment(deployed: Deploy) -> None:
    function = deployed("l-counter")
    before = function.invoke().value
    client = function.server.client("lambda")
    client.update_function_configuration(FunctionName=function.name, MemorySize=256)
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function.name, WaiterConfig={"Delay": 0, "MaxAttempts": 500}
    )
    after = function.invoke().value
    assert (before["count"], after["count"]) == (1, 1)
    assert before["stream"] != after["stream"]


@RUNTIMES
def test_l3_two_at_the_same_time_have_an_environment_each(
    deployed: Deploy, store: ObjectStore, callers: ThreadPoolExecutor, runtime: str
) -> None:
    function = deployed("l-counter", runtime)
    calls = hold(function, store, callers, 2)
    assert [each["state"] for each in function.environments()] == ["invoking", "invoking"]
    store.let_go("/held")
    answers = [call.result(BOUND_S).value for call in calls]
    assert [answer["count"] for answer in answers] == [1, 1]
    streams = {answer["stream"] for answer in answers}
    assert len(streams) == 2
    third = function.invoke().value
    assert third["count"] == 2
    assert third["stream"] in streams


def test_l4_an_environment_that_was_idle_too_long_is_gone(tmp_path: Path, store: ObjectStore) -> None:
    with (
        running(tmp_path / "data", "--virtual-clock", "--idle-seconds", "60") as neve,
        followed(neve) as records,
    ):
        function = deploy(neve, "l-counter")
        first = function.invoke().value
        (environment,) = function.environments()
        process = environment["pid"], machine.started(environment["pid"])
        records.wait("neve.freeze")

        neve.own("clock/advance", {"seconds": 59})
        assert function.invoke().value == {"count": 2, "stream": first["stream"]}  # and is used again
        records.wait("neve.freeze", count=2)
        neve.own("clock/advance", {"seconds": 59})
        assert [each["id"] for each in function.environments()] == [environment["id"]]

        neve.own("clock/advance", {"seconds": 2})
        stopped = records.wait("neve.environmentStopped")
        assert (stopped["function"], stopped["environment"]) == (function.name, environment["id"])
        assert stopped["record"] == {"invocations": 2}
        assert function.environments() == []
        assert machine.started(process[0]) != process[1]
        again = function.invoke().value
        assert again["count"] == 1
        assert again["stream"] != first["stream"]


def test_l4_an_invocation_is_never_idle(tmp_path: Path, store: ObjectStore, callers: ThreadPoolExecutor) -> None:
    with (
        running(tmp_path / "data", "--virtual-clock", "--idle-seconds", "60") as neve,
        followed(neve) as records,
    ):
        function = deploy(neve, "l-counter")
        (call,) = hold(function, store, callers, 1)
        neve.own("clock/advance", {"seconds": 3600})
        store.let_go("/held")
        answer = call.result(BOUND_S).value
        records.wait("neve.freeze")
        assert function.invoke().value == {"count": 2, "stream": answer["stream"]}


@RUNTIMES
def test_l5_what_burns_cpu_stands_still_between_invocations(
    neve: NeveServer,
    mark: str,  # before `deployed`: looks for what is left after the function was deleted
    deployed: Deploy,
    store: ObjectStore,
    callers: ThreadPoolExecutor,
    runtime: str,
) -> None:
    other = deployed("l-work")
    function = deployed("l-burner", runtime, timeout_s=30)
    with followed(neve) as records:
        function.invoke({"mark": mark})
        records.wait("neve.freeze", lambda record: record["function"] == function.name)
        burners = all_of(function, mark)
        before = [machine.cpu_seconds(pid) for pid in burners]
        assert other.invoke({"milliseconds": LOOKS_AT * 1000}).value >= LOOKS_AT * 1000
        assert [machine.cpu_seconds(pid) for pid in burners] == before

        store.hold("/held")
        call = callers.submit(function.invoke, {"url": f"{store.url}/held"})
        store.wait_request("PUT", "/held")
        machine.until(
            lambda: all(machine.cpu_seconds(pid) > used for pid, used in zip(burners, before, strict=True)),
            "what was frozen did not go on in the next invocation",
        )
        store.let_go("/held")
        call.result(BOUND_S)
        records.wait("neve.freeze", lambda record: record["function"] == function.name, count=2)
        before = [machine.cpu_seconds(pid) for pid in burners]
        other.invoke({"milliseconds": LOOKS_AT * 1000})
        assert [machine.cpu_seconds(pid) for pid in burners] == before


ENDS = {
    "timeout": ("Sandbox.Timedout", "Task timed out after 1.00 seconds"),
    "exit 0": ("Runtime.ExitError", "Runtime exited without providing a reason"),
    "exit 3": ("Runtime.ExitError", "Runtime exited with error: exit status 3"),
    "killed": ("Runtime.ExitError", "Runtime exited with error: signal: killed"),
    "uncaught": ("Runtime.ExitError", "Runtime exited with error: exit status 1"),
}


@RUNTIMES
@pytest.mark.parametrize("how", ENDS)
def test_l6_after_a_timeout_or_crash_init_is_clean_and_files_are_kept(
    deployed: Deploy, kept: str, runtime: str, how: str
) -> None:
    function = deployed("l-broken", runtime, timeout_s=1)
    first = function.invoke({"file": kept}).value
    assert (first["count"], first["found"]) == (1, False)

    broken = function.invoke({"file": kept, "how": how}, tail=True)
    assert (broken.status, broken.error) == (200, "Unhandled")
    assert outcome(broken) == expected(runtime, how, broken.request_id)

    again = function.invoke({"file": kept}, tail=True)
    assert again.value == {"count": 1, "found": True, "stream": first["stream"]}
    assert "Init Duration" not in (again.log or "")
    lines = function.log_lines()
    assert sum(line.startswith("INIT_START ") for line in lines) == 1
    assert not any(line.startswith("INIT_REPORT ") for line in lines)
    assert f"broken by {how}" in "\n".join(lines)


@RUNTIMES
@pytest.mark.parametrize("how", ["timeout", "exit 3"])
def test_l6_the_report_says_how_it_ended(deployed: Deploy, kept: str, runtime: str, how: str) -> None:
    function = deployed("l-broken", runtime, timeout_s=1)
    event = {"file": kept, "how": how}
    cold, suppressed = function.invoke(event, tail=True), function.invoke(event, tail=True)
    init = r"Init Duration: (?P<init>\d+\.\d\d) ms\t"
    for answer, inits in ((cold, init), (suppressed, "")):
        report = (answer.log or "").splitlines()[-1]
        if how == "timeout":
            numbers, ending = r"Duration: 1000\.00 ms\tBilled Duration: (?P<billed>\d+) ms\t", "Status: timeout"
        else:
            numbers, ending = (
                r"Duration: \d+\.\d\d ms\tBilled Duration: (?P<billed>\d+) ms\t",
                "Status: error\tError Type: Runtime.ExitError",
            )
        line = rf"REPORT RequestId: {answer.request_id}\t{numbers}Memory Size: 128 MB\tMax Memory Used: \d+ MB\t{inits}{ending}"
        found = re.fullmatch(line, report)
        assert found, report
        if how == "timeout":
            init_ms = float(found["init"]) if inits else 0.0
            assert int(found["billed"]) == -int(-(1000.0 + init_ms) // 1)
        assert (answer.log or "").splitlines()[-2] == f"END RequestId: {answer.request_id}"


def hold(function: Deployed, store: ObjectStore, callers: ThreadPoolExecutor, count: int) -> "list[Future[Answer]]":
    """That many invocations at once, all of which have begun and wait for the store to let them go."""
    store.hold("/held")
    calls = [callers.submit(function.invoke, {"url": f"{store.url}/held"}) for _ in range(count)]
    store.wait_request("PUT", "/held", count)
    return calls


def all_of(function: Deployed, mark: str) -> list[int]:
    """The runtime's process (with its thread), the child and the daemon."""
    (environment,) = function.environments()
    (child,) = machine.processes_with(f"{mark}-child")
    (daemon,) = machine.processes_with(f"{mark}-daemon")
    return [environment["pid"], child, daemon]


def outcome(answer: Answer) -> dict[str, str]:
    """What the platform and the runtimes say alike."""
    return {key: value for key, value in json.loads(answer.payload).items() if key in ("errorType", "errorMessage")}


def expected(runtime: str, how: str, request_id: str) -> dict[str, str]:
    if how == "uncaught" and runtime == "nodejs22.x":  # its runtime client listens for what nobody catches
        return {"errorType": "TypeError", "errorMessage": "nobody catches this"}
    error_type, text = ENDS[how]
    return {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {text}"}
