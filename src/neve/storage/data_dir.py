"""The directory that one Neve keeps everything in, and the lock that keeps a second one out.

    neve.sqlite   functions           blobs/   code archives
    logs.sqlite   log groups          tasks/   unpacked code, one folder for each environment
    events.sqlite events, the outbox  layers/  unpacked layers, one over the other
    leaks.sqlite  what the leak watch found
    keys.sqlite   access keys             master.key  what their secrets are sealed with
    operator      the socket by which `neve keys` reaches a running Neve
    lock          held while Neve runs; the pid is inside

The lock is an advisory lock of the kernel: it ends with the process, however that ends.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from neve.domain.errors import OperatorError


class DirectoryTaken(OperatorError):
    """Another Neve has it."""


@dataclass
class DataDir:
    """An open data directory; `close` lets another Neve have it."""

    path: Path
    _lock: int | None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Create it (for its owner only) and lock it. OperatorError when it is in use or cannot be used."""
        path = path.expanduser().absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _take_lock(path)
            opened = cls(path, lock)
            opened.blobs.mkdir(mode=0o700, exist_ok=True)
            opened.tasks.mkdir(mode=0o700, exist_ok=True)
            opened.layers.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise OperatorError(
                f"the data directory {path} cannot be used ({error}); mend it or name another with --data-dir"
            ) from error
        return opened

    @property
    def functions(self) -> Path:
        """The database of functions."""
        return self.path / "neve.sqlite"

    @property
    def logs(self) -> Path:
        """The database of log groups."""
        return self.path / "logs.sqlite"

    @property
    def events(self) -> Path:
        """The database of the event queue."""
        return self.path / "events.sqlite"

    @property
    def leaks(self) -> Path:
        """The database of the leak watch."""
        return self.path / "leaks.sqlite"

    @property
    def keys(self) -> Path:
        """The database of access keys."""
        return self.path / "keys.sqlite"

    @property
    def master_key(self) -> Path:
        """What their secrets are sealed with, unless the operator keeps that elsewhere."""
        return self.path / "master.key"

    @property
    def made(self) -> Path:
        """What Neve makes for runtimes, where the user's cache cannot be written."""
        return self.path / "runtimes"

    @property
    def blobs(self) -> Path:
        """The directory of code archives."""
        return self.path / "blobs"

    @property
    def tasks(self) -> Path:
        """The directory of unpacked code."""
        return self.path / "tasks"

    @property
    def layers(self) -> Path:
        """The directory of unpacked layers."""
        return self.path / "layers"

    def close(self) -> None:
        """Give the lock back; harmless when it was already."""
        if self._lock is not None:
            # Unlocked by name: a child between fork and exec still has a copy of the descriptor.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _take_lock(path: Path) -> int:
    # Not inherited (O_CLOEXEC is Python's default): an orphaned environment must not keep the directory locked.
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        pid = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise DirectoryTaken(
            f"the data directory {path} is in use by the neve with pid {pid}; stop it or name another with --data-dir"
        ) from taken
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock
