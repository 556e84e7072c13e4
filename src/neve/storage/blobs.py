"""Code archives as files named by the hex SHA-256 of their content.

A file is written under a temporary name, synced, renamed, and the directory synced: it is there whole or not at all.
What a crash left half written is removed when the store opens.
"""

import asyncio
import base64
import binascii
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from neve.domain.errors import OperatorError, StorageUnavailable

T = TypeVar("T")

_PARTIAL = "partial-"


class FileBlobStore:
    """A `BlobStore` in one directory, which it has for itself."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Create the directory if need be and clear what a crash left. OperatorError when it cannot be used."""
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for partial in directory.glob(f"{_PARTIAL}*"):
                partial.unlink()
        except OSError as error:
            raise OperatorError(
                f"the directory {directory} cannot be used ({error}); mend it or name another with --data-dir"
            ) from error
        return cls(directory)

    async def put(self, content: bytes) -> str:
        """Keep `content` and return its base64 SHA-256; on disk before it returns."""
        return await _in_thread(lambda: self._put(content))

    async def get(self, sha256: str) -> bytes | None:
        """The content of that base64 SHA-256, or None."""
        path = self._path(sha256)
        return None if path is None else await _in_thread(lambda: _read(path))

    async def delete(self, sha256: str) -> None:
        """Forget it; harmless when it is not there."""
        path = self._path(sha256)
        if path is not None:
            await _in_thread(lambda: self._delete(path))

    def _path(self, sha256: str) -> Path | None:
        """None for what is no SHA-256: nothing can be stored under it, and it must not become part of a path."""
        try:
            digest = base64.b64decode(sha256, validate=True)
        except (binascii.Error, ValueError):
            return None
        return self._directory / digest.hex() if len(digest) == 32 else None

    def _put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).digest()
        path = self._directory / digest.hex()
        if not _holds(path, len(content)):
            self._write(path, content)
        # Also when it was there: another caller may have renamed it and not yet synced the directory.
        _sync_directory(self._directory)
        return base64.b64encode(digest).decode()

    def _write(self, path: Path, content: bytes) -> None:
        descriptor, partial = tempfile.mkstemp(prefix=_PARTIAL, dir=self._directory)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(partial).rename(path)
        except OSError:
            Path(partial).unlink(missing_ok=True)
            raise

    def _delete(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        _sync_directory(self._directory)


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise StorageUnavailable("The storage of code archives is unavailable.") from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _holds(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
