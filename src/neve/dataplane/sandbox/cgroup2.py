"""Freezing by cgroup v2 (`cgroup.freeze`, Linux 5.2): needs no controller, so a hybrid hierarchy will do."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from neve.dataplane.sandbox import hierarchy, owner, processes
from neve.dataplane.sandbox.freezer import FREEZE_SECONDS, KILL_SECONDS, FreezerMissing, until, until_blocking
from neve.domain.errors import SandboxFailed


class Cgroup2Freezer:
    """One cgroup for one environment. Two descriptors stay open for it, so that a freeze opens nothing."""

    marks: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)  # another kind of this process may have given back the owner's folder
        try:
            self._freeze = os.open(folder / "cgroup.freeze", os.O_WRONLY | os.O_CLOEXEC)
            self._events = os.open(folder / "cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            folder.rmdir()
            raise
        self._wanted = False
        self._removed = False

    @property
    def entries(self) -> Sequence[Path]:
        return (self._folder / "cgroup.procs",)

    def adopt(self, pid: int) -> None:
        """Nothing to learn: the process comes in by itself."""

    def processes(self) -> list[int]:
        return hierarchy.members(self._folder)

    def cpu_us(self) -> int:
        text = processes.read(f"{self._folder}/cpu.stat")
        return int(text.split(None, 2)[1]) if text.startswith(b"usage_usec") else 0

    async def freeze(self) -> None:
        self.request_freeze()
        if not await until(self._settled, FREEZE_SECONDS):
            self.thaw()
            raise SandboxFailed(f"the environment did not freeze within {FREEZE_SECONDS:g} s")

    def request_freeze(self) -> None:
        """Ask the kernel, without looking."""
        self._wanted = True
        os.pwrite(self._freeze, b"1", 0)

    def still(self) -> bool:
        """Whether the kernel says that all stand still."""
        return b"frozen 1" in os.pread(self._events, 128, 0)

    def thaw(self) -> None:
        if self._wanted:
            self._wanted = False
            os.pwrite(self._freeze, b"0", 0)

    async def kill(self) -> None:
        # First kill, then thaw: a frozen process dies without another instruction.
        self._kill_all()
        self.thaw()
        if not await until(self._emptied, KILL_SECONDS):
            raise SandboxFailed(f"processes of the environment did not end within {KILL_SECONDS:g} s")

    async def remove(self) -> None:
        if self._removed:
            return
        self._removed = True
        os.close(self._freeze)
        os.close(self._events)
        if not await until(lambda: hierarchy.remove_folder(self._folder), KILL_SECONDS):
            raise SandboxFailed("the cgroup of the environment could not be removed")

    def _settled(self) -> bool:
        return not self._wanted or self.still()

    def _emptied(self) -> bool:
        if b"populated 0" in os.pread(self._events, 128, 0):
            return True
        self._kill_all()
        return False

    def _kill_all(self) -> None:
        kill_folder(self._folder)


class Cgroup2Kind:
    """cgroup v2 below the cgroup of this process. FreezerMissing when there is none, or none that we may use."""

    name = "cgroup2"
    missing: Sequence[str] = ()

    def __init__(self) -> None:
        found = hierarchy.version2()
        if found is None:
            raise FreezerMissing("no cgroup v2 hierarchy is mounted")
        here = _roomy(found)
        self._folder = here / owner.this().name
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as refused:
            raise FreezerMissing(f"a cgroup cannot be made in {here} ({refused.strerror})") from refused

    def create(self, environment_id: str) -> Cgroup2Freezer:
        try:
            return Cgroup2Freezer(self._folder / environment_id)
        except OSError as refused:
            raise SandboxFailed(f"the cgroup of an environment cannot be made: {refused.strerror}") from refused

    def close(self) -> None:
        hierarchy.remove_folder(self._folder)


def folder_with(controller: str) -> Path | None:
    """The owner's folder, when the environments below it may be limited by this controller."""
    found = hierarchy.version2()
    if found is None:
        return None
    above = _roomy(found)
    if controller.encode() not in _given_to_children(above):
        return None
    folder = above / owner.this().name
    try:
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(f"+{controller}")
    except OSError:  # not ours to use
        return None
    return folder


def _given_to_children(folder: Path) -> set[bytes]:
    return set(processes.read(str(folder / "cgroup.subtree_control")).split())


def _roomy(found: hierarchy.Hierarchy) -> Path:
    """The nearest folder at or above our own whose children are given controllers, if we may use it; else our own.

    A folder with processes in it gives its children none (only the top may), so our own seldom does.
    """
    above = [folder for folder in found.here.parents if folder.is_relative_to(found.mount)]
    for folder in (found.here, *above):
        if {b"memory", b"cpu", b"pids"} <= _given_to_children(folder) and os.access(folder / "cgroup.procs", os.W_OK):
            return folder
    return found.here


def kill_folder(folder: Path) -> None:
    """SIGKILL for all that are in the folder and below: `cgroup.kill` (Linux 5.14), else one by one."""
    try:
        (folder / "cgroup.kill").write_text("1")
    except OSError:
        for inner in (folder, *hierarchy.children(folder)):
            hierarchy.kill_each(hierarchy.members(inner))


def sweep() -> int:
    """Remove what dead Neves left in the tree; how many environments. Blocks for a bounded time."""
    found = hierarchy.version2()
    folders = list(hierarchy.dead_folders(found)) if found else []
    return sum(_sweep_folder(folder) for folder in folders)


def _sweep_folder(folder: Path) -> int:
    environments = hierarchy.children(folder)

    def gone() -> bool:
        kill_folder(folder)
        return all([*map(hierarchy.remove_folder, environments)]) and hierarchy.remove_folder(folder)

    until_blocking(gone, KILL_SECONDS)
    return len(environments)
