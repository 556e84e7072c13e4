"""A sandbox whose process is the test itself: it speaks frames as a runtime client does, and freezes when it is told."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neve.clock import Clock
from neve.dataplane import channel as frames
from neve.dataplane.environment import Environment
from neve.dataplane.plan import ON_DEMAND, PROVISIONED, Plan
from neve.dataplane.pool import Pool
from neve.dataplane.run import Run
from neve.dataplane.runtime_api.subscriptions import Feed
from neve.dataplane.sandbox.sandbox import Command, Exit, Folders, Limits, Usage
from neve.dataplane.source_places import SourcePlaces
from neve.domain.errors import PlatformError, SandboxFailed
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.invocation import Invocation, InvocationResult
from neve.domain.platform_lines import text_line
from neve.domain.record import Origin, Record
from neve.domain.world import World
from neve.settings import Settings, load

BOUND_S = 5.0


class Process:
    """One start of the runtime, played by the test."""

    def __init__(self, channel: socket.socket, output: int, beside: int | None = None) -> None:
        self._socket = channel.dup()
        self._socket.setblocking(False)
        self._output = os.dup(output)
        self._beside = os.dup(output if beside is None else beside)
        self._incoming = b""
        self.exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    def print(self, text: str) -> None:
        os.write(self._output, text.encode())

    def print_beside(self, text: str) -> None:
        """As an extension."""
        os.write(self._beside, text.encode())

    def say(self, kind: int, header: dict[str, Any] | None = None, body: bytes = b"") -> None:
        self.write(frames.encode(kind, json.dumps(header or {}).encode(), body))

    def write(self, data: bytes) -> None:
        """Several frames at once, perhaps."""
        self._socket.send(data)

    def next(self) -> None:
        self.say(frames.NEXT)

    def respond(self, request_id: str, body: bytes = b"null") -> None:
        self.say(frames.RESPONSE, {"id": request_id}, body)

    async def event(self) -> tuple[dict[str, Any], bytes]:
        """The next INVOKE."""
        async with asyncio.timeout(BOUND_S):
            while True:
                if len(self._incoming) >= 4:
                    end = 4 + int.from_bytes(self._incoming[:4], "big")
                    if len(self._incoming) >= end:
                        frame, self._incoming = self._incoming[:end], self._incoming[end:]
                        header_end = 9 + int.from_bytes(frame[5:9], "big")
                        return json.loads(frame[9:header_end]), frame[header_end:]
                self._incoming += await asyncio.get_running_loop().sock_recv(self._socket, 65536)

    def end(self, exit_: Exit) -> None:
        if not self.exit.done():
            self._socket.close()
            os.close(self._output)
            os.close(self._beside)
            self.exit.set_result(exit_)


@dataclass
class ScriptedSandbox:
    """Keeps what was asked of it, in order."""

    address: str = "127.0.0.1"
    asked: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    api: str = ""
    refuses: str | SandboxFailed | None = None
    holds_freeze: asyncio.Event | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    command: Command | None = None
    extension_ends: asyncio.Queue[tuple[str, Exit]] = field(default_factory=asyncio.Queue)

    @property
    def pid(self) -> int | None:
        return 1 if self.processes and not self.processes[-1].exit.done() else None

    async def start(
        self, command: Command, channel: socket.socket, output: int, extension_output: int | None = None
    ) -> None:
        self.command = command
        self._ask("start")
        self.api = command.environment["AWS_LAMBDA_RUNTIME_API"]
        self._refuse()
        self.processes.append(Process(channel, output, extension_output))
        self.started.set()

    def go(self) -> None:
        self._ask("go")

    async def wait_extension(self) -> tuple[str, Exit]:
        return await self.extension_ends.get()

    def assign(self, folders: Folders, limits: Limits) -> None:
        self._ask("assign")
        self._refuse()

    async def wait(self) -> Exit:
        return await asyncio.shield(self.processes[-1].exit)

    async def freeze(self) -> None:
        self._ask("freeze")
        if self.holds_freeze is not None:
            await self.holds_freeze.wait()

    def thaw(self) -> None:
        self._ask("thaw")
        if self.holds_freeze is not None:
            self.holds_freeze.set()

    def initialized(self) -> None:
        """Nothing limits the test."""

    def signal(self, number: int, extension: str | None = None) -> None:
        self._ask(f"signal {number}" if extension is None else f"signal {number} {extension}")
        if number == signal.SIGKILL and extension is not None:
            self.end_extension(extension, Exit(None, number))
        elif number == signal.SIGKILL and self.processes:
            self.processes[-1].end(Exit(None, number))

    def end_extension(self, name: str, end: Exit) -> None:
        self.extension_ends.put_nowait((name, end))

    async def kill(self) -> None:
        self._ask("kill")
        if self.processes:
            self.processes[-1].end(Exit(None, signal.SIGKILL))

    def usage(self) -> Usage:
        return Usage(self.peak_bytes(), 0, 1)

    def peak_bytes(self) -> int:
        return 36 * 1024 * 1024

    async def remove(self) -> None:
        self._ask("remove")

    def _refuse(self) -> None:
        if self.refuses is not None:
            raise self.refuses if isinstance(self.refuses, SandboxFailed) else SandboxFailed(self.refuses)

    async def wait_asked(self, what: str) -> None:
        """Until this has been asked of the sandbox."""
        async with asyncio.timeout(BOUND_S):
            while what not in self.asked:
                self.changed.clear()
                await self.changed.wait()

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        self.changed.set()

    async def process(self) -> Process:
        """The process that was started last."""
        await asyncio.wait_for(self.started.wait(), BOUND_S)
        self.started.clear()
        return self.processes[-1]


class Stage:
    """A pool over scripted sandboxes, and all that it published."""

    def __init__(self, function: Function | None = None, **flags: object) -> None:
        self.clock = Clock(virtual=True)
        self.settings: Settings = load(flags, environ={})
        self.function = function or make_function()
        self.feed = Feed(self.clock)
        self.places = SourcePlaces()
        self.records: list[Record] = []
        self.sandboxes: list[ScriptedSandbox] = []
        self.no_room = False
        self.extensions: Sequence[str] = ()
        self.next_sandbox = ScriptedSandbox()
        self.may_start = 1_000_000
        self.pool = Pool(self.function, self._create, self._grow)
        self.changed = asyncio.Event()
        self.finished: list[str] = []
        self._results: list[asyncio.Future[InvocationResult]] = []

    def publish(self, record: Record) -> None:
        self.records.append(record)
        self.feed(record, None)
        self.changed.set()

    def log_tail(self, request_id: str) -> bytes:
        lines = [text_line(each) for each in self.records if each.request_id == request_id]
        return "".join(f"{line}\n" for line in lines if line is not None).encode()

    def freeze_grace_s(self, origin: Origin) -> float:
        return self.settings.freeze_grace_ms / 1000.0

    def lines(self) -> Sequence[str]:
        return [line for line in map(text_line, self.records) if line is not None]

    def kinds(self) -> Sequence[str]:
        return [each.type for each in self.records]

    def submit(self, request_id: str, wants_log_tail: bool = False) -> "asyncio.Future[InvocationResult]":
        invocation = Invocation(
            request_id, self.function, self.function.unqualified_arn, b"{}", "Root=1-0", wants_log_tail=wants_log_tail
        )
        result: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        self._results.append(result)
        self.pool.submit(Run(invocation, result, lambda: self.finished.append(request_id)))
        return result

    async def process(self, index: int = 0) -> Process:
        """The process of the environment that was made as number `index`."""
        return await self.sandboxes[index].process()

    def told(self, kind: str) -> dict[str, Any]:
        """What the last record of this type says."""
        return dict([each for each in self.records if each.type == kind][-1].record)

    async def wait_published(self, kind: str, count: int = 1) -> None:
        """Until `count` records of this type are in the stream."""
        async with asyncio.timeout(BOUND_S):
            while self.kinds().count(kind) < count:
                self.changed.clear()
                await self.changed.wait()

    async def close(self) -> None:
        """End every environment and give back what the test still holds."""
        environments = list(self.pool)
        self.pool.abandon(lambda run: run.refuse(PlatformError("the test is over")))
        for environment in environments:
            await environment.wait_stopped()
        for future in self._results:
            if future.done():
                future.exception()

    def _grow(self, wanted: int) -> int:
        granted = min(wanted, self.may_start)
        self.may_start -= granted
        return granted

    def _create(self, owner: Pool, provisioned: bool) -> Environment:
        if self.no_room:
            raise SandboxFailed("no room for another environment")
        sandbox, self.next_sandbox = self.next_sandbox, ScriptedSandbox()
        self.sandboxes.append(sandbox)
        name = f"environment-{len(self.sandboxes)}"
        origin = Origin(self.function.world, self.function.name, "$LATEST", name, "/aws/lambda/f", name)
        plan = Plan(
            self.function,
            lambda stream: Command(["x"], {}, Path("/")),
            "nodejs:24.v1",
            "arn:x",
            PROVISIONED if provisioned else ON_DEMAND,
            self.extensions,
        )
        return Environment(name, origin, plan, sandbox, self, owner)


def make_function(timeout_s: int = 3) -> Function:
    return Function(
        world=World(),
        name="f",
        runtime="nodejs24.x",
        handler="index.handler",
        role="arn:aws:iam::000000000000:role/r",
        code=Code("", 0),
        logging=LoggingConfig("/aws/lambda/f"),
        last_modified_ms=0,
        revision_id="r",
        timeout_s=timeout_s,
    )
