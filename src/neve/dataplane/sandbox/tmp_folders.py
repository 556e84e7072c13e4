"""The `/tmp` of environments: one folder each on the host, kept while the environment lives, whatever its processes do.

In memory and of limited size where Neve has a mount namespace of its own; else a folder on the disk, without a limit.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from neve.dataplane.sandbox import owner, private_mounts
from neve.dataplane.sandbox.sandbox import Limits
from neve.domain.errors import SandboxFailed


class TmpFolders:
    """The folders of one Neve, below one of its own that nobody else may enter. `host_uid` will own each."""

    def __init__(self, host_uid: int) -> None:
        self._owner = host_uid
        self._folder = Path(tempfile.gettempdir()) / owner.this().name

    @property
    def are_limited(self) -> bool:
        """Whether they have the size that the function asks for; then they are in memory."""
        return private_mounts.entered()

    def create(self, environment_id: str, limits: Limits) -> Path:
        """A new empty folder; SandboxFailed when the machine refuses."""
        folder = self._folder / environment_id
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700)
            if self.are_limited:
                private_mounts.mount_memory(folder, limits.tmp_mb, self._owner)
            elif os.geteuid() == 0:
                os.chown(folder, self._owner, self._owner)
        except OSError as refused:
            raise SandboxFailed(f"the /tmp of an environment cannot be made: {refused.strerror}") from refused
        return folder

    def resize(self, folder: Path, limits: Limits) -> None:
        """Give an empty folder another size. SandboxFailed when the machine refuses."""
        if not self.are_limited:
            return
        try:
            private_mounts.resize_memory(folder, limits.tmp_mb)
        except OSError as refused:
            raise SandboxFailed(f"the /tmp of an environment cannot be resized: {refused.strerror}") from refused

    def remove(self, folder: Path) -> None:
        """Remove it with all that was written there. Takes a while on a disk. SandboxFailed when the machine refuses."""
        try:
            if self.are_limited:
                private_mounts.unmount(folder)
            shutil.rmtree(folder)
        except OSError as refused:
            raise SandboxFailed(f"the /tmp of an environment cannot be removed: {refused.strerror}") from refused

    def close(self) -> None:
        """Give back the owner's folder."""
        try:
            self._folder.rmdir()
        except OSError:  # never made, or another kind of this process still has environments there
            return


def sweep() -> None:
    """Remove what dead Neves of this user left; mounts went with them."""
    for folder in _dead():
        shutil.rmtree(folder, ignore_errors=True)


def _dead() -> Iterator[Path]:
    for path in Path(tempfile.gettempdir()).glob("neve-*"):
        found = owner.parse(path.name)
        if found is not None and found.dead and _is_ours(path):
            yield path


def _is_ours(path: Path) -> bool:
    """Anybody may make a folder with such a name in `/tmp`."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return path.is_dir() and not path.is_symlink() and status.st_uid == os.geteuid()
