"""What `/proc` says about processes. Every look may find the process gone: that is an answer (None), never an error."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HAS_PROC = sys.platform.startswith("linux") and Path("/proc/self/stat").exists()
_TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
_STANDING = "TtDXZ"


@dataclass(frozen=True, slots=True)
class Process:
    """One line of `/proc/PID/stat`: `started` is in clock ticks since boot and tells a reused pid from the old one."""

    pid: int
    state: str
    parent: int
    session: int
    threads: int
    cpu_us: int
    started: int

    @property
    def dead(self) -> bool:
        """Whether it only waits for its parent to look (a leader whose other threads run is not dead)."""
        return self.state in "XZ" and self.threads <= 1

    @property
    def stopped(self) -> bool:
        """Whether no thread of it runs, after SIGSTOP was sent. Threads stop one by one: the leader's state is not enough.

        `D` counts: a wait inside the kernel (vfork, a disk) ends in the pending stop before any instruction of the program.
        """
        states = _thread_states(self.pid) if self.threads > 1 else [self.state]
        return all(state in _STANDING for state in states)


def look(pid: int) -> Process | None:
    """The process with this pid, or None."""
    text = read(f"/proc/{pid}/stat")
    if not text:
        return None
    # The command name may hold spaces and parentheses: the fields begin after the last one.
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(
        pid=pid,
        state=fields[0].decode(),
        parent=int(fields[1]),
        session=int(fields[3]),
        cpu_us=(int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])) * _TICK_US,
        threads=int(fields[17]),
        started=int(fields[19]),
    )


def look_inside(pids: Iterable[int], inner_pid: int) -> Process | None:
    """The one of these that has this pid in its own namespace; without `/proc` it is believed to be the same as here."""
    if not HAS_PROC:
        return Process(inner_pid, "R", 0, 0, 1, 0, 0)
    return next((look(pid) for pid in pids if _inner_pid(pid) == inner_pid), None)


def _inner_pid(pid: int) -> int | None:
    text = read(f"/proc/{pid}/status")
    at = text.find(b"NSpid:")
    return int(text[at : text.index(b"\n", at)].split()[-1]) if at >= 0 else None


def everything() -> list[Process]:
    """All processes that can be seen; empty where there is no `/proc`."""
    if not HAS_PROC:
        return []
    found = (look(int(name)) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208  a third of the time
    return [process for process in found if process is not None]


def peak_bytes(pid: int) -> int:
    """The most memory of the process that was resident at once; 0 when it is gone."""
    text = read(f"/proc/{pid}/status")
    at = text.find(b"VmHWM:")
    if at < 0:
        return 0
    return int(text[at + 6 : text.index(b"kB", at)]) * 1024


def variable(pid: int, name: bytes) -> str | None:
    """A variable of the environment that the process was started with; None when unset, gone or not ours to read."""
    for entry in read(f"/proc/{pid}/environ").split(b"\0"):
        if entry.startswith(name + b"="):
            return entry[len(name) + 1 :].decode(errors="replace")
    return None


def read(path: str) -> bytes:
    """A small file of `/proc` as a whole; empty when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return _read_all(descriptor)
    except OSError:  # ESRCH: it ended between the two calls
        return b""
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    text = b""
    while part := os.read(descriptor, 65_536):
        text += part
        if len(part) < 4_096:
            break
    return text


def send(process: Process, number: int) -> None:
    """Send a signal, unless the process is gone and another one has its pid."""
    now = look(process.pid)
    if HAS_PROC and (now is None or now.started != process.started):
        return
    try:
        os.kill(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _thread_states(pid: int) -> list[str]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    except OSError:
        return []
    texts = (read(f"/proc/{pid}/task/{thread}/stat") for thread in threads)
    return [chr(text[text.rindex(b")") + 2]) for text in texts if text]
