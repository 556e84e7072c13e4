"""What a dead Neve left is removed by the next one; what a living one uses is not touched."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.conformance.conftest import gone, wait_for

from neve.dataplane.sandbox import owner, processes
from neve.dataplane.sandbox.sandbox import SandboxKind

ROOT = Path(__file__).parents[2]
NEVE = """
import asyncio, os, socket, sys
from pathlib import Path
from tests.conformance import programs
from neve.dataplane.sandbox.choose import choose_kind
from neve.dataplane.sandbox.sandbox import Command, Limits

FROZEN = "import os; os.write(1, b'%d\\\\n' % os.getpid())\\nwhile True: pass"
DAEMON = '''
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(1, b"%d\\\\n" % os.getpid())
        while True: pass
    os._exit(0)
os.wait()
while "STAY" in os.environ: pass
'''

async def main():
    kind = choose_kind(*sys.argv[1:3])
    pids = []
    for name, program in (("frozen", FROZEN), ("daemon", DAEMON)):
        sandbox = kind.create(name, Limits())
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        stays = {"STAY": "1"} if kind.name == "bubblewrap" else {}  # there a daemon does not outlive the first process
        variables = {programs.MARK: name, **stays}
        await sandbox.start(programs.python(kind, Path(sys.argv[3]), program, **variables), theirs, write)
        pids.append(programs.host_pid(name, int(os.read(read, 100))))
        if name == "frozen":
            await sandbox.freeze()
        elif not stays:
            await sandbox.wait()
    print(*pids, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


class Neve:
    """A Neve with one frozen environment and one in which only a spinning daemon lives."""

    def __init__(self, kind: SandboxKind, folder: Path) -> None:
        argv = [sys.executable, "-c", NEVE, kind.name, kind.freezer, str(folder)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT)
        assert self.process.stdout is not None
        self.pids = list(map(int, self.process.stdout.readline().split()))
        self.owner = owner.Owner(self.process.pid, _started(self.process.pid), owner.this().namespace)

    def end(self) -> None:
        """SIGKILL, not yet waited for: it is a zombie, as under a slow parent."""
        self.process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)

    def close(self) -> None:
        """Leave nothing, whatever the test found."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def neve(kind: SandboxKind, tmp_path: Path) -> Iterator[Neve]:
    made = Neve(kind, tmp_path)
    yield made
    made.close()


async def test_a_killed_neves_processes_and_cgroups_are_removed(kind: SandboxKind, neve: Neve) -> None:
    assert len(neve.pids) == 2
    assert not any(map(gone, neve.pids))
    neve.end()
    # Another Neve of these tests may sweep first, so the count is not ours to know.
    await kind.sweep()
    for pid in neve.pids:
        await wait_for(partial(gone, pid))
    await wait_for(lambda: not _folders(neve.owner.name))


async def test_a_living_neve_is_not_touched(kind: SandboxKind, neve: Neve) -> None:
    await kind.sweep()
    assert not any(map(gone, neve.pids))
    assert kind.freezer == "signals" or _folders(neve.owner.name)
    neve.end()
    await kind.sweep()


def test_an_owner_is_read_from_its_name() -> None:
    assert owner.parse(owner.this().name) == owner.this()
    assert owner.parse("neve-12") is None
    assert not owner.this().dead


def test_a_reused_pid_is_another_owner() -> None:
    this = owner.this()
    assert owner.Owner(this.pid, this.started + 1, this.namespace).dead


def test_a_pid_of_another_namespace_is_never_judged() -> None:
    this = owner.this()
    assert not owner.Owner(this.pid, this.started + 1, this.namespace + 1).dead


def test_a_living_owner_that_did_not_know_its_start_is_not_judged_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr(processes, "look", lambda pid: None)
        unknowing = owner.this()
    assert not unknowing.dead
    assert replace(unknowing, pid=2**22 + 1).dead


def _started(pid: int) -> int:
    process = processes.look(pid)
    assert process is not None
    return process.started


def _folders(name: str) -> list[Path]:
    roots = [Path(line.split()[1]) for line in Path("/proc/mounts").read_text().splitlines() if " cgroup" in line]
    walks = (os.walk(root) for root in roots)  # unlike a glob, it does not mind folders that vanish
    return [Path(top) / name for walk in walks for top, folders, _ in walk if name in folders]
