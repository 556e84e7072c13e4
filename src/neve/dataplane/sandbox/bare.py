"""The `bare` sandbox: plain processes, held together and frozen, isolated from nothing. For development.

It says so at start (`missing`); `bubblewrap` isolates behind the same protocol.
"""

import asyncio
import os
import re
import resource
import signal
import socket
import sys
import threading
from collections.abc import Sequence

from neve.dataplane.sandbox import launch, processes, sweeping
from neve.dataplane.sandbox.freezer import KILL_SECONDS, Freezer, FreezerKind
from neve.dataplane.sandbox.sandbox import Command, Exit, Limits, Usage
from neve.domain.errors import SandboxFailed

_ENVIRONMENT_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")


class BareSandbox:
    """One environment of plain processes."""

    def __init__(self, freezer: Freezer) -> None:
        self._freezer = freezer
        self._first: _FirstProcess | None = None
        self._peak_bytes = 0
        self._cpu_us = 0
        self._cpu_before_us = 0
        self._removed = False

    @property
    def pid(self) -> int | None:
        return self._first.pid if self._first is not None and self._first.running else None

    async def start(self, command: Command, channel: socket.socket, output: int) -> None:
        if self._removed or self.pid is not None:
            raise SandboxFailed("the environment was removed" if self._removed else "the environment runs already")
        self._peak_bytes = self._cpu_us = 0
        self._cpu_before_us = self._freezer.cpu_us()
        pid = launch.spawn(command, self._freezer.entries, self._freezer.marks, channel.fileno(), output)
        self._first = _FirstProcess(pid)
        self._freezer.adopt(pid)

    async def wait(self) -> Exit:
        if self._first is None:
            raise SandboxFailed("nothing was started in the environment")
        return await asyncio.shield(self._first.ended)

    async def freeze(self) -> None:
        await self._freezer.freeze()

    def thaw(self) -> None:
        self._freezer.thaw()

    def signal(self, number: int) -> None:
        if self._first is not None:
            self._first.signal(number)

    async def kill(self) -> None:
        # The first process may not be inside yet: it is named, the others are found.
        self.signal(signal.SIGKILL)
        await self._freezer.kill()
        if self._first is not None:
            await asyncio.wait_for(asyncio.shield(self._first.ended), KILL_SECONDS)

    def usage(self) -> Usage:
        if self._first is None:
            return Usage(0, 0, 0)
        # Not the peak of a memory cgroup: that counts the cache of every file that was read, which is nobody's memory.
        members = self._freezer.processes()
        now_bytes = sum(map(processes.peak_bytes, members))
        self._peak_bytes = max(self._peak_bytes, now_bytes, self._first.peak_bytes)
        # Where only living processes are counted the sum can fall; what was used stays used.
        self._cpu_us = max(self._cpu_us, self._freezer.cpu_us() - self._cpu_before_us, self._first.cpu_us)
        return Usage(self._peak_bytes, self._cpu_us, len(members))

    async def remove(self) -> None:
        if self._removed:
            return
        await self.kill()
        self._removed = True
        await self._freezer.remove()


class BareKind:
    """Plain processes, frozen in the given way."""

    name = "bare"

    def __init__(self, freezer: FreezerKind) -> None:
        self._freezer = freezer

    @property
    def freezer(self) -> str:
        return self._freezer.name

    @property
    def missing(self) -> Sequence[str]:
        return (
            "Functions see the files, processes and network of this machine and run as the user who started Neve.",
            "Memory, CPU and /tmp of functions are not limited.",
        )

    def create(self, environment_id: str, limits: Limits) -> BareSandbox:
        if not _ENVIRONMENT_ID.match(environment_id):
            raise SandboxFailed("the id of an environment is a short word of letters, digits, dots and dashes")
        return BareSandbox(self._freezer.create(environment_id))

    async def sweep(self) -> int:
        return await asyncio.to_thread(sweeping.sweep)

    async def close(self) -> None:
        self._freezer.close()


class _FirstProcess:
    """A child of ours and how it ended: seen by its descriptor where the system has those, else by a waiting thread."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak_bytes = self.cpu_us = 0
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Exit] = self._loop.create_future()
        self._descriptor = _open_process(pid)
        if self._descriptor is None:
            threading.Thread(target=self._wait, name=f"neve-wait-{pid}", daemon=True).start()
        else:
            self._loop.add_reader(self._descriptor, self._reap)

    @property
    def running(self) -> bool:
        return not self.ended.done()

    def signal(self, number: int) -> None:
        if not self.running:
            return
        try:
            os.kill(self.pid, number)  # the pid is ours until we reap it
        except ProcessLookupError:
            return

    def _reap(self) -> None:
        pid, status, used = os.wait4(self.pid, os.WNOHANG)
        if pid == 0 or self._descriptor is None:
            return
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None
        self._end(status, used)

    def _wait(self) -> None:
        _, status, used = os.wait4(self.pid, 0)
        try:
            self._loop.call_soon_threadsafe(self._end, status, used)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _end(self, status: int, used: resource.struct_rusage) -> None:
        self.cpu_us = int((used.ru_utime + used.ru_stime) * 1e6)
        # A spawned process inherits our own peak as its lowest: only a higher one is its own.
        if used.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
            self.peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        if not self.ended.done():
            self.ended.set_result(_exit(status))


def _exit(status: int) -> Exit:
    code = os.waitstatus_to_exitcode(status)
    return Exit(code, None) if code >= 0 else Exit(None, -code)


def _open_process(pid: int) -> int | None:
    opener = getattr(os, "pidfd_open", None)
    try:
        return int(opener(pid)) if opener else None
    except OSError:  # a kernel before 5.3, or a filter that does not know the call
        return None
