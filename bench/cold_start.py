"""What a cold start takes, in phases, from nothing and from a runtime that was started ahead, taken in turns in one run.

    python bench/cold_start.py [rounds]

Design, for Node.js with everything isolated on a quiet machine: at most 80 ms from nothing, 12 ms from a pre-started runtime.
Times are milliseconds, medians; a whole one has its best beside it.

* from nothing: the sandbox (a shell in it says a word), the boot of the runtime, the init of the user's code;
* from a pre-started runtime: Neve brings code and limits into the sandbox and thaws it, the runtime becomes the function's, the
  init of the user's code. What booting it ahead took, nobody waited for.
"""

import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvloop

from neve.dataplane import channel as frames
from neve.dataplane.channel import Channel
from neve.dataplane.fitting import blank
from neve.dataplane.prestarted import Prestarted
from neve.dataplane.runtimes import Runtime, Runtimes
from neve.dataplane.sandbox import private_mounts
from neve.dataplane.sandbox.choose import SANDBOXES, choose_kind
from neve.dataplane.sandbox.sandbox import Command, Folders, Limits, SandboxKind
from neve.dataplane.session_keys import Given
from neve.dataplane.variables import variables
from neve.domain.errors import OperatorError
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.world import World

# Each says when its first line runs: what comes before is the runtime's.
PROGRAMS = {
    "nodejs24.x": ("index.mjs", "console.log('user');\nexport const handler = async () => null;\n"),
    "python3.11": ("index.py", "print('user')\ndef handler(event, context):\n    return None\n"),
}
FUNCTION = Function(
    world=World(),
    name="hello",
    runtime="",
    handler="index.handler",
    role="arn:aws:iam::000000000000:role/bench",
    code=Code("", 0),
    logging=LoggingConfig("/aws/lambda/hello"),
    last_modified_ms=0,
    revision_id="",
)
LIMITS = Limits(FUNCTION.memory_mb)


@dataclass
class Case:
    """One runtime in one kind of sandbox, and how long each phase took in each round."""

    kind: SandboxKind
    runtime: Runtime
    folders: Folders
    times: dict[str, list[float]] = field(default_factory=dict)

    @property
    def command(self) -> Command:
        """Starts the hello world."""
        seen = self.kind.seen(self.folders)
        function = replace(FUNCTION, runtime=self.runtime.identifier)
        family, major = self.runtime.family, self.runtime.major
        environment = variables(
            function, family, major, "stream", seen, "http://127.0.0.1:1", Given("test", "test", "test")
        )
        watched = {**environment, "_NEVE_LEAKS": "detect"}  # as in `neve serve`
        return Command(self.runtime.argv_in(seen, self.folders), watched, seen.task_root, self.folders)

    def note(self, **phases: float) -> None:
        """One round's."""
        for name, value in phases.items():
            self.times.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """Over all rounds."""
        return statistics.median(self.times[name])


async def main(rounds: int) -> None:
    """Two lines for each sandbox and runtime."""
    runtimes = Runtimes()
    with tempfile.TemporaryDirectory() as place:
        kinds, cases = [], []
        for sandbox in SANDBOXES:
            try:
                kinds.append(choose_kind(sandbox))
            except OperatorError as refused:
                say(f"{sandbox}: {refused.message}")
        for kind in kinds:
            for identifier in PROGRAMS:
                runtime = runtimes.find(identifier, FUNCTION.memory_mb)
                task_root = write(Path(place, identifier), *PROGRAMS[identifier])
                folders = Folders(task_root, runtime.directory, None, runtime.installation, runtime.packages)
                cases.append(Case(kind, runtime, folders))
        for _ in range(rounds):
            for case in cases:
                await from_nothing(case)
                await from_the_stock(case)
        for case in cases:
            show(case)
        for kind in kinds:
            await kind.close()


def write(task_root: Path, file: str, text: str) -> Path:
    """As unpacked code is: another user reads it."""
    task_root.parent.chmod(0o755)
    task_root.mkdir(mode=0o755, exist_ok=True)
    (task_root / file).write_text(text)
    return task_root


async def from_nothing(case: Case) -> None:
    """The sandbox alone, then all of it."""
    shell = Command(["/bin/sh", "-c", "echo x >&3"], {}, case.command.directory, case.folders)
    _, sandbox = await started(case.kind, shell)
    user, whole = await started(case.kind, case.command)
    case.note(sandbox=sandbox, boot=user - sandbox, init=whole - user, nothing=whole)


async def started(kind: SandboxKind, command: Command) -> tuple[float, float]:
    """When the user's first line ran and when the runtime asked for an event, in milliseconds from nothing."""
    ours, theirs = socket.socketpair()
    read, write_end = os.pipe()
    sandbox = kind.create(f"bench-{os.urandom(4).hex()}", LIMITS)
    waiting = Waiting(read)
    await sandbox.start(command, theirs, write_end)
    ours.setblocking(False)
    await asyncio.wait_for(asyncio.get_running_loop().sock_recv(ours, 1), 10)
    whole = waiting.since_begin()
    user = waiting.user if waiting.user is not None else whole
    waiting.close()
    await sandbox.remove()
    for end in (ours, theirs):
        end.close()
    for descriptor in (read, write_end):
        os.close(descriptor)
    return user, whole


async def from_the_stock(case: Case) -> None:
    """Started ahead, then assigned."""
    begin = time.perf_counter()
    prestarted = await Prestarted.start(case.kind, blank(case.runtime, case.kind), LIMITS)
    ahead = (time.perf_counter() - begin) * 1000
    waiting = Waiting(prestarted.output)
    prestarted.assign(case.folders, LIMITS)
    brought = waiting.since_begin()
    asked = asyncio.Event()
    channel = Channel(prestarted.channel, lambda kind, *_: asked.set() if kind == frames.NEXT else None)
    channel.send(frames.ASSIGN, assignment(case.command))
    await asyncio.wait_for(asked.wait(), 10)
    whole = waiting.since_begin()
    user = waiting.user if waiting.user is not None else whole
    waiting.close()
    channel.close()
    await prestarted.end()
    case.note(ahead=ahead, brought=brought, became=user - brought, late_init=whole - user, stock=whole)


class Waiting:
    """A clock that begins now, and stops once at the first line of output."""

    def __init__(self, output: int) -> None:
        self.user: float | None = None
        self._output = output
        self._begin = time.perf_counter()
        asyncio.get_running_loop().add_reader(output, self._on_output)

    def since_begin(self) -> float:
        """Milliseconds."""
        return (time.perf_counter() - self._begin) * 1000

    def close(self) -> None:
        """Read no more."""
        asyncio.get_running_loop().remove_reader(self._output)

    def _on_output(self) -> None:
        os.read(self._output, 4096)
        if self.user is None:
            self.user = self.since_begin()


def assignment(command: Command) -> bytes:
    """What an ASSIGN says."""
    return json.dumps({"environment": dict(command.environment), "directory": str(command.directory)}).encode()


def show(case: Case) -> None:
    """The medians."""
    name = f"{case.kind.name:10} {case.runtime.identifier:10}"
    phases = [("sandbox", "sandbox"), ("boot", "runtime boot"), ("init", "user init")]
    line(name, "from nothing", case, "nothing", phases)
    phases = [("brought", "code brought"), ("became", "assigned"), ("late_init", "user init")]
    line(name, "pre-started", case, "stock", phases, f"  (booted ahead in {case.median('ahead'):.0f})")


def line(name: str, way: str, case: Case, whole: str, phases: list[tuple[str, str]], more: str = "") -> None:
    """One of them."""
    parts = "  ".join(f"{label} {case.median(key):5.1f}" for key, label in phases)
    say(f"{name} {way:12} {case.median(whole):6.1f} (best {min(case.times[whole]):5.1f}) = {parts}{more}")


def say(text: str) -> None:
    """To the terminal."""
    sys.stdout.write(text + "\n")


def run(work: Coroutine[Any, Any, None]) -> None:
    """On the event loop that `neve serve` has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    private_mounts.enter()
    run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
