"""Folders of a sandbox that is started before it is known what will be in them: a function's code and layers.

Empty ones are mounted in their place, parts of a small file system of Neve's that shares its mounts: a folder that Neve lays
over one of them is laid over it inside the sandbox too, at once and read-only, however large it is. A process that was in the
empty folder has to change its directory again.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from neve.dataplane.sandbox import mounts, private_mounts
from neve.dataplane.sandbox.sandbox import Folders
from neve.domain.errors import SandboxFailed


class LateFolders:
    """Those of one environment, at `place`, a new folder of the host."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._task_root, self._layers, self._nothing = place / "task", place / "layers", place / "nothing"
        self._held = False
        try:
            place.mkdir(mode=0o700)
            private_mounts.mount_shared(place)
            self._held = True
            self._nothing.mkdir()
            for folder in (self._task_root, self._layers):
                # A loader that does not find these when the process starts never looks for them again.
                (folder / "lib").mkdir(parents=True)
        except OSError as refused:
            raise SandboxFailed(f"folders cannot be kept open for an environment: {refused.strerror}") from refused

    def instead_of(self, folders: Folders) -> Folders:
        """What to mount when the sandbox is started."""
        return replace(folders, task_root=self._task_root, layers=self._layers)

    def fill(self, folders: Folders, pid: int) -> None:
        """Let the process see these from now on. Once. SandboxFailed when it does not see them."""
        try:
            for source, target in self._pairs(folders):
                private_mounts.lay_over(source, target)
            self._check(folders, Path("/proc", str(pid), "root"))
            # Forgotten here, so that the next sandbox does not begin with a copy of every mount of the others.
            private_mounts.leave_to_others(self._place)
            self._held = False
        except OSError as refused:
            raise SandboxFailed(f"the code cannot be brought into the environment: {refused.strerror}") from refused

    def remove(self) -> None:
        """Give the place back. The sandbox is gone, or has been filled."""
        try:
            if self._held:
                private_mounts.unmount(self._place)
                self._held = False
            self._place.rmdir()
        except OSError as refused:
            raise SandboxFailed(f"the folders of an environment cannot be removed: {refused.strerror}") from refused

    def _pairs(self, folders: Folders) -> Iterator[tuple[Path, Path]]:
        yield folders.task_root, self._task_root
        yield folders.layers or self._nothing, self._layers

    def _check(self, folders: Folders, root: Path) -> None:
        inside = {self._task_root: mounts.TASK_ROOT, self._layers: mounts.LAYERS}
        for source, target in self._pairs(folders):
            if not (root / inside[target].relative_to("/")).samefile(source):
                raise SandboxFailed("the code did not arrive in the environment")
