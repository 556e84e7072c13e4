"""What a function tries to reach, and does not: through real functions, on a server of root and on one of an ordinary user.

`docs/isolation.md` lists what stops each attempt.
"""

import os
import platform
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance import machine
from tests.acceptance.functions import Answer, Deployed, deploy
from tests.acceptance.ordinary import running_as_ordinary_user
from tests.acceptance.server import NeveServer, running

from neve.dataplane.sandbox import seccomp

EPERM, ENOSYS = "EPERM", "ENOSYS"
NODE, PYTHON = "nodejs24.x", "python3.11"
RUNTIMES = pytest.mark.parametrize("runtime", [NODE, PYTHON])
LARGE_MB = 1769
"""One whole processor, and room for a thousand processes."""

Attempts = Callable[..., Deployed]


@pytest.fixture(scope="module", params=["root", "ordinary"] if os.geteuid() == 0 else ["ordinary"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeveServer]:
    """A server with everything isolated, whoever runs it."""
    if request.param == "root":
        start = running(tmp_path_factory.mktemp("house") / "data", "--sandbox", "bubblewrap")
    else:
        start = running_as_ordinary_user("--sandbox", "bubblewrap")
    with start as server:
        assert server.own("health")["missing"] == []
        yield server


@pytest.fixture(scope="module")
def attempts(house: NeveServer) -> Iterator[Attempts]:
    """The function that tries, one for each configuration; tests share its environments."""
    made: dict[tuple[object, ...], Deployed] = {}

    def get(runtime: str = PYTHON, memory_mb: int = LARGE_MB, label: str = "") -> Deployed:
        key = (runtime, memory_mb, label)
        if key not in made:
            made[key] = deploy(house, "i-attempts", runtime, timeout_s=60, MemorySize=memory_mb)
            # What was started ahead for nobody is a cell as good as any: every attempt is made from there.
            machine.until(lambda: waits(house, runtime, memory_mb), f"no {runtime} waits")
        return made[key]

    yield get
    for function in made.values():
        assert any(each["prestarted"] for each in function.environments())
        function.delete()


def waits(house: NeveServer, runtime: str, memory_mb: int) -> bool:
    """Whether a pre-started runtime waits for such a function."""
    kinds = house.own("environments")["prestarted"]
    wanted = (runtime, None if runtime == PYTHON else memory_mb)
    return any(each["pids"] for each in kinds if (each["runtime"], each["memory"]) == wanted)


def attempt(function: Deployed, do: str, **event: object) -> Any:
    """What came of it: `{"ok": …}` or `{"error": …}`."""
    answer = function.invoke({"do": do, **event})
    assert answer.error is None, answer.payload
    return answer.value


# Files of the machine


@RUNTIMES
@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/root", "/home", "/var/lib", "/run", "/sys", "/sys/fs/cgroup", "/dev/shm", __file__]
)
def test_files_of_the_host_are_not_there(attempts: Attempts, runtime: str, path: str) -> None:
    for do in ("read", "look"):
        assert attempt(attempts(runtime), do, path=path) == {"error": "ENOENT"}


@RUNTIMES
def test_neves_data_and_the_code_of_others_are_not_there(house: NeveServer, attempts: Attempts, runtime: str) -> None:
    function = attempts(runtime)
    files = [path for path in house.data_dir.rglob("*") if path.is_file()]
    assert any(path.name == "index.py" for path in files)
    assert any(path.read_bytes().startswith(b"SQLite format 3") for path in files)
    for path in (house.data_dir, house.data_dir.parent, *files):
        assert attempt(function, "read", path=str(path)) == {"error": "ENOENT"}


def test_the_root_holds_what_the_documentation_says(attempts: Attempts) -> None:
    function = attempts(PYTHON)
    seen = set(attempt(function, "look", path="/")["ok"])
    assert seen - {"lib32", "lib64", "libx32"} == {
        *("bin", "dev", "etc", "lib", "nix", "opt", "proc", "sbin", "tmp", "usr", "var")
    }
    assert attempt(function, "look", path="/dev")["ok"] == [
        *("fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero")
    ]
    assert set(attempt(function, "look", path="/var")["ok"]) <= {"lang", "packages", "runtime", "task"}
    assert attempt(function, "look", path="/opt") == {"ok": []}
    passwd = attempt(function, "read", path="/etc/passwd")["ok"]
    assert [line.split(":")[0] for line in passwd.splitlines()] == ["root", "sbx_user1051", "nobody"]


@RUNTIMES
def test_variables_of_the_host_are_not_there(attempts: Attempts, runtime: str) -> None:
    function = attempts(runtime)
    assert "A_SECRET_OF_THE_HOST" not in attempt(function, "variables")["ok"]
    first = attempt(function, "read", path="/proc/1/environ")
    assert first == {"error": "EACCES"} or "SECRET" not in first["ok"]


@RUNTIMES
@pytest.mark.parametrize(
    "path",
    [
        *("/var/task/index.py", "/var/task/new", "/opt/new", "/var/runtime/new", "/var/new", "/new", "/dev/new"),
        *("/etc/passwd", "/usr/new", "/usr/bin/env", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"),
    ],
)
def test_nothing_but_tmp_can_be_written(attempts: Attempts, runtime: str, path: str) -> None:
    tried = attempt(attempts(runtime), "write", path=path)
    assert tried["error"] in ("EROFS", "EACCES", "ENOENT" if path == "/proc/sysrq-trigger" else "EROFS")


def test_the_interpreter_cannot_be_written(attempts: Attempts) -> None:
    (binary,) = attempt(attempts(NODE), "run", argv=["/bin/sh", "-c", "readlink /proc/$PPID/exe"])["ok"][
        "output"
    ].splitlines()
    assert attempt(attempts(NODE), "write", path=binary)["error"] in ("EROFS", "EACCES", "ETXTBSY")
    assert attempt(attempts(NODE), "write", path=str(Path(binary).parent / "new"))["error"] in ("EROFS", "EACCES")


# Other processes


@RUNTIMES
def test_only_its_own_processes_are_seen(attempts: Attempts, runtime: str) -> None:
    pids = [name for name in attempt(attempts(runtime), "look", path="/proc")["ok"] if name.isdigit()]
    assert {"1", "2"} <= set(pids)
    assert len(pids) < 20


@RUNTIMES
def test_the_server_and_other_environments_cannot_be_signalled(
    house: NeveServer, attempts: Attempts, runtime: str
) -> None:
    other = attempts(runtime, label="other")
    other.invoke({"do": "variables"})
    (environment,) = other.environments()
    began = machine.started(environment["pid"])
    for pid in (house.process.pid, environment["pid"], os.getpid()):
        assert attempt(attempts(runtime), "kill", pid=pid) == {"error": "ESRCH"}
    attempt(attempts(runtime), "kill", pid=1)  # its own reaper: the kernel does not deliver it
    assert machine.started(environment["pid"]) == began
    assert house.process.poll() is None
    assert "ok" in attempt(attempts(runtime), "variables")


def test_the_roots_and_folders_of_processes_lead_nowhere_else(attempts: Attempts) -> None:
    function = attempts(PYTHON)
    own = attempt(function, "look", path="/")["ok"]
    for pid in ("1", "2", "self"):
        for link in ("root", "root/proc/1/root", "root/.."):
            seen = attempt(function, "look", path=f"/proc/{pid}/{link}")
            assert seen in ({"error": "EACCES"}, {"error": EPERM}, {"ok": own})
        assert attempt(function, "read", path=f"/proc/{pid}/cwd/../../etc/shadow")["error"] in (
            "ENOENT",
            "EACCES",
            EPERM,
        )


def test_a_tmp_of_another_environment_is_not_seen(attempts: Attempts) -> None:
    name = f"/tmp/{uuid.uuid4().hex}"
    assert attempt(attempts(PYTHON), "write", path=name) == {"ok": None}
    assert attempt(attempts(PYTHON), "read", path=name) == {"ok": "x"}
    assert attempt(attempts(PYTHON, label="other"), "read", path=name) == {"error": "ENOENT"}
    assert not Path(name).exists()


def test_the_programming_interface_is_reached_by_design(house: NeveServer, attempts: Attempts) -> None:
    for runtime in (NODE, PYTHON):
        assert attempt(attempts(runtime), "get", url=f"{house.url}/_neve/health") == {"ok": 200}


# Privileges


@RUNTIMES
def test_it_is_nobody_of_importance_and_stays_so(attempts: Attempts, runtime: str) -> None:
    function = attempts(runtime)
    text = attempt(function, "read", path="/proc/self/status")["ok"]
    text += attempt(function, "run", argv=["/bin/sh", "-c", "tail -n +20 /proc/self/status"])["ok"]["output"]
    status = {name: value.split() for name, _, value in (line.partition(":") for line in text.splitlines())}
    assert status["Uid"] == ["993"] * 4
    assert status["Gid"] == ["990"] * 4
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[capabilities][0], 16) == 0
    assert status["NoNewPrivs"] == ["1"]
    assert status["Seccomp"] == ["2"]
    assert attempt(function, "become_root") == {"ok": None}


@RUNTIMES
@pytest.mark.parametrize(
    "argv",
    [
        ["su", "-c", "id -u"],
        ["mount", "-t", "tmpfs", "none", "/tmp"],
        ["umount", "/tmp"],
        ["unshare", "--user", "--map-root-user", "id", "-u"],
        ["unshare", "--mount", "id", "-u"],
        ["nsenter", "--target", "1", "--mount", "id", "-u"],
        ["chroot", "/tmp", "/bin/sh"],
        ["setpriv", "--reuid", "0", "id", "-u"],
    ],
    ids=" ".join,
)
def test_programs_of_the_host_do_not_help(attempts: Attempts, runtime: str, argv: list[str]) -> None:
    done = attempt(attempts(runtime), "run", argv=["/bin/sh", "-c", 'PATH=$PATH:/usr/sbin:/sbin; "$@"', "sh", *argv])
    assert done["ok"]["status"] != 0
    assert "0" not in done["ok"]["output"].splitlines()


def _syscalls() -> Mapping[str, tuple[int, list[int], str]]:
    here = seccomp.ARCHITECTURES[platform.machine()]
    refused = {name: (number, [0] * 6, EPERM) for name, number in here.refused.items()}
    spaces = {"user": 1 << 28, "mount": 1 << 17, "pid": 1 << 29, "net": 1 << 30, "cgroup": 1 << 25}
    return {
        **refused,
        **{f"unshare {name}": (here.unshare, [flag], EPERM) for name, flag in spaces.items()},
        **{f"clone {name}": (here.clone, [flag | 17, 0, 0, 0, 0], EPERM) for name, flag in spaces.items()},
        "clone3": (435, [0, 0], ENOSYS),
        "io_uring_setup": (425, [1, 0], ENOSYS),
        "open_tree": (428, [-100, 0, 0], EPERM),
        "fsopen": (430, [0, 0], EPERM),
        "pidfd_getfd": (438, [0, 0, 0], EPERM),
        "terminal input": (here.ioctl, [0, 0x5412, 0], EPERM),
    }


@pytest.mark.parametrize("name", _syscalls())
def test_system_calls_that_only_attackers_need_are_refused(attempts: Attempts, name: str) -> None:
    number, arguments, error = _syscalls()[name]
    assert attempt(attempts(PYTHON), "syscall", number=number, arguments=arguments) == {"error": error}


@pytest.mark.parametrize(
    ("family", "kind", "error"),
    [
        (socket.AF_PACKET, socket.SOCK_RAW, "EAFNOSUPPORT"),
        (socket.AF_ALG, socket.SOCK_SEQPACKET, "EAFNOSUPPORT"),
        (40, socket.SOCK_STREAM, "EAFNOSUPPORT"),
        (socket.AF_INET, socket.SOCK_RAW, EPERM),
    ],
    ids=["packet", "crypto", "hypervisor", "raw"],
)
def test_sockets_below_the_network_are_refused(attempts: Attempts, family: int, kind: int, error: str) -> None:
    tried = attempt(
        attempts(PYTHON), "make_socket", family=int(family), kind=int(kind), protocol=1 if error == EPERM else 0
    )
    assert tried == {"error": error}


@RUNTIMES
@pytest.mark.parametrize("path", ["/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/fuse", "/dev/kvm", "/dev/tty"])
def test_devices_of_the_machine_are_not_there(attempts: Attempts, runtime: str, path: str) -> None:
    assert attempt(attempts(runtime), "read", path=path) == {"error": "ENOENT"}


def test_devices_cannot_be_made(attempts: Attempts) -> None:
    assert attempt(attempts(PYTHON), "make_device", path="/tmp/disk") == {"error": EPERM}


def test_its_cgroup_looks_like_the_top(attempts: Attempts) -> None:
    lines = attempt(attempts(PYTHON), "read", path="/proc/self/cgroup")["ok"].splitlines()
    assert lines
    # Of the controllers that Neve does not use it sees what Neve itself is in.
    assert not any("neve-" in line for line in lines)


# Too much of everything


def test_a_fork_bomb_is_bounded_and_others_answer(attempts: Attempts) -> None:
    function, other = attempts(PYTHON, label="bomb"), attempts(NODE)
    other.invoke({"do": "variables"})
    with ThreadPoolExecutor(1) as caller:
        bomb = caller.submit(function.invoke, {"do": "fork_bomb", "seconds": 30})
        for _ in range(20):
            assert "ok" in attempt(other, "variables")
        children = bomb.result(60).value["ok"]
    assert 900 < children < 1024
    function.renew()
    assert attempt(function, "look", path="/tmp") == {"ok": []}


def test_a_thousand_open_files_and_no_more(attempts: Attempts) -> None:
    assert attempt(attempts(PYTHON), "open_files") == {"ok": 1024}


def test_tmp_has_its_size_and_does_not_count_as_memory(attempts: Attempts) -> None:
    function = attempts(PYTHON, memory_mb=256)
    answer = function.invoke({"do": "fill_tmp", "size_mb": 600}, tail=True)
    assert answer.value == {"error": "ENOSPC"}
    assert "written 512 MB" in (answer.log or "")
    assert int((answer.log or "").partition("Max Memory Used: ")[2].split()[0]) < 256
    assert attempt(function, "look", path="/tmp") == {"ok": ["filled"]}


def test_tmp_does_not_hold_files_without_end(attempts: Attempts) -> None:
    assert attempt(attempts(PYTHON, label="files"), "empty_files", count=200_000) == {"error": "ENOSPC"}


@RUNTIMES
def test_too_much_memory_ends_the_environment_and_nobody_else(attempts: Attempts, runtime: str) -> None:
    function, other = attempts(runtime, memory_mb=256), attempts(NODE)
    before = function.invoke({"do": "variables"}).value["ok"]["AWS_LAMBDA_LOG_STREAM_NAME"]
    other.invoke({"do": "variables"})
    neighbours = [(each["id"], each["pid"]) for each in other.environments()]
    answer = function.invoke({"do": "fill_memory", "size_mb": 1000}, tail=True)
    assert_out_of_memory(answer)
    assert [(each["id"], each["pid"]) for each in other.environments()] == neighbours
    again = function.invoke({"do": "variables"})
    assert again.value["ok"]["AWS_LAMBDA_LOG_STREAM_NAME"] == before  # the environment was reset, not replaced


def test_the_memory_of_a_child_is_the_environments(attempts: Attempts) -> None:
    answer = attempts(PYTHON, memory_mb=256).invoke({"do": "fill_memory_in_a_child", "size_mb": 1000}, tail=True)
    assert_out_of_memory(answer)


def assert_out_of_memory(answer: Answer) -> None:
    """As the service reports it."""
    assert answer.error == "Unhandled"
    assert answer.value == {
        "errorType": "Runtime.OutOfMemory",
        "errorMessage": f"RequestId: {answer.request_id} Error: Runtime exited with error: signal: killed",
    }
    report = (answer.log or "").splitlines()[-1]
    assert "\tMemory Size: 256 MB\tMax Memory Used: 256 MB\t" in report
    assert report.endswith("Status: error\tError Type: Runtime.OutOfMemory")


def test_the_processor_share_follows_the_memory_after_init(attempts: Attempts) -> None:
    small = attempts(PYTHON, memory_mb=256)
    (before, after) = (cpu_while_spinning(small), cpu_while_spinning(attempts(PYTHON)))
    assert before < 0.3 < after


def cpu_while_spinning(function: Deployed) -> float:
    """Processors that a busy loop got, over half a second of its own clock."""
    code = "import time\nb = time.time()\nwhile time.time() - b < 0.5: pass\nprint(time.process_time() / 0.5)"
    path = attempt(function, "variables")["ok"]
    binary = "/var/lang/bin/python3" if "/var/lang/lib" in path["LD_LIBRARY_PATH"] else "python3"
    done = attempt(function, "run", argv=[binary, "-I", "-S", "-c", code])
    assert "ok" in done, done
    return float(done["ok"]["output"])


def test_without_cgroups_processes_are_bounded_and_the_rest_is_said() -> None:
    with running_as_ordinary_user("--sandbox", "bubblewrap", "--freezer", "signals", delegated=False) as server:
        missing = server.own("health")["missing"]
        assert [each for each in missing if not each.startswith("Environments are frozen by signals")] in (
            [],
            ["Functions are not limited in memory, CPU."],
        )
        function = deploy(server, "i-attempts", PYTHON, timeout_s=60, MemorySize=LARGE_MB)
        assert 900 < attempt(function, "fork_bomb", seconds=30)["ok"] <= 1024
        function.delete()
        function.wait_gone()


# Outliving


@RUNTIMES
def test_a_daemon_ends_with_its_runtime(attempts: Attempts, runtime: str) -> None:
    mark = uuid.uuid4().hex
    function = attempts(runtime, label="ends")
    attempt(function, "leave_daemon", mark=mark)
    machine.until(lambda: len(machine.processes_with(mark)) == 1, "the daemon is not there")
    assert function.invoke({"do": "end", "status": 3}).error == "Unhandled"
    machine.until(lambda: not machine.processes_with(mark), "the daemon outlived its runtime")


@RUNTIMES
def test_nothing_outlives_a_deletion(house: NeveServer, runtime: str) -> None:
    mark = uuid.uuid4().hex
    function = deploy(house, "i-attempts", runtime)
    attempt(function, "leave_daemon", mark=mark)
    function.delete()
    machine.until(lambda: not machine.processes_with(mark), "the daemon outlived its function")


def test_nothing_outlives_a_killed_neve(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    with running(tmp_path / "data", "--sandbox", "bubblewrap") as server, ThreadPoolExecutor(1) as caller:
        function = deploy(server, "i-attempts", PYTHON)
        attempt(function, "leave_daemon", mark=mark)
        pid = function.environments()[0]["pid"]
        staying = caller.submit(function.invoke, {"do": "stay"})
        machine.until(lambda: function.environments()[0]["state"] == "invoking", "the invocation does not run")
        server.kill()
        assert staying.exception(30) is not None
        machine.until(lambda: not machine.processes_with(mark) and machine.started(pid) is None, "it runs on")
    assert "neve-" not in Path("/proc/mounts").read_text()
