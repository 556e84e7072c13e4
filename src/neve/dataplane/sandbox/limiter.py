"""How much an environment may use: memory, CPU, processes. By cgroups, each controller where this machine has it (v2 or v1).

The unit of CPU is the service's: 1,769 MB are one vCPU. The init phase has all the machine's CPU, as the service boosts it;
then a share of every 20 ms, short enough for a function of few milliseconds not to wait long.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neve.dataplane.sandbox import cgroup2, hierarchy, owner, processes
from neve.dataplane.sandbox.freezer import KILL_SECONDS, until, until_blocking
from neve.dataplane.sandbox.memory_watch import MemoryWatch, Watch1, Watch2
from neve.dataplane.sandbox.sandbox import Limits
from neve.domain.errors import SandboxFailed
from neve.domain.limits import MEBIBYTE, PROCESSES_AND_THREADS

_OUR_OWN = 2  # processes that bubblewrap needs for itself
_BEYOND_MB = 32  # between what a function may hold and what the kernel lets it reach
_SMALLEST_ROOM = 4 * MEBIBYTE
_PERIOD_US = 20_000
_SHORTEST_US = 1_000  # the kernel takes no less
_WITH_SWAP = "memory.memsw.limit_in_bytes"
_WORDS: Mapping[str, str] = {"memory": "memory", "cpu": "CPU", "pids": "number of processes"}


@dataclass(frozen=True, slots=True)
class _Controller:
    """One controller: `folder` is the owner's, below which each environment gets its own."""

    name: str
    folder: Path
    unified: bool


class Limiter:
    """The limits of one environment."""

    def __init__(
        self, controllers: Sequence[_Controller], environment_id: str, limits: Limits, tmp_is_memory: bool
    ) -> None:
        self._limits = limits
        self._tmp_is_memory = tmp_is_memory
        self._folders = {each.name: each.folder / environment_id for each in controllers}
        self._unified = {each.name: each.unified for each in controllers}
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)  # two controllers, or the freezer, may share one
        self._limit_memory()
        self._limit_processes()
        self.watch = self._watch()
        self._placing = threading.Lock()

    @property
    def entries(self) -> Sequence[Path]:
        """Files where a process writes `0` to come in."""
        return tuple(dict.fromkeys(folder / "cgroup.procs" for folder in self._folders.values()))

    def change(self, limits: Limits) -> None:
        """Other limits from now on; SandboxFailed when they cannot be set. The mark of the watch may be at the wrong place."""
        self._limits = limits
        try:
            self._limit_memory()
        except OSError as refused:
            raise SandboxFailed(f"an environment cannot be limited: {refused.strerror}") from refused

    def capped(self, memory_bytes: int) -> int:
        """No more than the environment may hold."""
        return min(memory_bytes, self._limits.memory_mb * MEBIBYTE) if "memory" in self._folders else memory_bytes

    def kills(self) -> int:
        """How many processes the kernel has ended here because the memory was used up."""
        folder = self._folders.get("memory")
        if folder is None:
            return 0
        name = "memory.events" if self._unified["memory"] else "memory.oom_control"
        for line in processes.read(str(folder / name)).splitlines():
            word, _, number = line.partition(b" ")
            if word == b"oom_kill":
                return int(number)
        return 0

    def full_speed(self) -> None:
        """All the CPU that the machine has."""
        self._limit_cpu(None)

    def own_speed(self) -> None:
        """The CPU that goes with the memory size."""
        self._limit_cpu(self._limits.cpu)

    def holds_too_much(self) -> bool:
        """Whether the environment holds more memory than it may."""
        return self._room() <= 0

    def place_mark(self) -> None:
        """Put the mark where the environment could next hold too much. Blocks: v1 takes some ten milliseconds for it."""
        with self._placing:
            if self.watch is not None:
                with contextlib.suppress(OSError):  # beyond what the kernel's own limit lets it reach
                    self.watch.set(self.watch.used_bytes() + max(self._room(), _SMALLEST_ROOM))

    def _close_watch(self) -> None:
        """Not while a mark is placed: another file would get the descriptor's number."""
        with self._placing:
            if self.watch is not None:
                self.watch.close()
                self.watch = None

    def _room(self) -> int:
        return 1 if self.watch is None else self._limits.memory_mb * MEBIBYTE - self.watch.held_bytes()

    async def remove(self) -> None:
        """Give the folders back; nobody is in any more."""
        await asyncio.to_thread(self._close_watch)
        folders = set(self._folders.values())
        if not await until(lambda: all([*map(hierarchy.remove_folder, folders)]), KILL_SECONDS):
            raise SandboxFailed("the cgroups of the environment could not be removed")

    def _limit_memory(self) -> None:
        folder = self._folders.get("memory")
        if folder is None:
            return
        most = (self._limits.memory_mb + _BEYOND_MB + (self._limits.tmp_mb if self._tmp_is_memory else 0)) * MEBIBYTE
        unified = self._unified["memory"]
        if not unified:
            with contextlib.suppress(OSError):  # never less than the memory alone, also on the way to more
                (folder / _WITH_SWAP).write_text("-1")
        (folder / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(str(most))
        # Swap would only make the end slower. Absent where the kernel has none.
        with contextlib.suppress(OSError):
            (folder / ("memory.swap.max" if unified else _WITH_SWAP)).write_text("0" if unified else str(most))

    def _watch(self) -> MemoryWatch | None:
        folder = self._folders.get("memory")
        if folder is None:
            return None
        return Watch2(folder) if self._unified["memory"] else Watch1(folder)

    def _limit_processes(self) -> None:
        folder = self._folders.get("pids")
        if folder is not None:
            (folder / "pids.max").write_text(str(PROCESSES_AND_THREADS + _OUR_OWN))

    def _limit_cpu(self, cpu: float | None) -> None:
        folder = self._folders.get("cpu")
        if folder is None:
            return
        quota = None if cpu is None else max(_SHORTEST_US, int(cpu * _PERIOD_US))
        if self._unified["cpu"]:
            (folder / "cpu.max").write_text(f"{'max' if quota is None else quota} {_PERIOD_US}")
            return
        if quota is not None:
            (folder / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (folder / "cpu.cfs_quota_us").write_text(str(-1 if quota is None else quota))


class LimiterKind:
    """The controllers of this machine that Neve may use."""

    def __init__(self) -> None:
        found = [_find(name) for name in _WORDS]
        self._controllers = [each for each in found if each is not None]
        self._have = {each.name for each in self._controllers}

    @property
    def counts_processes(self) -> bool:
        """Whether an environment cannot have more than its number of processes."""
        return "pids" in self._have

    @property
    def versions(self) -> str:
        """`v1`, `v2` or both."""
        return " and ".join(sorted({"v2" if each.unified else "v1" for each in self._controllers}))

    def missing(self, counted: bool = False) -> list[str]:
        """What is not limited, a sentence or none; `counted`: processes are counted in another way."""
        have = self._have | ({"pids"} if counted else set())
        lacking = [word for name, word in _WORDS.items() if name not in have]
        return [f"Functions are not limited in {', '.join(lacking)}."] if lacking else []

    def create(self, environment_id: str, limits: Limits, tmp_is_memory: bool = False) -> Limiter:
        """The limits of a new environment; SandboxFailed when they cannot be set.

        `tmp_is_memory`: what is written to `/tmp` counts as memory to the kernel, and must not to the function.
        """
        try:
            for each in self._controllers:
                if not each.folder.exists():  # another kind of this process has given it back
                    _find(each.name)
            return Limiter(self._controllers, environment_id, limits, tmp_is_memory)
        except OSError as refused:
            raise SandboxFailed(f"an environment cannot be limited: {refused.strerror}") from refused

    def close(self) -> None:
        """Give back the owner's folders."""
        for each in self._controllers:
            hierarchy.remove_folder(each.folder)


def sweep() -> None:
    """Remove what dead Neves left in the v1 trees, once their processes are gone. Blocks for a bounded time."""
    for name in _WORDS:
        found = hierarchy.version1(name)
        for folder in hierarchy.dead_folders(found) if found else ():
            until_blocking(lambda folder=folder: _emptied(folder), KILL_SECONDS)  # type: ignore[misc]


def _emptied(folder: Path) -> bool:
    environments = hierarchy.children(folder)
    for environment in environments:
        hierarchy.kill_each(hierarchy.members(environment))
    return all([*map(hierarchy.remove_folder, environments)]) and hierarchy.remove_folder(folder)


def _find(name: str) -> _Controller | None:
    folder = cgroup2.folder_with(name)
    if folder is not None:
        return _Controller(name, folder, unified=True)
    old = hierarchy.version1(name)
    if old is None:
        return None
    folder = old.here / owner.this().name
    try:
        folder.mkdir(exist_ok=True)
    except OSError:  # not ours to use
        return None
    # Another user's folder may let us make one and not let anybody in.
    return _Controller(name, folder, unified=False) if os.access(folder / "cgroup.procs", os.W_OK) else None
