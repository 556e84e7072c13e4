"""Processes of peers: each in a group of its own, and surely gone at the end, whatever they started."""

import atexit
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.machine import descendants
from bench.peers.peer import Missing

_MARK = "NEVE_BENCH_RUN"
_RUN = f"{os.getpid()}-{secrets.token_hex(4)}"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def free_port() -> int:
    """One that nobody listens on at this moment, for programs that cannot say which they took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(
    command: Sequence[str | Path], environment: Mapping[str, str], directory: Path, output: int | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """One for the time of a `with`. Its output goes to a file of which errors tell the end, or into a pipe."""
    with tempfile.TemporaryFile() as errors:
        started = subprocess.Popen(
            [str(each) for each in command],
            env={**environment, _MARK: _RUN},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output if output is not None else errors,
            stderr=errors,
            text=True,
            start_new_session=True,
            preexec_fn=_die_with_us,
        )
        try:
            yield started
        except Missing as missing:
            raise Missing(f"{missing}; it said: {_tail(errors.fileno())}") from missing
        finally:
            _end(started)
            if started.stdout is not None:
                started.stdout.close()


def wait_for(met: Callable[[], bool], started: "subprocess.Popen[str]", seconds: float, what: str) -> None:
    """Until the condition holds; Missing when the process ends before, the time is over, or others could call it, too."""
    deadline = time.monotonic() + seconds
    while not met():
        if started.poll() is not None:
            raise Missing(f"{what}: it ended with status {started.returncode}")
        if time.monotonic() > deadline:
            raise Missing(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
    if not only_loopback(started.pid):
        raise Missing(f"{what}: it listens on more than loopback")


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def only_loopback(pid: int) -> bool:
    """Whether a process and its children listen on loopback only."""
    sockets = {_inode(link) for each in (pid, *descendants(pid)) for link in _descriptors(each)}
    for table, ours in (
        ("tcp", ("0100007F",)),
        ("tcp6", ("00000000000000000000000001000000", "0000000000000000FFFF00000100007F")),
    ):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets and fields[1].split(":")[0] not in ours:
                return False
    return True


def _descriptors(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                yield str(entry.readlink())


def _inode(link: str) -> str:
    return link[8:-1] if link.startswith("socket:[") else ""


def _die_with_us() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(started: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        started.terminate()
        with suppress(subprocess.TimeoutExpired):
            started.wait(15)
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait(5)


def _tail(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, 1500, max(0, size - 1500)).decode(errors="replace").strip()


@atexit.register
def _sweep() -> None:
    """Whatever a peer left: it carries our mark."""
    wanted = f"{_MARK}={_RUN}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
