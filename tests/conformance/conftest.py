"""What the sandbox and freezer suites share: one kind for each freezer of this machine, and programs that run in them."""

import asyncio
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop
from tests.conformance import programs

from neve.dataplane.sandbox import processes
from neve.dataplane.sandbox.bare import BareKind
from neve.dataplane.sandbox.choose import FREEZERS, SANDBOXES, try_bubblewrap, try_freezer
from neve.dataplane.sandbox.sandbox import Limits, Sandbox, SandboxKind

BOUND_S = 10.0


def make_kind(sandbox: str, freezer: str) -> SandboxKind | None:
    """The kind, or None where this machine does not allow it."""
    tried = try_freezer(freezer)
    if tried.kind is None or sandbox == "bare":
        return BareKind(tried.kind) if tried.kind else None
    isolating = try_bubblewrap(tried.kind)
    if isolating.kind is None:
        tried.kind.close()
    return isolating.kind


def _works(sandbox: str, freezer: str) -> bool:
    made = make_kind(sandbox, freezer)
    if made is not None:
        asyncio.run(made.close())
    return made is not None


HERE = [(sandbox, freezer) for sandbox in SANDBOXES for freezer in FREEZERS if _works(sandbox, freezer)]
"""The sandboxes and freezers that this machine allows."""


@dataclass
class Running:
    """A program in a sandbox: `channel` is our end of its descriptor 3, `output` what it prints.

    `beside` is what its extensions print.
    """

    sandbox: Sandbox
    channel: socket.socket
    output: asyncio.StreamReader
    beside: asyncio.StreamReader
    directory: Path
    mark: str

    async def line(self) -> str:
        """The next line that it prints."""
        return (await asyncio.wait_for(self.output.readline(), BOUND_S)).decode().rstrip("\n")

    async def extension_line(self) -> str:
        """The next line that an extension prints."""
        return (await asyncio.wait_for(self.beside.readline(), BOUND_S)).decode().rstrip("\n")

    async def pids(self) -> list[int]:
        """A line of the program's pids, as the host has them."""
        return [programs.host_pid(self.mark, int(word)) for word in (await self.line()).split()]

    async def ask(self, text: str) -> str:
        """Send on the channel, and what comes back."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self.channel, text.encode())
        return (await asyncio.wait_for(loop.sock_recv(self.channel, 100), BOUND_S)).decode()


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The sandbox runs on uvloop in production and on asyncio in tests: both must do."""
    both = item.path.name.startswith(("test_sandbox", "test_freezer"))
    return {"asyncio": asyncio.new_event_loop, **({"uvloop": uvloop.new_event_loop} if both else {})}


Begin = Callable[..., Awaitable[Running]]


@pytest.fixture(params=HERE, ids="-".join)
async def kind(request: pytest.FixtureRequest) -> AsyncIterator[SandboxKind]:
    """A kind of sandbox for each way of isolating and freezing that this machine allows."""
    made = make_kind(*request.param)
    assert made is not None
    yield made
    await made.close()


@pytest.fixture
async def sandbox(kind: SandboxKind) -> AsyncIterator[Sandbox]:
    """A sandbox in which nothing runs."""
    made = kind.create(os.urandom(6).hex(), Limits())
    yield made
    await made.remove()


@pytest.fixture
async def begin(kind: SandboxKind, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Begin]:
    """`await begin(program)` runs Python code in the sandbox; `argv=[…]` runs something else, `sandbox` says where.

    `extensions` are scripts of the shell by their names, `files` more of them as they are; they do not get the variables that
    are `hidden`.
    """
    open_ends: list[Callable[[], None]] = []

    own = sandbox

    async def begin(
        program: str = "",
        argv: list[str] | None = None,
        sandbox: Sandbox | None = None,
        extensions: Mapping[str, str] | None = None,
        hidden: Collection[str] = (),
        files: Sequence[Path] = (),
        **environment: str,
    ) -> Running:
        sandbox = sandbox or own
        mark = uuid.uuid4().hex
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        read, write = os.pipe()
        read_beside, write_beside = os.pipe()
        try:
            variables = {**environment, programs.MARK: mark}
            if argv is None:
                command = programs.python(kind, tmp_path, program, **variables)
            else:
                command = programs.command(kind, tmp_path, argv, variables)
            command = programs.extended(kind, tmp_path, command, extensions or {}, files, hidden)
            await sandbox.start(command, theirs, write, write_beside)
        except BaseException:
            ours.close()
            os.close(read)
            os.close(read_beside)
            raise
        finally:
            theirs.close()
            os.close(write)
            os.close(write_beside)
        open_ends.append(ours.close)
        output, beside = await reader(read), await reader(read_beside)
        return Running(sandbox, ours, output, beside, command.directory, mark)

    async def reader(descriptor: int) -> asyncio.StreamReader:
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(descriptor, "rb", 0)
        )
        open_ends.append(transport.close)
        return stream

    yield begin
    for close in open_ends:
        close()
    await asyncio.sleep(0)


async def wait_for(met: Callable[[], object]) -> None:
    """Wait until a condition of the machine holds; fails when it does not in a generous time."""
    deadline = time.monotonic() + BOUND_S
    while not met():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.001)


def ran_ns(pids: list[int]) -> int:
    """How long all threads of these processes were on a CPU: to the nanosecond, so that one instruction shows."""
    files = [file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    assert files, "none of the processes is there"
    return sum(int(processes.read(str(file)).split()[0]) for file in files)


def burn(seconds: float = 0.02) -> None:
    """Use this CPU for a while: whoever could run on another one would."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def gone(pid: int) -> bool:
    """Whether no such process lives."""
    process = processes.look(pid)
    return process is None or process.dead
