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
from neve.dataplane.prestarted import Prestarted
from neve.dataplane.runtime_api.listener import Event, Subscribed
from neve.dataplane.runtime_api.subscriptions import Subscriptions
from neve.dataplane.sandbox.sandbox import Command, Exit, Sandbox
from neve.dataplane.shutdown import Shutdown
from neve.dataplane.tasks import Tasks
from neve.domain.errors import ExtensionRefused, SandboxFailed
from neve.domain.extension import MAXIMUM_EXTENSIONS, Extension, ExtensionState
from neve.domain.shutdown import Reason

_Word = tuple[int, Mapping[str, Any], bytes]


class News(Protocol):
    """What is told of a generation, on the event loop, in the order in which it happened."""

    def processes_up(self) -> None:
        """The processes are there."""

    def processes_refused(self, error: SandboxFailed) -> None:
        """They cannot be started."""

    def heard(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        """Somebody inside said this, in the terms of `channel.py`. Never before `processes_up`."""

    def misheard(self, kind: int, error: Exception) -> None:
        """`heard` failed for a word of this kind, which is a fault of ours."""

    def printed(self, line: Line) -> None:
        """The runtime, or somebody whom it started, printed this."""

    def extension_printed(self, line: Line) -> None:
        """An external extension printed this."""

    def extension_failed(self, extension: Extension) -> None:
        """It said so, as its state tells, and is about to go."""

    def extension_ended(self, extension: Extension, end: Exit) -> None:
        """An external one is gone."""

    def subscribed(self, subscribed: Subscribed) -> None:
        """An extension subscribed to telemetry."""

    def processes_ended(self, end: Exit) -> None:
        """The runtime ended by itself, or was killed from outside."""


class Generation:
    """`begin` it once, `end` it once. With a `prestarted` runtime there is a process already, which becomes the command."""

    def __init__(
        self,
        plan: Plan,
        subscriptions: Subscriptions,
        sandbox: Sandbox,
        tasks: Tasks,
        news: News,
        prestarted: Prestarted | None = None,
    ) -> None:
        self._plan = plan
        self._subscriptions = subscriptions
        self._sandbox = sandbox
        self._tasks = tasks
        self._news = news
        self._prestarted = prestarted
        self._parties: Parties | None = None
        self._shutdown: Shutdown | None = None
        self._outputs: list[OutputPipe] = []
        self._starting: asyncio.Task[None] | None = None
        self._watch_extensions: asyncio.Task[None] | None = None
        self._up = False
        self._over = False
        self._early: list[_Word] = []  # said before the start was done

    @property
    def has_extensions(self) -> bool:
        """Whether anybody beside the runtime takes part."""
        return self._parties is not None and self._parties.has_extensions

    @property
    def extensions(self) -> Iterable[Extension]:
        """Who takes part beside the runtime, or should, in the order of registration."""
        return self._parties.extensions if self._parties is not None else ()

    def begin(self, command: Callable[[str], Command]) -> None:
        """Start what `command` makes of the address of the doors."""
        self._starting = self._tasks.spawn(self._start(command))

    def send(self, event: Event) -> None:
        """Give an invocation to everyone who waits for it."""
        assert self._parties is not None
        self._parties.send(event)

    def hold(self, held: bool) -> None:
        """Stop or continue to hear the runtime: whoever gets its streamed response is slow."""
        if self._parties is not None:
            self._parties.hold(held)

    def ask_why(self, request_id: str) -> bool:
        """Ask the runtime what this invocation waits for; whether it can be asked."""
        return self._parties is not None and self._parties.ask_why(request_id)

    def pause_telemetry(self) -> None:
        """It is about to freeze."""
        self._subscriptions.pause()

    def resume_telemetry(self) -> None:
        """It was thawed."""
        self._subscriptions.resume()

    def drain(self, flush: bool = False) -> None:
        """Read what has been printed by now; with `flush`, an unfinished line counts as a line."""
        for output in self._outputs:
            output.drain(flush)

    def end(self, reason: Reason) -> Coroutine[Any, Any, None]:
        """From the call on nothing of it is heard; the coroutine gives extensions their time, then ends every process.

        Nothing may be frozen when there are extensions. SandboxFailed when processes do not end.
        """
        self._over = True
        if self._parties is not None:
            self._parties.revoke()
        return self._end(reason)

    async def _start(self, command: Callable[[str], Command]) -> None:
        try:
            if self._prestarted is None:
                await self._start_processes(command)
            else:
                await self._assign(self._prestarted, command)
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
            parties = self._meet(ours)
            self._check_number()
            try:
                # A pipe of their own tells the lines of extensions from the function's.
                readers = [self._on_line, *([self._on_extension_line] if self._plan.extensions else [])]
                for on_line in readers:
                    self._outputs.append(OutputPipe(on_line))
                address = await parties.open()
                await self._sandbox.start(command(address), theirs, *(each.write_end for each in self._outputs))
            finally:
                for each in self._outputs:
                    each.close_write_end()

    def _check_number(self) -> None:
        excess = self._plan.extensions[MAXIMUM_EXTENSIONS:]
        if excess:
            text = f"Extension limit ({MAXIMUM_EXTENSIONS}) reached"
            raise ExtensionRefused(excess[0], text, "TooManyExtensions")

    async def _assign(self, prestarted: Prestarted, command: Callable[[str], Command]) -> None:
        self._outputs.append(OutputPipe(self._on_line, prestarted.output))
        parties = self._meet(prestarted.channel)
        parties.assign(command(await parties.open()))

    def _meet(self, ours: socket.socket) -> Parties:
        self._parties = Parties(
            self._plan, self._subscriptions, ours, self._on_word, self._on_extension, self._on_subscribed
        )
        return self._parties

    def _refused(self, error: SandboxFailed) -> None:
        if isinstance(error, ExtensionRefused) and self._parties is not None:
            _expected(self._parties, error.name).refuse(error.error_type)
        if not self._over:
            self._news.processes_refused(error)

    def _watch(self) -> None:
        if self._over:
            return
        assert self._parties is not None
        self._tasks.spawn(self._wait_for_end())
        if self._plan.extensions:
            self._watch_extensions = self._tasks.spawn(self._wait_for_extensions(self._parties))
        self._up = True
        self._news.processes_up()
        self._go_if_all_registered()
        early, self._early = self._early, []
        for word in early:
            self._on_word(*word)
        if not self._over:
            self._parties.drain()  # a quick runtime may have spoken while it was being started

    async def _wait_for_end(self) -> None:
        end = await self._sandbox.wait()
        if not self._over:
            assert self._parties is not None
            self._parties.drain()  # what it said before it ended comes first
        if not self._over:
            self._news.processes_ended(end)

    async def _wait_for_extensions(self, parties: Parties) -> None:
        while True:
            name, end = await self._sandbox.wait_extension()
            extension = _expected(parties, name)
            extension.leave()
            if not self._over:
                self._news.extension_ended(extension, end)
            if self._shutdown is not None:
                self._shutdown.extension_left()

    def _on_extension(self, extension: Extension) -> None:
        if extension.state is ExtensionState.REGISTERED:
            self._go_if_all_registered()
        elif not self._over:
            self._news.extension_failed(extension)

    def _go_if_all_registered(self) -> None:
        """The runtime begins after all external extensions, lifecycle facts §1."""
        assert self._parties is not None
        if self._plan.extensions and self._up and self._parties.extensions.all_registered:
            self._sandbox.go()

    def _on_word(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        if self._over:
            return
        if self._up:
            try:
                self._news.heard(kind, header, body)
            except Exception as error:  # noqa: BLE001 - whoever said it cannot help it, and says more
                self._news.misheard(kind, error)
        else:
            self._early.append((kind, header, body))

    def _on_subscribed(self, subscribed: Subscribed) -> None:
        if not self._over:
            self._news.subscribed(subscribed)

    def _on_line(self, line: Line) -> None:
        """What is printed on the way out is told, too: it belongs to nobody's invocation any more."""
        self._news.printed(line)

    def _on_extension_line(self, line: Line) -> None:
        self._news.extension_printed(line)

    async def _end(self, reason: Reason) -> None:
        if self._starting is not None:  # what is being started must be there before it can be ended
            await asyncio.wait([self._starting])
        try:
            if self._parties is not None:
                self._shutdown = Shutdown(self._sandbox, self._parties, self._subscriptions)
                await self._shutdown.run(reason)
            await self._sandbox.kill()
        finally:
            if self._parties is not None:
                self._parties.close()
            await self._subscriptions.stop()
            for output in self._outputs:
                output.close()
            if self._watch_extensions is not None:
                self._watch_extensions.cancel()


def _expected(parties: Parties, name: str) -> Extension:
    extension = parties.extensions.named(name)
    assert extension is not None
    return extension
