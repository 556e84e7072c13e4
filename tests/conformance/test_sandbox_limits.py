"""What one environment may use, in every kind of sandbox; and how the end of its first process is told."""

import asyncio
import signal
from pathlib import Path

import pytest
from tests.conformance.conftest import BOUND_S, Begin

from neve.dataplane.sandbox import limiter as limits_of
from neve.dataplane.sandbox.limiter import LimiterKind
from neve.dataplane.sandbox.memory_watch import Watch2
from neve.dataplane.sandbox.sandbox import Exit, Limits, SandboxKind
from neve.domain.limits import MEBIBYTE

HOARD = "held = []\nprint('up')\nwhile True: held.append(b'x' * (1 << 20))"
HOARDING_CHILD = """
import os
child = os.fork()
if child == 0:
    held = []
    while True: held.append(b'x' * (1 << 20))
os.waitpid(child, 0)
print("lives on")
while True: pass
"""
READ_MUCH = """
with open("/tmp/large" if os.environ["OWN_TMP"] else "large", "wb+") as file:
    for _ in range(300): file.write(bytes(1 << 20))
    file.seek(0)
    while file.read(1 << 20): pass
print("read")
"""
SPIN = """
import os, time
def share():
    began, used = time.monotonic(), time.process_time()
    while time.monotonic() - began < 0.4: pass
    return (time.process_time() - used) / (time.monotonic() - began)
print(share())
os.read(3, 1)
print(share())
"""
CROWD = """
import threading
stay = threading.Event()
count = 1
try:
    while True:
        threading.Thread(target=stay.wait, daemon=True).start()
        count += 1
except RuntimeError:
    print(count)
"""


async def test_holding_too_much_memory_ends_it_and_is_told(begin: Begin) -> None:
    running = await begin(HOARD)
    assert await running.line() == "up"
    assert await running.sandbox.wait() == Exit(None, signal.SIGKILL, out_of_memory=True)
    assert running.sandbox.usage().memory_bytes <= 128 * MEBIBYTE


async def test_the_memory_of_a_child_is_the_environments(begin: Begin) -> None:
    running = await begin(HOARDING_CHILD)
    assert await running.sandbox.wait() == Exit(None, signal.SIGKILL, out_of_memory=True)


async def test_it_starts_again_after_it_was_out_of_memory(begin: Begin) -> None:
    running = await begin(HOARD)
    await running.sandbox.wait()
    await running.sandbox.kill()
    again = await begin("raise SystemExit(3)")
    assert await again.sandbox.wait() == Exit(3, None)


async def test_a_kill_is_not_taken_for_too_little_memory(begin: Begin) -> None:
    running = await begin("import os; os.kill(os.getpid(), 9)")
    assert await running.sandbox.wait() == Exit(None, signal.SIGKILL)


async def test_files_that_were_written_and_read_are_not_memory(kind: SandboxKind, begin: Begin) -> None:
    own = "1" if kind.name == "bubblewrap" else ""
    running = await begin(f"import os\n{READ_MUCH}", OWN_TMP=own)
    assert await running.line() == "read"
    assert await running.sandbox.wait() == Exit(0, None)


async def test_all_the_cpu_until_initialized_then_its_own(kind: SandboxKind, begin: Begin) -> None:
    for _ in range(5):  # on a busy machine even all that can be had may be little
        before, after = await shares(kind, begin)
        assert after < 0.3
        if after < before:
            return
    raise AssertionError(f"{before} before and {after} after")


async def shares(kind: SandboxKind, begin: Begin) -> tuple[float, float]:
    """The share of a CPU that a spinning process got before and after the init phase."""
    sandbox = kind.create("spinning", Limits(cpu=0.25))
    try:
        running = await begin(SPIN, sandbox=sandbox)
        before = float(await running.line())
        sandbox.initialized()
        running.channel.send(b"x")
        return before, float(await running.line())
    finally:
        await sandbox.remove()


async def test_a_thousand_processes_and_threads(begin: Begin) -> None:
    running = await begin(CROWD)
    assert 1000 < int(await running.line()) <= 1026


@pytest.mark.parametrize("status", [0, 1, 13, 128, 129, 255])
async def test_an_exit_is_told_as_an_exit(begin: Begin, status: int) -> None:
    running = await begin(f"import os; os._exit({status})")
    assert await running.sandbox.wait() == Exit(status, None)


@pytest.mark.parametrize("number", [4, 6, 7, 8, 9, 11, 15])
async def test_a_signal_is_told_as_a_signal(begin: Begin, number: int) -> None:
    running = await begin(f"import os; os.kill(os.getpid(), {number})")
    assert await running.sandbox.wait() == Exit(None, number)


# cgroup v2, whose controllers this machine may not have: the files that would be written


@pytest.fixture
def unified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the owner's cgroup."""
    monkeypatch.setattr(limits_of.cgroup2, "folder_with", lambda controller: tmp_path)  # type: ignore[attr-defined]
    environment = tmp_path / "one"
    environment.mkdir()
    for name in ("memory.max", "memory.high", "memory.swap.max", "pids.max", "cpu.max"):
        (environment / name).write_text("max")
    (environment / "memory.current").write_text("1000000")
    (environment / "memory.stat").write_text("anon 900000\nfile 100000\n")
    (environment / "memory.events").write_text("low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n")
    return environment


async def test_the_files_of_cgroup_v2(unified: Path) -> None:
    limiter = LimiterKind().create("one", Limits(256, 512, 0.25), tmp_is_memory=True)
    assert (unified / "memory.max").read_text() == str((256 + 512 + 32) * MEBIBYTE)
    assert (unified / "memory.swap.max").read_text() == "0"
    assert (unified / "pids.max").read_text() == "1026"
    limiter.full_speed()
    assert (unified / "cpu.max").read_text() == "max 20000"
    limiter.own_speed()
    assert (unified / "cpu.max").read_text() == "5000 20000"
    assert limiter.entries == (unified / "cgroup.procs",)
    limiter.place_mark()
    assert not limiter.holds_too_much()
    assert int((unified / "memory.high").read_text()) == 1_000_000 + 256 * MEBIBYTE - 900_000
    (unified / "memory.stat").write_text(f"anon {257 * MEBIBYTE}\n")
    assert limiter.holds_too_much()
    (unified / "memory.events").write_text("low 0\nhigh 3\nmax 0\noom 1\noom_kill 1\n")
    assert limiter.kills() == 1
    assert limiter.watch is not None
    limiter.watch.close()


async def test_a_passed_mark_of_cgroup_v2_wakes_the_loop(unified: Path) -> None:
    watch = Watch2(unified)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(watch.descriptor, told.set)
    (unified / "memory.events").write_text("high 1\n")
    await asyncio.wait_for(told.wait(), BOUND_S)
    watch.drain()
    watch.drain()  # nothing is left, and that is no error
    loop.remove_reader(watch.descriptor)
    watch.close()
