"""A runtime that was started before it is known for which function: booted, in a sandbox, frozen, it waits for its code."""

import asyncio
import os
import socket
import uuid
from collections.abc import Callable
from typing import Self

from neve import log
from neve.dataplane import channel as frames
from neve.dataplane.sandbox.sandbox import Command, Folders, Limits, Sandbox, SandboxKind
from neve.domain.errors import SandboxFailed

_BOOT_S = 10.0
_WAITING = frames.encode(frames.WAITING, b"{}")


class Prestarted:
    """One of them. `channel` and `output` are our ends of its descriptors, which whoever takes it closes."""

    def __init__(self, sandbox: Sandbox, identity: str, command: Command) -> None:
        self.id = identity
        self.sandbox = sandbox
        self.command = command
        self.taken = False
        self.channel, self._theirs = socket.socketpair()
        self.channel.setblocking(False)
        self.output, self._write_end = os.pipe()
        self._ended: asyncio.Task[None] | None = None
        self._process: int | None = None  # a descriptor of it

    @classmethod
    async def start(cls, kind: SandboxKind, command: Command, limits: Limits) -> Self:
        """Return when it waits. SandboxFailed or OSError when it cannot be had; nothing of it is left then."""
        identity = uuid.uuid4().hex
        prestarted = cls(kind.create(identity, limits), identity, command)
        try:
            await prestarted._begin()
        except BaseException:
            await prestarted.end()
            raise
        return prestarted

    def on_end(self, call: Callable[[], None]) -> None:
        """Call when it ends by itself while nobody has taken it."""

        async def wait() -> None:
            await self.sandbox.wait()
            ended()

        def ended() -> None:
            self._unwatch()
            if not self.taken:
                call()

        self._ended = asyncio.create_task(wait(), name=f"pre-started {self.id}")
        self._process = _open_process(self.sandbox.pid)
        if self._process is not None:  # its parents inside are frozen, too, and would tell of it later
            asyncio.get_running_loop().add_reader(self._process, ended)

    def assign(self, folders: Folders, limits: Limits) -> None:
        """Let it have a function's code and limits, and thaw it: it is the caller's from now on, also when SandboxFailed."""
        self.taken = True
        self._unwatch()
        self.sandbox.assign(folders, limits)
        self.sandbox.thaw()

    async def end(self) -> None:
        """End it and give everything back."""
        self.taken = True
        self._unwatch()
        try:
            await self.sandbox.remove()
        except (SandboxFailed, OSError) as error:
            log.failure("prestarted.remove", error, environment=self.id)
        self._close_theirs()
        self.channel.close()
        os.close(self.output)

    async def _begin(self) -> None:
        try:
            await self.sandbox.start(self.command, self._theirs, self._write_end)
        finally:
            self._close_theirs()
        try:
            async with asyncio.timeout(_BOOT_S):
                await self._wait_until_it_waits()
        except TimeoutError:
            raise SandboxFailed(f"the runtime did not boot within {_BOOT_S:g} s") from None
        await self.sandbox.freeze()

    async def _wait_until_it_waits(self) -> None:
        loop, said = asyncio.get_running_loop(), b""
        while said != _WAITING:
            more = await loop.sock_recv(self.channel, len(_WAITING))
            said += more
            if not more or not _WAITING.startswith(said):
                raise SandboxFailed("the runtime ended while it booted")

    def _unwatch(self) -> None:
        if self._ended is not None and self._ended is not asyncio.current_task():
            self._ended.cancel()
        if self._process is not None:
            asyncio.get_running_loop().remove_reader(self._process)
            os.close(self._process)
            self._process = None

    def _close_theirs(self) -> None:
        self._theirs.close()
        if self._write_end != -1:
            os.close(self._write_end)
            self._write_end = -1


def _open_process(pid: int | None) -> int | None:
    """None where the system has no descriptors of processes."""
    opener = getattr(os, "pidfd_open", None)
    try:
        return int(opener(pid)) if opener and pid is not None else None
    except OSError:
        return None
