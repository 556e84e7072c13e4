"""Where this process is in the machine's cgroup trees, and the folders of Neves in them.

A hierarchy may be mounted anywhere and in part (containers), so mounts are read, never guessed.
"""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neve.dataplane.sandbox import owner, processes

_FOLDERS_LOOKED_AT = 20_000


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted tree: `mount` is its top as we see it, `here` the folder of this process in it."""

    mount: Path
    here: Path


def version2() -> Hierarchy | None:
    """The unified hierarchy, also beside v1 ones; None when none is mounted."""
    return _find(lambda fs, _: fs == "cgroup2", lambda controllers: controllers == "")


def version1(controller: str) -> Hierarchy | None:
    """The v1 hierarchy of a controller; None when none is mounted."""
    return _find(
        lambda fs, options: fs == "cgroup" and controller in options.split(","),
        lambda controllers: controller in controllers.split(","),
    )


def dead_folders(hierarchy: Hierarchy) -> Iterator[Path]:
    """The folders of dead Neves anywhere in the tree: one that was started in another terminal lies elsewhere."""
    waiting = [hierarchy.mount]
    for _ in range(_FOLDERS_LOOKED_AT):
        if not waiting:
            return
        folder = waiting.pop()
        found = owner.parse(folder.name)
        if found is None:
            waiting.extend(children(folder))
        elif found.dead:
            yield folder


def children(folder: Path) -> list[Path]:
    """The cgroups right below a folder; empty when it is gone."""
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def pids(text: bytes) -> list[int]:
    """The pids in a `cgroup.procs` file; 0 stands for a process of another namespace and is left out."""
    return [int(line) for line in text.split() if line != b"0"]


def members(folder: Path) -> list[int]:
    """Who is in a cgroup; empty when it is gone."""
    return pids(processes.read(f"{folder}/cgroup.procs"))  # joining paths takes longer than the kernel's answer


def kill_each(found: list[int]) -> None:
    """SIGKILL for each pid; who is gone is gone."""
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def remove_folder(folder: Path) -> bool:
    """Whether the cgroup is gone now; a process that just ends keeps it for a moment."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _find(is_mount: Callable[[str, str], bool], is_mine: Callable[[str], bool]) -> Hierarchy | None:
    own = _own_path(is_mine)
    for line in processes.read("/proc/self/mountinfo").decode(errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if own is not None and is_mount(kind, options):
            _, _, _, top, mount, *_ = before.split(" ")
            return Hierarchy(Path(mount), _below(Path(mount), top, own))
    return None


def _own_path(is_mine: Callable[[str], bool]) -> str | None:
    for line in processes.read("/proc/self/cgroup").decode(errors="replace").splitlines():
        _, controllers, path = line.split(":", 2)
        if is_mine(controllers):
            return path
    return None


def _below(mount: Path, top: str, own: str) -> Path:
    inside = own.removeprefix(top.rstrip("/")).lstrip("/")
    folder = mount / inside
    return folder if ".." not in inside and folder.is_dir() else mount
