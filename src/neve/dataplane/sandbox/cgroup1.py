"""Freezing by the v1 freezer (`freezer.state`), for machines whose cgroup v2 is absent or too old.

A frozen process does not take SIGKILL here until it is thawed, and a group stays `FREEZING` until somebody reads its state
while all stand still.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from neve.dataplane.sandbox import hierarchy, owner, processes
from neve.dataplane.sandbox.freezer import FREEZE_SECONDS, KILL_SECONDS, FreezerMissing, until, until_blocking
from neve.domain.errors import SandboxFailed

# A process that forked at the wrong moment is only found when the wish is repeated.
_LOOKS_PER_WISH = 64


class Cgroup1Freezer:
    """One v1 cgroup for one environment; one descriptor stays open for it."""

    marks: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)  # another kind of this process may have given back the owner's folder
        try:
            self._state = os.open(folder / "freezer.state", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            folder.rmdir()
            raise
        self._wanted = False
        self._looks = 0
        self._removed = False

    @property
    def entries(self) -> Sequence[Path]:
        return (self._folder / "cgroup.procs",)

    def adopt(self, pid: int) -> None:
        """Nothing to learn: the process comes in by itself."""

    def processes(self) -> list[int]:
        return hierarchy.members(self._folder)

    def cpu_us(self) -> int:
        found = map(processes.look, self.processes())
        return sum(process.cpu_us for process in found if process is not None)

    async def freeze(self) -> None:
        self.request_freeze()
        if not await until(self._settled, FREEZE_SECONDS):
            self.thaw()
            raise SandboxFailed(f"the environment did not freeze within {FREEZE_SECONDS:g} s")

    def request_freeze(self) -> None:
        """Ask the kernel, without looking."""
        self._wanted = True
        self._write(b"FROZEN")

    def still(self) -> bool:
        """Whether the kernel says that all stand still."""
        self._looks += 1
        if self._looks % _LOOKS_PER_WISH == 0:
            self._write(b"FROZEN")
        return os.pread(self._state, 32, 0).startswith(b"FROZEN")

    def thaw(self) -> None:
        if self._wanted:
            self._wanted = False
            self._write(b"THAWED")

    async def kill(self) -> None:
        if not await until(self._emptied, KILL_SECONDS):
            raise SandboxFailed(f"processes of the environment did not end within {KILL_SECONDS:g} s")
        self.thaw()

    async def remove(self) -> None:
        if self._removed:
            return
        self._removed = True
        os.close(self._state)
        if not await until(lambda: hierarchy.remove_folder(self._folder), KILL_SECONDS):
            raise SandboxFailed("the cgroup of the environment could not be removed")

    def _settled(self) -> bool:
        return not self._wanted or self.still()

    def _emptied(self) -> bool:
        return kill_round(self._folder)

    def _write(self, state: bytes) -> None:
        os.pwrite(self._state, state, 0)


class Cgroup1Kind:
    """The v1 freezer below the cgroup of this process. FreezerMissing when there is none, or none that we may use."""

    name = "cgroup1"
    missing: Sequence[str] = ()

    def __init__(self) -> None:
        found = hierarchy.version1("freezer")
        if found is None:
            raise FreezerMissing("no v1 freezer hierarchy is mounted")
        self._folder = found.here / owner.this().name
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as refused:
            raise FreezerMissing(f"a cgroup cannot be made in {found.here} ({refused.strerror})") from refused

    def create(self, environment_id: str) -> Cgroup1Freezer:
        try:
            return Cgroup1Freezer(self._folder / environment_id)
        except OSError as refused:
            raise SandboxFailed(f"the cgroup of an environment cannot be made: {refused.strerror}") from refused

    def close(self) -> None:
        hierarchy.remove_folder(self._folder)


def kill_round(folder: Path) -> bool:
    """Whether nobody is left. Else: hold all (nobody forks then), kill all, and let them go into their death."""
    found = hierarchy.members(folder)
    if not found:
        return True
    (folder / "freezer.state").write_text("FROZEN")
    hierarchy.kill_each(hierarchy.members(folder))
    (folder / "freezer.state").write_text("THAWED")
    return False


def sweep() -> int:
    """Remove what dead Neves left in the tree; how many environments. Blocks for a bounded time."""
    found = hierarchy.version1("freezer")
    folders = list(hierarchy.dead_folders(found)) if found else []
    return sum(_sweep_folder(folder) for folder in folders)


def _sweep_folder(folder: Path) -> int:
    environments = hierarchy.children(folder)

    def gone() -> bool:
        emptied = [_kill_and_remove(environment) for environment in environments]
        return all(emptied) and hierarchy.remove_folder(folder)

    until_blocking(gone, KILL_SECONDS)
    return len(environments)


def _kill_and_remove(folder: Path) -> bool:
    try:
        return kill_round(folder) and hierarchy.remove_folder(folder)
    except FileNotFoundError:
        return True
    except OSError:  # another user's
        return False
