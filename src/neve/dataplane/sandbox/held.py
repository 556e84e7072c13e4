"""What every sandbox of processes on this machine does alike: start, hold together, freeze, end, count."""

import asyncio
import re
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from neve.dataplane.sandbox import hierarchy, processes
from neve.dataplane.sandbox.conductor import OUTPUT_FD, SOCKET_FD, Conductor
from neve.dataplane.sandbox.first import FirstProcess, exit_of
from neve.dataplane.sandbox.freezer import KILL_SECONDS, Freezer
from neve.dataplane.sandbox.limiter import Limiter
from neve.dataplane.sandbox.memory_watch import MemoryWatch
from neve.dataplane.sandbox.sandbox import Command, Exit, Folders, Limits, Usage
from neve.domain.errors import SandboxFailed

_ENVIRONMENT_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")


def check_id(environment_id: str) -> None:
    """SandboxFailed for an id that must not become part of a path."""
    if not _ENVIRONMENT_ID.match(environment_id):
        raise SandboxFailed("the id of an environment is a short word of letters, digits, dots and dashes")


class HeldSandbox(ABC):
    """One environment of processes. A kind says how the first one is spawned."""

    def __init__(self, freezer: Freezer, limiter: Limiter) -> None:
        self._freezer = freezer
        self._limiter = limiter
        self._kills_before = 0
        self._held_too_much = False
        self._watcher: asyncio.Task[None] | None = None
        self._look_at_memory = asyncio.Event()
        self._first: FirstProcess | None = None
        self._conductor: Conductor | None = None
        self._peak_bytes = 0
        self._cpu_us = 0
        self._cpu_before_us = 0
        self._removed = False

    @property
    def pid(self) -> int | None:
        if self._first is None or not self._first.running:
            return None
        process = self._conductor.process() if self._conductor else self._program(self._first.pid)
        if process is not None:
            return process.pid
        return None if self._conductor else self._first.pid

    async def start(
        self, command: Command, channel: socket.socket, output: int, extension_output: int | None = None
    ) -> None:
        if self._removed or self._is_running():
            raise SandboxFailed("the environment was removed" if self._removed else "the environment runs already")
        self._peak_bytes = self._cpu_us = 0
        self._cpu_before_us = self._freezer.cpu_us()
        self._kills_before = self._limiter.kills()
        self._held_too_much = False
        self._limiter.full_speed()
        beside = output if extension_output is None else extension_output
        self._first = FirstProcess(self._begin(command, channel.fileno(), output, beside), self._end)
        self._freezer.adopt(self._first.pid)
        if self._conductor is not None:
            lost = self._conductor.lost
            self._first.ended.add_done_callback(lambda ended: lost(ended.result()))
        if self._watcher is None and self._limiter.watch is not None:
            self._watcher = asyncio.create_task(self._watch_memory(self._limiter.watch), name="memory")

    def assign(self, folders: Folders, limits: Limits) -> None:
        if not self._is_running():
            raise SandboxFailed("nothing runs in the environment")
        self._limiter.change(limits)
        self._look_at_memory.set()

    def go(self) -> None:
        if self._conductor is not None:
            self._conductor.go()

    async def wait(self) -> Exit:
        if self._first is None:
            raise SandboxFailed("nothing was started in the environment")
        if self._conductor is None:
            return await asyncio.shield(self._first.ended)
        return self._marked(await asyncio.shield(self._conductor.ended))

    async def wait_extension(self) -> tuple[str, Exit]:
        if self._conductor is None:
            raise SandboxFailed("the environment has no extensions")
        name, end = await self._conductor.extension_ends.get()
        return name, self._marked(end)

    async def freeze(self) -> None:
        await self._freezer.freeze()

    def thaw(self) -> None:
        self._freezer.thaw()

    def initialized(self) -> None:
        self._limiter.own_speed()

    def signal(self, number: int, extension: str | None = None) -> None:
        if self._first is None or not self._first.running:
            return
        process = self._conductor.process(extension) if self._conductor else self._program(self._first.pid)
        if process is not None:
            processes.send(process, number)
        elif self._conductor is None and extension is None:
            self._first.signal(number)

    async def kill(self) -> None:
        self.usage()  # what is not asked now is not known any more
        # The first process may not be inside yet: it is named, the others are found.
        if self._first is not None:
            self._first.signal(signal.SIGKILL)
        await self._freezer.kill()
        if self._first is not None:
            await asyncio.wait_for(asyncio.shield(self._first.ended), KILL_SECONDS)

    def usage(self) -> Usage:
        if self._first is None:
            return Usage(0, 0, 0)
        members = self._members()
        memory_bytes = self._peak_of(self._first, members)
        # Where only living processes are counted the sum can fall; what was used stays used.
        self._cpu_us = max(self._cpu_us, self._freezer.cpu_us() - self._cpu_before_us, self._first.cpu_us)
        return Usage(memory_bytes, self._cpu_us, len(members))

    def peak_bytes(self) -> int:
        return 0 if self._first is None else self._peak_of(self._first, self._members())

    def _peak_of(self, first: FirstProcess, members: Sequence[int]) -> int:
        """Not the peak of a memory cgroup: that counts the cache of every file that was read, which is nobody's memory."""
        now_bytes = sum(map(processes.peak_bytes, members))
        self._peak_bytes = max(self._peak_bytes, now_bytes, first.peak_bytes)
        return self._limiter.capped(self._peak_bytes)

    async def remove(self) -> None:
        if self._removed:
            return
        await self.kill()
        self._removed = True
        await self._freezer.remove()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
        await self._limiter.remove()

    async def _watch_memory(self, watch: MemoryWatch) -> None:
        """Whenever the memory passed the mark: end all when more is held than may be, else put the mark further.

        All, also when the kernel was quicker and ended one process: its choice falls on the largest, which may be a child,
        and the memory is the environment's.
        """
        loop, passed = asyncio.get_running_loop(), self._look_at_memory
        loop.add_reader(watch.descriptor, passed.set)
        try:
            while True:
                await asyncio.to_thread(self._limiter.place_mark)
                if self._is_out_of_memory():
                    self._held_too_much = True
                    hierarchy.kill_each(self._freezer.processes())
                await passed.wait()
                watch.drain()
                passed.clear()
        finally:
            loop.remove_reader(watch.descriptor)

    def _is_out_of_memory(self) -> bool:
        killed = self._limiter.kills() > self._kills_before
        return self._is_running() and (killed or self._limiter.holds_too_much())

    def _begin(self, command: Command, channel: int, output: int, extension_output: int) -> int:
        """The pid of the first process, with a conductor when there is something to conduct."""
        self._conductor = None
        if not command.extensions:
            return self._spawn(command, channel, output, {})
        made = Conductor(command, lambda pid: processes.look_inside(self._freezer.processes(), pid))
        try:
            others = {SOCKET_FD: made.theirs, OUTPUT_FD: extension_output}
            pid = self._spawn(command, channel, output, others)
        except BaseException:
            made.close()
            raise
        made.started()
        self._conductor = made
        return pid

    @abstractmethod
    def _spawn(self, command: Command, channel: int, output: int, others: Mapping[int, int]) -> int:
        """The pid of a child of ours; `others` are more descriptors for it, by the number that they get."""

    def _program(self, first: int) -> processes.Process | None:
        """The program's process, when it is another one than the first."""
        return None

    def _read_status(self, status: int) -> Exit:
        """How the function's process ended, from the wait status of the first one."""
        return exit_of(status)

    def _end(self, status: int) -> Exit:
        return self._marked(self._read_status(status))

    def _marked(self, end: Exit) -> Exit:
        """With what is known of the memory."""
        too_much = self._held_too_much or self._limiter.kills() > self._kills_before
        return replace(end, out_of_memory=end.signal == signal.SIGKILL and too_much)

    @property
    def _entries(self) -> Sequence[Path]:
        """The freezer and the limits may share a cgroup."""
        return tuple(dict.fromkeys((*self._freezer.entries, *self._limiter.entries)))

    def _members(self) -> list[int]:
        """The function's processes."""
        shells = self._conductor.shells if self._conductor else set()
        return [pid for pid in self._freezer.processes() if pid not in shells]

    def _is_running(self) -> bool:
        return self._first is not None and self._first.running
