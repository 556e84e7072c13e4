"""Unpacked code archives: one folder for each content, named by its hex SHA-256, shared by every environment that runs it.

* A folder is filled under another name and then renamed: it is whole or not there, also after `kill -9`.
* It is a cache of the archives. After a restart of the machine it is emptied, because nothing in it was synced.
* Code is read by another user than the one who unpacks it: files are 0644 or 0755, folders 0755.
* Links are made when all files are there, so no file is ever written through one.
"""

import asyncio
import base64
import binascii
import os
import shutil
import uuid
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Self

from neve import log
from neve.dataplane.turns import Turns
from neve.domain.archive import Archive, Entry, Kind
from neve.domain.errors import OperatorError, SandboxFailed
from neve.domain.function import Function
from neve.storage.store import BlobStore

PARTIAL = ".partial-"
_REMOVING = ".removing-"
_BOOT = "boot-id"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class TaskRoots:
    """The folders that environments see as `/var/task`. One Neve has the directory for itself."""

    def __init__(self, directory: Path, blobs: BlobStore) -> None:
        self._directory = directory
        self._blobs = blobs
        self._turns = Turns()

    @classmethod
    def open(cls, directory: Path, blobs: BlobStore) -> Self:
        """Make the directory and clear what a killed Neve left half done. OperatorError when it cannot be used."""
        open_folders(directory)
        return cls(directory, blobs)

    async def path(self, function: Function) -> Path:
        """The folder with the function's code, unpacked now if it is not there.

        InvalidParameterValue when the archive is not one that may be unpacked, SandboxFailed when it is not there or the
        disk refuses.
        """
        return await self.unpacked(function.code.sha256)

    async def remove_unused(self, in_use: Callable[[str], Awaitable[bool]], held: Collection[Function] = ()) -> int:
        """Remove folders that no living environment has (`held`: what runs or will run there) and the store does not name.

        `in_use` is `FunctionStore.code_in_use`. Returns how many went.
        """
        return await self.remove_unused_contents(in_use, {function.code.sha256 for function in held})

    async def remove_unused_contents(self, in_use: Callable[[str], Awaitable[bool]], held: Collection[str]) -> int:
        """As `remove_unused`, what is held given by its SHA-256."""
        kept = {_folder_name(sha256) for sha256 in held}
        removed = 0
        for folder in await asyncio.to_thread(folders, self._directory):
            if folder.name not in kept:
                removed += await self._remove_if_unused(folder, in_use)
        return removed

    async def unpacked(self, sha256: str) -> Path:
        """The folder of one archive, as `path`."""
        folder = self._directory / _folder_name(sha256)
        if await asyncio.to_thread(folder.is_dir):
            return folder
        async with self._turns.take(folder.name):
            if not await asyncio.to_thread(folder.is_dir):
                content = await self._blobs.get(sha256)
                if content is None:
                    raise SandboxFailed("The code of the function is not there.")
                await asyncio.to_thread(_unpack_or_refuse, content, folder)
        return folder

    async def _remove_if_unused(self, folder: Path, in_use: Callable[[str], Awaitable[bool]]) -> bool:
        async with self._turns.take(folder.name):
            if await in_use(_sha256_of(folder)):
                return False
            await asyncio.to_thread(remove, folder)
        return True


def unpack(content: bytes, directory: Path) -> None:
    """Make `directory` with what the archive has. It appears whole; when it is there already, it stays as it is.

    InvalidParameterValue for an archive that may not be unpacked, OSError when the disk refuses.
    """
    partial = directory.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
    try:
        _fill(Archive(content), partial)
        rename_if_new(partial, directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(archive: Archive, root: Path) -> None:
    make_folder(root)
    made = {root}
    for entry in archive.entries:
        path = root / entry.path
        _make_folders(path if entry.kind is Kind.FOLDER else path.parent, made)
        if entry.kind is Kind.FILE:
            _write(archive, entry, path)
    for entry in archive.entries:
        if entry.kind is Kind.LINK:
            (root / entry.path).symlink_to(entry.target)


def _make_folders(folder: Path, made: set[Path]) -> None:
    missing = []
    while folder not in made:
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        make_folder(each)
        made.add(each)


def make_folder(folder: Path) -> None:
    """A folder that every user may read."""
    folder.mkdir()
    folder.chmod(0o755)  # whatever the umask says


def _write(archive: Archive, entry: Entry, path: Path) -> None:
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o755 if entry.executable else 0o644)
        for chunk in archive.chunks(entry):
            file.write(chunk)


def rename_if_new(partial: Path, directory: Path) -> None:
    """Let what was filled appear under its name; what is there already stays."""
    try:
        partial.rename(directory)
    except OSError:
        if not directory.is_dir():
            raise


def _unpack_or_refuse(content: bytes, folder: Path) -> None:
    try:
        unpack(content, folder)
    except OSError as error:
        raise SandboxFailed("The code of the function could not be unpacked.") from error


def _folder_name(sha256: str) -> str:
    """Hex of the API's base64 form; SandboxFailed for what is no SHA-256: it must not become part of a path."""
    try:
        digest = base64.b64decode(sha256, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 32:
        raise SandboxFailed("The code of the function is not there.")
    return digest.hex()


def _sha256_of(folder: Path) -> str:
    return base64.b64encode(bytes.fromhex(folder.name)).decode()


def folders(directory: Path) -> list[Path]:
    """Those that are whole: they are named by 64 hex digits."""
    return [path for path in directory.iterdir() if path.is_dir() and len(path.name) == 64]


def remove(folder: Path) -> None:
    """Renamed first: what is half removed must not look whole."""
    going = folder.with_name(f"{_REMOVING}{uuid.uuid4().hex}")
    try:
        folder.rename(going)
        shutil.rmtree(going)
    except OSError as error:
        log.failure("unpacked code not removed", error)


def open_folders(directory: Path) -> None:
    """Make a directory of such folders and clear what a killed Neve, or a restart of the machine, left half done.

    OperatorError when it cannot be used.
    """
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        _clear_leftovers(directory, _is_after_restart(directory))
        (directory / _BOOT).write_text(_boot_id())
    except OSError as error:
        raise OperatorError(
            f"the directory {directory} cannot be used ({error}); mend it or name another with --data-dir"
        ) from error


def _clear_leftovers(directory: Path, everything: bool) -> None:
    for path in directory.iterdir():
        if path.is_dir() and (everything or path.name.startswith((PARTIAL, _REMOVING))):
            shutil.rmtree(path)


def _is_after_restart(directory: Path) -> bool:
    try:
        return (directory / _BOOT).read_text() != _boot_id()
    except FileNotFoundError:
        return True


def _boot_id() -> str:
    """Which start of the machine this is; '' where the system does not say, and then folders are trusted."""
    try:
        return _BOOT_ID.read_text().strip()
    except FileNotFoundError:
        return ""
