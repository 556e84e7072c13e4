"""What a function sees as `/opt`: its layers, unpacked one over the other in the order of its configuration.

* Each archive is unpacked once (as task roots are); one layer alone is that folder itself.
* Several are merged into a folder for each ordered list of contents, shared by every function with that list: a file of a
  later layer takes the place of one before, folders are united. Files are hard links where the disk allows it.
* A merged folder is filled under another name and then renamed: it is whole or not there, also after `kill -9`.
* Nothing is written through a link: where one layer has a link and the next a folder, the folder takes its place.
"""

import asyncio
import os
import shutil
import stat
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Self

from neve.dataplane import task_root
from neve.dataplane.task_root import TaskRoots
from neve.dataplane.turns import Turns
from neve.domain.errors import SandboxFailed
from neve.domain.function import Function
from neve.domain.layer import content_key
from neve.storage.store import BlobStore

EXTENSIONS = "extensions"
"""The folder below `/opt` whose files are external extensions."""

InUse = Callable[[str], Awaitable[bool]]


class LayerRoots:
    """The folders that environments see as `/opt`. One Neve has the directory for itself."""

    def __init__(self, directory: Path, archives: TaskRoots) -> None:
        self._merged = directory
        self._archives = archives
        self._turns = Turns()

    @classmethod
    def open(cls, directory: Path, blobs: BlobStore) -> Self:
        """Make the directory and clear what a killed Neve left half done. OperatorError when it cannot be used."""
        archives = TaskRoots.open(directory / "single", blobs)
        task_root.open_folders(directory / "merged")
        return cls(directory / "merged", archives)

    async def path(self, function: Function) -> Path | None:
        """The folder with the function's layers, made now if it is not there; None for a function without layers.

        SandboxFailed when an archive is not there or the disk refuses.
        """
        key = content_key(function.layers)
        if key is None:
            return None
        if len(function.layers) == 1:
            return await self._archives.unpacked(function.layers[0].code.sha256)
        folder = self._merged / key
        async with self._turns.take(key):
            if not await asyncio.to_thread(folder.is_dir):
                parts = [await self._archives.unpacked(layer.code.sha256) for layer in function.layers]
                await asyncio.to_thread(_merge_or_refuse, parts, folder)
        return folder

    async def remove_unused(self, code_in_use: InUse, layers_in_use: InUse, held: Collection[Function] = ()) -> int:
        """Remove folders that no living environment has (`held`) and the store does not name. Returns how many went.

        `code_in_use` and `layers_in_use` are those of the `FunctionStore`.
        """
        kept = {content_key(function.layers) for function in held}
        removed = 0
        for folder in await asyncio.to_thread(task_root.folders, self._merged):
            if folder.name not in kept:
                removed += await self._remove_if_unused(folder, layers_in_use)
        contents = {layer.code.sha256 for function in held for layer in function.layers}
        return removed + await self._archives.remove_unused_contents(code_in_use, contents)

    async def _remove_if_unused(self, folder: Path, layers_in_use: InUse) -> bool:
        async with self._turns.take(folder.name):
            if await layers_in_use(folder.name):
                return False
            await asyncio.to_thread(task_root.remove, folder)
        return True


def extensions(folder: Path | None) -> list[str]:
    """The names of the external extensions in a layer root: every file of its folder `extensions`, executable or not."""
    try:
        entries = list(os.scandir(folder / EXTENSIONS)) if folder is not None else []
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(entry.name for entry in entries if not entry.is_dir())


def merge(parts: Sequence[Path], folder: Path) -> None:
    """Make `folder` of these, later ones over earlier ones. It appears whole; when it is there already, it stays."""
    partial = folder.with_name(f"{task_root.PARTIAL}{uuid.uuid4().hex}")
    try:
        task_root.make_folder(partial)
        for part in parts:
            _lay_over(part, partial)
        task_root.rename_if_new(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _lay_over(part: Path, root: Path) -> None:
    """Folders come before what is in them, so every parent in `root` is a real folder by then."""
    for entry in _entries(part):
        target = root / Path(entry.path).relative_to(part)
        if entry.is_dir(follow_symlinks=False):
            _make_folder(target)
        else:
            _clear(target)
            _place(entry, target)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(Path(entry.path))


def _make_folder(target: Path) -> None:
    if _mode(target) is None or not stat.S_ISDIR(_mode(target) or 0):
        _clear(target)
        task_root.make_folder(target)


def _place(entry: os.DirEntry[str], target: Path) -> None:
    if entry.is_symlink():
        target.symlink_to(Path(entry.path).readlink())
        return
    try:
        os.link(entry.path, target, follow_symlinks=False)
    except OSError:  # another file system, or one without hard links, or too many of them
        shutil.copy2(entry.path, target, follow_symlinks=False)


def _clear(target: Path) -> None:
    mode = _mode(target)
    if mode is None:
        return
    if stat.S_ISDIR(mode):
        shutil.rmtree(target)
    else:
        target.unlink()


def _mode(target: Path) -> int | None:
    try:
        return target.lstat().st_mode
    except FileNotFoundError:
        return None


def _merge_or_refuse(parts: Sequence[Path], folder: Path) -> None:
    try:
        merge(parts, folder)
    except OSError as error:
        raise SandboxFailed("The layers of the function could not be merged.") from error
