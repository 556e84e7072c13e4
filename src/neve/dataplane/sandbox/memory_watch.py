"""Being told by the kernel when the memory of an environment passes a mark: then Neve looks whether too much is *held*.

The kernel alone would be unfair or late. What a function writes to a `/tmp` in memory counts as its memory there, and so do
the files it reads; and just before it gives up it throws away the pages of the program itself again and again, which takes
seconds on a small share of CPU. So its own limit lies higher, as a last resort.
"""

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Protocol

from neve.dataplane.sandbox import processes
from neve.domain.errors import SandboxFailed

_MODIFIED = 0x2  # IN_MODIFY


class MemoryWatch(Protocol):
    """The mark of one environment. `descriptor` becomes readable when it was passed, and when the kernel ended a process."""

    @property
    def descriptor(self) -> int:
        """For the event loop."""

    def set(self, mark_bytes: int) -> None:
        """Tell when the memory, with all that is cached for it, passes this. OSError when the kernel refuses. May block."""

    def drain(self) -> None:
        """Take the news."""

    def used_bytes(self) -> int:
        """The memory now, with all that is cached."""

    def held_bytes(self) -> int:
        """What only an end of processes would give back."""

    def close(self) -> None:
        """Give the descriptor back."""


class Watch1:
    """cgroup v1: thresholds with an eventfd."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._usage = folder / "memory.usage_in_bytes"
        self._marks: list[int] = []
        self.descriptor = _event_descriptor()
        with (folder / "memory.oom_control").open() as ends:
            (folder / "cgroup.event_control").write_text(f"{self.descriptor} {ends.fileno()}")

    def set(self, mark_bytes: int) -> None:
        used = self.used_bytes()
        if any(used < mark <= mark_bytes for mark in self._marks):
            return  # they stay, and the kernel keeps them all: a new one only where none is on the way
        with self._usage.open() as usage:
            text = f"{self.descriptor} {usage.fileno()} {mark_bytes}"
            (self._folder / "cgroup.event_control").write_text(text)
        self._marks.append(mark_bytes)

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, 8)

    def used_bytes(self) -> int:
        return int(processes.read(str(self._usage)) or b"0")

    def held_bytes(self) -> int:
        return _stat(self._folder, b"rss")

    def close(self) -> None:
        os.close(self.descriptor)


class Watch2:
    """cgroup v2: `memory.high`, and a watch on the file that counts how often it was passed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.descriptor = _watch_file(folder / "memory.events")

    def set(self, mark_bytes: int) -> None:
        (self._folder / "memory.high").write_text(str(mark_bytes))

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, 4096)

    def used_bytes(self) -> int:
        return int(processes.read(str(self._folder / "memory.current")) or b"0")

    def held_bytes(self) -> int:
        return _stat(self._folder, b"anon")

    def close(self) -> None:
        os.close(self.descriptor)


def _stat(folder: Path, name: bytes) -> int:
    for line in processes.read(str(folder / "memory.stat")).splitlines():
        word, _, number = line.partition(b" ")
        if word == name:
            return int(number)
    return 0


def _event_descriptor() -> int:
    return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)


def _watch_file(file: Path) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = int(library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if descriptor < 0 or library.inotify_add_watch(descriptor, os.fsencode(file), _MODIFIED) < 0:
        number = ctypes.get_errno()
        if descriptor >= 0:
            os.close(descriptor)
        raise SandboxFailed(f"the memory of an environment cannot be watched: {os.strerror(number)}")
    return descriptor
