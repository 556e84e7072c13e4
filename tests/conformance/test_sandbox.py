"""What every sandbox promises, each kind with each freezer that this machine has, on both event loops."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conformance import programs
from tests.conformance.conftest import Begin, gone

from neve.dataplane.sandbox import owner, processes
from neve.dataplane.sandbox.sandbox import Exit, Limits, Sandbox, SandboxKind, Usage
from neve.domain.errors import SandboxFailed

LOOK = """
import json, os, resource, signal
print(json.dumps({
    "variables": dict(os.environ),
    "directory": os.getcwd(),
    "descriptors": sorted(int(n) for n in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + n)),
    "input": os.read(0, 10).decode(),
    "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "session": os.getsid(0) in (1, os.getpid()),
    "ignored": [int(n) for n in signal.valid_signals() if signal.getsignal(n) is signal.SIG_IGN],
    "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
}))
"""
SLEEP = "import os, signal; print(os.getpid())\nwhile True: signal.pause()"
STUBBORN_FAMILY = """
import os, signal
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(w, b"%d" % os.getpid())
        while True: signal.pause()
    while True: signal.pause()
print(os.getpid(), os.read(r, 20).decode())
while True: signal.pause()
"""

ORPHAN = """
import os, signal, subprocess, sys
waits = "import signal; print(flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", waits], env={}, start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
print(os.getpid())
while True: signal.pause()
"""


async def test_the_first_process_sees_what_it_was_given_and_no_more(begin: Begin) -> None:
    running = await begin(LOOK, A="1", B="two words; $HOME 'quoted'")
    seen = json.loads(await running.line())
    variables = programs.unmarked(seen["variables"])
    assert {name: variables[name] for name in variables if name != "LC_CTYPE"} == {
        "A": "1",
        "B": "two words; $HOME 'quoted'",
    }
    assert seen["directory"] == str(running.directory)
    assert seen["descriptors"] == [0, 1, 2, 3]
    assert seen["input"] == ""
    assert seen["open_files"] == [1024, 1024]
    assert seen["session"]
    # Python itself ignores these two in the new process.
    assert set(seen["ignored"]) <= {signal.SIGPIPE, signal.SIGXFSZ}
    assert seen["blocked"] == []


async def test_variables_that_mean_something_to_a_shell_arrive_as_given(begin: Begin) -> None:
    given = {
        "PWD": "/given",
        "SHLVL": "0",
        "IFS": "x",
        "OPTIND": "a word",
        "ENV": "/nowhere",
        "LD_LIBRARY_PATH": "/a:/b",
    }
    running = await begin(LOOK, **given)
    seen = json.loads(await running.line())["variables"]
    assert {name: seen.get(name) for name in given} == given
    assert "OLDPWD" not in seen


async def test_a_preloaded_library_does_not_meet_the_shell(begin: Begin) -> None:
    running = await begin("print('up')", LD_PRELOAD="/no/such/library.so")
    complaints = [await running.line(), await running.line()]
    assert "cannot be preloaded" in complaints[0]
    assert complaints[1] == "up"


async def test_both_outputs_come_in_order(begin: Begin) -> None:
    running = await begin("import os; os.write(1, b'one\\n'); os.write(2, b'two\\n'); os.write(1, b'three\\n')")
    assert [await running.line() for _ in range(3)] == ["one", "two", "three"]


async def test_the_channel_is_descriptor_3(begin: Begin) -> None:
    running = await begin("import socket; s = socket.socket(fileno=3); s.sendall(s.recv(10)[::-1])")
    assert await running.ask("abc") == "cba"


async def test_the_output_may_be_descriptor_3_on_our_side(kind: SandboxKind, sandbox: Sandbox, tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    kept = _copy_if_open(3)
    os.dup2(write, 3)
    try:
        program = "import os, socket; socket.socket(fileno=3).send(b'up'); os.write(1, b'out')"
        await sandbox.start(programs.python(kind, tmp_path, program), theirs, 3)
    finally:
        os.dup2(kept, 3) if kept is not None else os.close(3)
        if kept is not None:
            os.close(kept)
    assert (await sandbox.wait()).status == 0
    assert ours.recv(10) == b"up"
    assert os.read(read, 10) == b"out"
    for end in (ours, theirs):
        end.close()
    os.close(read)
    os.close(write)


async def test_an_exit_status(begin: Begin) -> None:
    running = await begin("raise SystemExit(7)")
    assert await running.sandbox.wait() == Exit(7, None)
    assert running.sandbox.pid is None


async def test_an_end_by_signal(begin: Begin) -> None:
    running = await begin("import os; os.kill(os.getpid(), 11)")
    assert await running.sandbox.wait() == Exit(None, 11)


async def test_several_wait_and_one_gives_up(begin: Begin) -> None:
    running = await begin(SLEEP)
    waiting = [asyncio.ensure_future(running.sandbox.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    running.sandbox.signal(signal.SIGKILL)
    assert await asyncio.gather(*waiting[1:]) == [Exit(None, 9)] * 2
    assert await running.sandbox.wait() == Exit(None, 9)


async def test_waiting_for_nothing_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxFailed):
        await sandbox.wait()


async def test_a_signal_goes_to_the_first_process_and_later_to_nobody(begin: Begin) -> None:
    running = await begin(
        "import signal; signal.pthread_sigmask(0, [15]); print('up'); print(int(signal.sigwait([15])))"
    )
    assert await running.line() == "up"
    running.sandbox.signal(signal.SIGTERM)
    assert await running.line() == "15"
    assert await running.sandbox.wait() == Exit(0, None)
    running.sandbox.signal(signal.SIGTERM)


def _missing(folder: Path) -> Path:
    return folder / "bootstrap"


def _not_executable(folder: Path) -> Path:
    path = folder / "bootstrap"
    path.write_text("#!/bin/sh\n")
    return path


def _a_folder(folder: Path) -> Path:
    (folder / "bootstrap").mkdir()
    return folder / "bootstrap"


def _no_interpreter(folder: Path) -> Path:
    path = _not_executable(folder)
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    return path


def _no_format(folder: Path) -> Path:
    path = _not_executable(folder)
    path.write_text("echo hello\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_missing, "no such file or directory"),
        (_not_executable, "permission denied"),
        (_a_folder, "permission denied"),
        (_no_interpreter, "no such file or directory"),
        (_no_format, "exec format error"),
    ],
)
async def test_what_cannot_be_executed_is_said_as_go_does(
    kind: SandboxKind, begin: Begin, sandbox: Sandbox, tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    program = make(tmp_path)
    with pytest.raises(SandboxFailed) as failed:
        await begin(argv=[str(program)])
    assert failed.value.message == f"fork/exec {programs.inside(kind, tmp_path, program)}: {reason}"
    assert sandbox.pid is None


async def test_a_script_runs_with_its_arguments(kind: SandboxKind, begin: Begin, tmp_path: Path) -> None:
    script = tmp_path / "boot strap"
    script.write_text('#!/bin/sh\necho "$0|$1|$2"\n')
    script.chmod(0o755)
    running = await begin(argv=[str(script), "a b", "-e"])
    assert await running.line() == f"{programs.inside(kind, tmp_path, script)}|a b|-e"


async def test_a_second_start_is_refused_while_one_runs(begin: Begin) -> None:
    await begin(SLEEP)
    with pytest.raises(SandboxFailed):
        await begin(SLEEP)


async def test_kill_ends_stubborn_daemons_too(begin: Begin) -> None:
    running = await begin(STUBBORN_FAMILY)
    pids = await running.pids()
    await running.sandbox.kill()
    assert all(map(gone, pids))
    assert await running.sandbox.wait() == Exit(None, 9)


async def test_kill_ends_what_was_seen_and_lost_its_parent_and_its_variables(begin: Begin) -> None:
    running = await begin(ORPHAN)
    (first,) = await running.pids()
    (child,) = (int(word) for word in processes.read(f"/proc/{first}/task/{first}/children").split())
    running.sandbox.usage()
    os.kill(first, signal.SIGKILL)
    await running.sandbox.wait()
    await running.sandbox.kill()
    assert gone(child)


async def test_kill_right_after_the_start_leaves_nothing(begin: Begin) -> None:
    for _ in range(5):
        running = await begin(SLEEP)
        pid = running.sandbox.pid
        assert pid is not None
        await running.sandbox.kill()
        assert gone(pid)


async def test_killing_nothing_is_harmless(sandbox: Sandbox) -> None:
    await sandbox.kill()


async def test_starts_again_after_a_kill_and_after_an_end(begin: Begin) -> None:
    running = await begin(SLEEP)
    (first,) = await running.pids()
    await running.sandbox.kill()
    again = await begin("print('up')")
    assert await again.line() == "up"
    assert again.sandbox.pid != first
    assert await again.sandbox.wait() == Exit(0, None)
    once_more = await begin(SLEEP)
    assert await once_more.pids() == [once_more.sandbox.pid]


async def test_no_zombie_is_left(begin: Begin) -> None:
    running = await begin(SLEEP)
    pid = running.sandbox.pid
    assert pid is not None
    running.sandbox.signal(9)
    await running.sandbox.wait()
    assert processes.look(pid) is None


async def test_usage_counts_memory_time_and_processes(begin: Begin) -> None:
    running = await begin(
        "import os, time\n"
        "held = bytearray(60_000_000)\n"
        "def say(text): os.write(1, text)\n"  # two processes: a line has to be one write
        "if os.fork() == 0:\n"
        "    held = bytearray(b'x' * 30_000_000)\n"
        "    say(b'up\\n'); time.sleep(100)\n"
        "while time.process_time() < 0.1: pass\n"
        "say(b'done\\n'); time.sleep(100)"
    )
    assert {await running.line(), await running.line()} == {"up", "done"}
    used = running.sandbox.usage()
    assert 90_000_000 < used.memory_bytes < 300_000_000
    assert used.cpu_us >= 90_000
    assert used.processes == 2


async def test_usage_is_kept_after_the_end_and_new_after_a_start(begin: Begin) -> None:
    running = await begin("held = bytearray(80_000_000); print('up'); import time; time.sleep(100)")
    await running.line()
    before = running.sandbox.usage()
    await running.sandbox.kill()
    after = running.sandbox.usage()
    assert after.memory_bytes == before.memory_bytes > 80_000_000
    assert after.cpu_us >= before.cpu_us
    assert after.processes == 0
    again = await begin(SLEEP)
    await again.line()
    assert again.sandbox.usage().memory_bytes < 60_000_000


async def test_usage_of_nothing(sandbox: Sandbox) -> None:
    assert sandbox.usage() == Usage(0, 0, 0)


async def test_remove_gives_everything_back(kind: SandboxKind, tmp_path: Path) -> None:
    before = _descriptors()
    name = f"short-lived-{os.getpid()}"  # the trees are searched as a whole, and other tests run
    sandbox = kind.create(name, Limits())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        await sandbox.start(programs.python(kind, tmp_path, SLEEP), theirs, theirs.fileno())
        pid = sandbox.pid
        await sandbox.freeze()
        await sandbox.remove()
        await sandbox.remove()
    assert pid is not None
    assert gone(pid)
    assert not list(_cgroups(name))
    assert _descriptors() == before
    with pytest.raises(SandboxFailed):
        await sandbox.start(programs.command(kind, tmp_path, ["/bin/true"]), ours, 1)


async def test_close_removes_the_owners_folder(kind: SandboxKind) -> None:
    sandbox = kind.create("one", Limits())
    assert kind.freezer == "signals" or list(_cgroups(owner.this().name))
    await sandbox.remove()
    await kind.close()
    assert not list(_cgroups(owner.this().name))


async def test_an_id_that_is_a_path_is_refused(kind: SandboxKind) -> None:
    with pytest.raises(SandboxFailed):
        kind.create("../elsewhere", Limits())


async def test_many_at_once(kind: SandboxKind, tmp_path: Path) -> None:
    made = [kind.create(f"many-{number}", Limits()) for number in range(20)]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for sandbox in made:
            command = programs.command(kind, tmp_path, ["/bin/sh", "-c", "read x"])
            await sandbox.start(command, theirs, theirs.fileno())
        await asyncio.gather(*(sandbox.freeze() for sandbox in made))
        await asyncio.gather(*(sandbox.remove() for sandbox in made))
    assert all(sandbox.pid is None for sandbox in made)


def _copy_if_open(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:
        return None


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _cgroups(name: str) -> list[Path]:
    roots = [Path(line.split()[1]) for line in Path("/proc/mounts").read_text().splitlines() if " cgroup" in line]
    walks = (os.walk(root) for root in roots)  # unlike a glob, it does not mind folders that vanish
    return [Path(top) / name for walk in walks for top, folders, _ in walk if name in folders]
