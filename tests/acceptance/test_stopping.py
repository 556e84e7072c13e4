"""Stopping: what an operator's SIGTERM or SIGINT ends, what it waits for, and what is still there after the next start."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import botocore.exceptions
import pytest
from tests.acceptance import machine
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.records import followed
from tests.acceptance.server import NeveServer, clean_environment, running

BOUND_S = 30.0
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """For invocations that are running while the server stops."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


@SIGNALS
def test_a_running_invocation_ends_and_its_caller_gets_the_answer(
    tmp_path: Path, store: ObjectStore, callers: ThreadPoolExecutor, number: int
) -> None:
    with running(tmp_path / "data", "--drain-seconds", "60") as neve:
        function = deploy(neve, "l-counter")
        store.hold("/held")
        call = callers.submit(function.invoke, {"url": f"{store.url}/held"})
        store.wait_request("PUT", "/held")
        neve.process.send_signal(number)
        machine.until(lambda: not accepts(neve), "the server still accepts connections")
        assert neve.process.poll() is None
        assert not call.done()
        store.let_go("/held")
        assert call.result(BOUND_S).value["count"] == 1
        assert neve.wait_ended() == 0


@SIGNALS
def test_an_invocation_that_outlasts_the_patience_gets_an_error(
    tmp_path: Path, store: ObjectStore, callers: ThreadPoolExecutor, number: int
) -> None:
    with running(tmp_path / "data", "--drain-seconds", "0.3") as neve:
        function = deploy(neve, "l-counter", timeout_s=60)
        store.hold("/held")
        call = callers.submit(function.invoke, {"url": f"{store.url}/held"})
        store.wait_request("PUT", "/held")
        began = time.monotonic()
        neve.process.send_signal(number)
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            call.result(BOUND_S)
        assert neve.wait_ended() == 0
        assert time.monotonic() - began < 10
    answer = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert answer["Error"] == {
        "Code": "ServiceException",
        "Message": "Neve was stopped before the invocation ended.",
    }


def test_a_second_signal_ends_the_patience(tmp_path: Path, store: ObjectStore, callers: ThreadPoolExecutor) -> None:
    with running(tmp_path / "data", "--drain-seconds", "600") as neve, followed(neve) as records:
        function = deploy(neve, "l-counter", timeout_s=600)
        store.hold("/held")
        call = callers.submit(function.invoke, {"url": f"{store.url}/held"})
        store.wait_request("PUT", "/held")
        neve.process.send_signal(signal.SIGINT)
        assert records.ended.wait(BOUND_S)  # the first one was heard
        neve.process.send_signal(signal.SIGINT)
        with pytest.raises(botocore.exceptions.ClientError, match="Neve was stopped before the invocation ended"):
            call.result(BOUND_S)
        assert neve.wait_ended() == 0


@SIGNALS
def test_open_streams_of_records_end(tmp_path: Path, number: int) -> None:
    with running(tmp_path / "data") as neve, followed(neve) as one, followed(neve) as other:
        function = deploy(neve, "l-counter")
        function.invoke()
        one.wait("neve.freeze")
        neve.process.send_signal(number)
        assert neve.wait_ended() == 0
        assert one.ended.wait(BOUND_S)
        assert other.ended.wait(BOUND_S)
        one.wait("platform.report")


@pytest.mark.parametrize("runtime", ["nodejs22.x", "python3.11"])
@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "running"])
def test_no_process_cgroup_or_socket_outlives_the_server(
    tmp_path: Path, store: ObjectStore, callers: ThreadPoolExecutor, runtime: str, frozen: bool
) -> None:
    mark = f"burns-{uuid.uuid4().hex}"
    store.hold("/held")
    with running(tmp_path / "data", "--drain-seconds", "0") as neve:
        pid = neve.process.pid
        with followed(neve) as records:
            function = deploy(neve, "l-burner", runtime, timeout_s=60)
            if frozen:
                function.invoke({"mark": mark})
                records.wait("neve.freeze")
                call = None
            else:
                call = callers.submit(function.invoke, {"mark": mark, "url": f"{store.url}/held"})
                store.wait_request("PUT", "/held")
            born = [environment["pid"] for environment in function.environments()]
            born += machine.processes_with(f"{mark}-child") + machine.processes_with(f"{mark}-daemon")
            lives = {each: machine.started(each) for each in born}
        assert len(lives) == 3
        assert None not in lives.values()
        neve.process.terminate()
        if call is not None:
            assert isinstance(call.exception(BOUND_S), botocore.exceptions.ClientError)
        assert neve.wait_ended() == 0
        # Looked at once, not waited for: the server ended them before it ended itself.
        assert [each for each, began in lives.items() if machine.started(each) == began] == []
        assert machine.cgroups_of(pid) == []
        assert not accepts(neve)


def test_a_second_server_on_the_same_data_directory_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as neve:
        status, words = refused_start("--port", "0", "--data-dir", str(data))
        assert status != 0
        assert words == (
            f"error: the data directory {data} is in use by the neve with pid {neve.process.pid}; "
            "stop it or name another with --data-dir.\n"
        )
        assert deploy(neve, "l-counter").invoke().value["count"] == 1  # the first one is not harmed


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, words = refused_start("--port", str(port), "--data-dir", str(tmp_path / "data"))
    assert status != 0
    assert words.startswith(f"error: 127.0.0.1:{port} cannot be listened on (")
    assert words.endswith("; name another with --port (0 takes a free one).\n")
    assert words.count("\n") == 1


def test_the_port_of_a_running_server_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with running(tmp_path / "one") as neve:
        port = urlsplit(neve.url).port
        status, words = refused_start("--port", str(port), "--data-dir", str(tmp_path / "other"))
        assert (status != 0, "cannot be listened on" in words) == (True, True)
        assert neve.own("health")["status"] == "ready"
    with running(tmp_path / "other"):
        """The refused one has left no lock."""


@SIGNALS
def test_functions_and_logs_are_there_after_a_restart(tmp_path: Path, number: int) -> None:
    data = tmp_path / "data"
    with running(data) as neve:
        function = deploy(neve, "s-echo", Description="kept", Environment={"Variables": {"COLOUR": "blau"}})
        answer = function.invoke({"n": 1}, tail=True)
        before = configuration(function)
        neve.process.send_signal(number)
        assert neve.wait_ended() == 0
    with running(data) as neve:
        again = Deployed(neve, function.name)
        assert configuration(again) == before
        told = [line + "\n" for line in again.log_lines() if not line.startswith("INIT_START")]
        assert "".join(told) == answer.log
        assert again.invoke({"n": 2}).value == {"received": {"n": 2}}
        assert sum(line.startswith("START ") for line in again.log_lines()) == 2


@SIGNALS
def test_a_signal_while_it_starts_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    data = tmp_path / "data"
    for _ in range(3):
        process = start("--port", "0", "--data-dir", str(data))
        # The first thing that it makes on the machine; the functions are not looked at yet.
        machine.until(lambda pid=process.pid: machine.cgroups_of(pid) != [], "the server made no cgroup")  # type: ignore[misc]
        process.send_signal(number)
        out, _ = process.communicate(timeout=BOUND_S)
        assert (process.returncode, out) == (0, "")
        assert machine.cgroups_of(process.pid) == []
    with running(data) as neve:
        assert deploy(neve, "l-counter").invoke().value["count"] == 1


def accepts(neve: NeveServer) -> bool:
    address = urlsplit(neve.url)
    try:
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=BOUND_S):
            return True
    except ConnectionError:
        return False


def start(*flags: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("neve")), "serve", *flags],
        env=clean_environment(),
        cwd=os.sep,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused_start(*flags: str) -> tuple[int, str]:
    """The exit status of a server that cannot start, and its whole standard error; it says nothing else."""
    process = start(*flags)
    out, words = process.communicate(timeout=BOUND_S)
    assert out == ""
    return process.returncode, words


def configuration(function: Deployed) -> dict[str, object]:
    """What GetFunctionConfiguration says, without what belongs to the request."""
    found: dict[str, object] = function.server.client("lambda").get_function_configuration(FunctionName=function.name)
    return {key: value for key, value in found.items() if key != "ResponseMetadata"}
