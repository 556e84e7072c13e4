"""One start of an environment's processes: whom they speak to, what they print into, how they begin and end.

An environment has one after the other. What a generation says after its end was decided reaches nobody.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

from neve.dataplane.output import Line, OutputPipe
from neve.dataplane.parties import Parties
from neve.dataplane.plan import Plan
from neve.dataplane.runtime_api.listener import Event, Subscribed
from neve.dataplane.runtime_api.subscriptions import Subscriptions
from neve.dataplane.sandbox.sandbox import Command, Exit, Sandbox
from neve.dataplane.tasks import Tasks
from neve.domain.errors import SandboxFailed
from neve.domain.extension import Extension

_Word = tuple[int, Mapping[str, Any], bytes]


class News(Protocol):
    """What is told of a generation, on the event loop, in the order in which it happened."""

    def processes_up(self) -> None:
        """The processes are there."""

    def processes_refused(self, error: SandboxFailed) -> None:
        """They cannot be started."""

    def heard(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        """Somebody inside said this, in the terms of `channel.py`. Never before `processes_up`."""

    def printed(self, line: Line) -> None:
        """Somebody inside printed this."""

    def subscribed(self, subscribed: Subscribed) -> None:
        """An extension subscribed to telemetry."""

    def processes_ended(self, end: Exit) -> None:
        """The runtime ended by itself, or was killed from outside."""


class Generation:
    """`begin` it once, `end` it once."""

    def __init__(self, plan: Plan, subscriptions: Subscriptions, sandbox: Sandbox, tasks: Tasks, news: News) -> None:
        self._plan = plan
        self._subscriptions = subscriptions
        self._sandbox = sandbox
        self._tasks = tasks
        self._news = news
        self._parties: Parties | None = None
        self._output: OutputPipe | None = None
        self._starting: asyncio.Task[None] | None = None
        self._up = False
        self._over = False
        self._early: list[_Word] = []  # said before the start was done

    @property
    def has_extensions(self) -> bool:
        """Whether anybody beside the runtime takes part."""
        return self._parties is not None and self._parties.has_extensions

    @property
    def extensions(self) -> Iterable[Extension]:
        """Who takes part beside the runtime, or should."""
        return () if self._parties is None else self._parties.extensions

    def begin(self, command: Callable[[str], Command]) -> None:
        """Start what `command` makes of the address of the doors."""
        self._starting = self._tasks.spawn(self._start(command))

    def send(self, event: Event) -> None:
        """Give an invocation to everyone who waits for it."""
        assert self._parties is not None
        self._parties.send(event)

    def pause_telemetry(self) -> None:
        """It is about to freeze."""
        self._subscriptions.pause()

    def resume_telemetry(self) -> None:
        """It was thawed."""
        self._subscriptions.resume()

    def drain(self, flush: bool = False) -> None:
        """Read what has been printed by now; with `flush`, an unfinished line counts as a line."""
        if self._output is not None:
            self._output.drain(flush)

    def end(self) -> Coroutine[Any, Any, None]:
        """From the call on nothing of it is heard; the coroutine ends every process. SandboxFailed when they do not end."""
        self._over = True
        return self._end()

    async def _start(self, command: Callable[[str], Command]) -> None:
        try:
            await self._start_processes(command)
        except SandboxFailed as error:
            self._refused(error)
        except OSError as refused:  # no descriptor is left, no memory
            reason = (refused.strerror or str(refused)).lower()
            self._refused(SandboxFailed(f"the environment cannot be started: {reason}"))
        else:
            self._watch()

    async def _start_processes(self, command: Callable[[str], Command]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._output = OutputPipe(self._on_line)
            self._parties = Parties(self._plan, self._subscriptions, ours, self._on_word, self._on_subscribed)
            try:
                address = await self._parties.open()
                await self._sandbox.start(command(address), theirs, self._output.write_end)
            finally:
                self._output.close_write_end()

    def _refused(self, error: SandboxFailed) -> None:
        if not self._over:
            self._news.processes_refused(error)

    def _watch(self) -> None:
        if self._over:
            return
        self._tasks.spawn(self._wait_for_end())
        self._up = True
        self._news.processes_up()
        early, self._early = self._early, []
        for word in early:
            self._on_word(*word)
        assert self._parties is not None
        if not self._over:
            self._parties.drain()  # a quick runtime may have spoken while it was being started

    async def _wait_for_end(self) -> None:
        end = await self._sandbox.wait()
        if not self._over:
            assert self._parties is not None
            self._parties.drain()  # what it said before it ended comes first
        if not self._over:
            self._news.processes_ended(end)

    def _on_word(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        if self._over:
            return
        if self._up:
            self._news.heard(kind, header, body)
        else:
            self._early.append((kind, header, body))

    def _on_subscribed(self, subscribed: Subscribed) -> None:
        if not self._over:
            self._news.subscribed(subscribed)

    def _on_line(self, line: Line) -> None:
        """What is printed on the way out is told, too: it belongs to nobody's invocation any more."""
        self._news.printed(line)

    async def _end(self) -> None:
        if self._starting is not None:  # what is being started must be there before it can be ended
            await asyncio.wait([self._starting])
        try:
            await self._sandbox.kill()
        finally:
            if self._parties is not None:
                self._parties.close()
            await self._subscriptions.stop()
            if self._output is not None:
                self._output.close()
