"""What every freezer promises, for each that this machine has, in every sandbox, on both event loops."""

import asyncio
import os
import socket
import sys
from functools import partial
from pathlib import Path

import pytest
from tests.conformance import programs
from tests.conformance.conftest import Begin, burn, gone, ran_ns, wait_for

from neve.dataplane.sandbox import processes
from neve.dataplane.sandbox.choose import choose_kind
from neve.dataplane.sandbox.freezer import until
from neve.dataplane.sandbox.sandbox import Command, Limits, Sandbox, SandboxKind

SPIN = "import os; print(os.getpid())\nwhile True: pass"

FAMILY = """
import os
r, w = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.write(w, b"%d " % os.getpid())
        while True: pass
    os.write(w, b"%d " % os.getpid())
    while True: pass
found = b""
while found.count(b" ") < 2: found += os.read(r, 100)
print(os.getpid(), found.decode())
while True: pass
"""

DAEMON = """
import os
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(w, b"%d" % os.getpid())
        while True: pass
    os._exit(0)
os.wait()
print(os.getpid(), os.read(r, 100).decode())
while True: pass
"""

# Every process counts its steps in one file: a look at it shows any instruction that ran.
FORKS = """
import mmap, os
with open(os.environ["STEPS"], "wb+") as file:
    file.truncate(16)
    steps = memoryview(mmap.mmap(file.fileno(), 16)).cast("Q")
print(os.getpid())
while True:
    steps[0] += 1
    if os.fork() == 0:
        for _ in range(2000): steps[1] += 1
        os._exit(0)
    os.wait()
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
"""

ECHO = """
import socket
kept, channel = [], socket.socket(fileno=3)
print("ready")
while True:
    kept.append(channel.recv(100).decode())
    channel.sendall(" ".join(kept).encode())
"""

WORKERS = """
const {Worker} = require('worker_threads');
let up = 0;
for (let i = 0; i < 2; i++) {
  const worker = new Worker("require('worker_threads').parentPort.postMessage(1); for (;;);", {eval: true});
  worker.on('message', () => { if (++up === 2) { console.log(process.pid); for (;;); } });
}
"""


async def assert_still_until_thawed(sandbox: Sandbox, pids: list[int]) -> None:
    """Freeze; nobody runs; thaw; everybody runs."""
    await sandbox.freeze()
    before = ran_ns(pids)
    burn()
    assert ran_ns(pids) == before
    sandbox.thaw()
    for pid in pids:
        now = ran_ns([pid])
        await wait_for(partial(ran_on, pid, now))


async def test_a_spinning_process_uses_no_cpu_while_frozen(begin: Begin) -> None:
    running = await begin(SPIN)
    await assert_still_until_thawed(running.sandbox, await running.pids())


async def test_children_and_grandchildren_freeze(begin: Begin) -> None:
    running = await begin(FAMILY)
    pids = await running.pids()
    assert len(pids) == 3
    await assert_still_until_thawed(running.sandbox, pids)


async def test_threads_freeze(begin: Begin) -> None:
    running = await begin(argv=[programs.NODE, "-e", WORKERS])
    await assert_still_until_thawed(running.sandbox, await running.pids())


async def test_a_daemon_freezes(begin: Begin) -> None:
    running = await begin(DAEMON)
    pids = await running.pids()
    assert len(pids) == 2
    await assert_still_until_thawed(running.sandbox, pids)


async def test_a_daemon_freezes_after_the_first_process_ended(kind: SandboxKind, begin: Begin) -> None:
    running = await begin(DAEMON.replace("\nwhile True: pass", "\nos.read(3, 1)"))
    _, daemon = await running.pids()
    running.channel.send(b"x")
    await running.sandbox.wait()
    if kind.name == "bubblewrap":  # its namespace ends with the first process: nobody is left to be frozen
        await wait_for(partial(gone, daemon))
    else:
        await assert_still_until_thawed(running.sandbox, [daemon])


async def test_processes_that_fork_while_being_frozen(kind: SandboxKind, begin: Begin, tmp_path: Path) -> None:
    steps = "/tmp/steps" if kind.name == "bubblewrap" else str(tmp_path / "steps")
    running = await begin(FORKS, STEPS=steps)
    (first,) = await running.pids()
    steps_file = Path(f"/proc/{first}/root{steps}")  # as the program sees it
    for _ in range(15):
        await running.sandbox.freeze()
        before, members = read(steps_file), family(first)
        burn(0.002)
        assert (read(steps_file), family(first)) == (before, members)
        running.sandbox.thaw()
        await wait_for(partial(differs, steps_file, before))


async def test_freezing_the_frozen_changes_nothing_and_one_thaw_ends_it(begin: Begin) -> None:
    running = await begin(SPIN)
    pids = await running.pids()
    await running.sandbox.freeze()
    await assert_still_until_thawed(running.sandbox, pids)


async def test_freezes_at_the_same_time(begin: Begin) -> None:
    running = await begin(SPIN)
    pids = await running.pids()
    await asyncio.gather(running.sandbox.freeze(), running.sandbox.freeze())
    await assert_still_until_thawed(running.sandbox, pids)


async def test_thaw_ends_a_freeze_that_still_waits(begin: Begin) -> None:
    running = await begin(SPIN)
    (pid,) = await running.pids()
    freezing = asyncio.ensure_future(running.sandbox.freeze())
    await asyncio.sleep(0)
    running.sandbox.thaw()
    await asyncio.wait_for(freezing, 1)
    now = ran_ns([pid])
    await wait_for(lambda: ran_ns([pid]) > now)


async def test_a_cancelled_freeze_can_be_thawed(begin: Begin) -> None:
    running = await begin(SPIN)
    (pid,) = await running.pids()
    freezing = asyncio.ensure_future(running.sandbox.freeze())
    await asyncio.sleep(0)
    freezing.cancel()
    await asyncio.wait([freezing])
    running.sandbox.thaw()
    now = ran_ns([pid])
    await wait_for(lambda: ran_ns([pid]) > now)


@pytest.mark.parametrize("program", [SPIN, FAMILY, DAEMON], ids=["one", "family", "daemon"])
async def test_killing_a_frozen_environment_leaves_nothing(begin: Begin, program: str) -> None:
    running = await begin(program)
    pids = await running.pids()
    await running.sandbox.freeze()
    await running.sandbox.kill()
    assert all(map(gone, pids))
    assert (await running.sandbox.wait()).signal == 9


async def test_what_starts_after_a_killed_freeze_is_not_frozen(begin: Begin) -> None:
    running = await begin(SPIN)
    await running.pids()
    await running.sandbox.freeze()
    await running.sandbox.kill()
    again = await begin(ECHO)
    assert await again.line() == "ready"


async def test_memory_is_kept(begin: Begin) -> None:
    running = await begin(ECHO)
    await running.line()
    assert await running.ask("one") == "one"
    await running.sandbox.freeze()
    running.sandbox.thaw()
    assert await running.ask("two") == "one two"


async def test_what_comes_while_frozen_is_answered_after_the_thaw(begin: Begin) -> None:
    running = await begin(ECHO)
    await running.line()
    await running.sandbox.freeze()
    asking = asyncio.ensure_future(running.ask("late"))
    await asyncio.sleep(0)
    burn()
    assert not asking.done()
    running.sandbox.thaw()
    assert await asking == "late"


async def test_a_process_that_ends_while_it_is_being_frozen(begin: Begin) -> None:
    running = await begin("pass")
    await running.sandbox.freeze()
    running.sandbox.thaw()
    assert (await running.sandbox.wait()).status == 0


async def test_a_freeze_right_after_the_start_holds(begin: Begin) -> None:
    running = await begin(ECHO)
    await running.sandbox.freeze()
    running.sandbox.thaw()
    assert await running.line() == "ready"


async def test_nothing_to_freeze(sandbox: Sandbox) -> None:
    await sandbox.freeze()
    sandbox.thaw()
    sandbox.thaw()


async def test_without_proc_the_first_processs_group_is_frozen_and_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kind = choose_kind("bare", "signals")  # marks what it starts as ours, by what `/proc` says of us
    monkeypatch.setattr(processes, "HAS_PROC", False)
    monkeypatch.setattr(processes, "look", lambda pid: None)
    sandbox = kind.create("one", Limits())
    await sandbox.freeze()
    await sandbox.kill()
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    printed = os.fdopen(read, "rb")
    try:
        await sandbox.start(Command([sys.executable, "-u", "-c", FAMILY], {}, tmp_path), theirs, write)
        pids = list(map(int, (await asyncio.to_thread(printed.readline)).split()))
        assert len(pids) == 3
        await sandbox.freeze()
        await wait_for(partial(stands, pids))  # nobody can tell there when the signal was taken
        burn()  # the kernel adds up a little later
        before = ran_ns(pids)
        burn()
        assert ran_ns(pids) == before
        sandbox.thaw()
        for pid in pids:
            await wait_for(partial(ran_on, pid, ran_ns([pid])))
        await sandbox.remove()
        with pytest.raises(ProcessLookupError):
            os.killpg(pids[0], 0)
    finally:
        await sandbox.remove()
        os.close(write)
        for end in (printed, ours, theirs):
            end.close()


async def test_a_wait_for_the_kernel_is_bounded() -> None:
    assert not await until(lambda: False, 0.001)


def family(first: int) -> list[int]:
    """The process and its children, as the machine lists them."""
    with open(f"/proc/{first}/task/{first}/children") as file:  # noqa: PTH123
        return [first, *map(int, file.read().split())]


def stands(pids: list[int]) -> bool:
    """Whether the system calls all of them stopped."""
    return all("State:\tT" in Path(f"/proc/{pid}/status").read_text() for pid in pids)


def ran_on(pid: int, since_ns: int) -> bool:
    """Whether the process was on a CPU since."""
    return ran_ns([pid]) > since_ns


def differs(file: Path, before: bytes) -> bool:
    """Whether the file says something else now."""
    return read(file) != before


def read(file: Path) -> bytes:
    """What it says now."""
    return file.read_bytes()
