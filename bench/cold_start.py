"""What a cold start takes from nothing, in phases: the sandbox, the boot of the runtime, the init of the user's code.

    python bench/cold_start.py [rounds]

Design: at most 80 ms for Node.js with everything isolated, on a quiet machine. Times are milliseconds: median and best.
"""

import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import uvloop

from neve.dataplane.runtimes import Runtimes
from neve.dataplane.sandbox import private_mounts
from neve.dataplane.sandbox.choose import SANDBOXES, choose_kind
from neve.dataplane.sandbox.sandbox import Command, Folders, Limits, SandboxKind
from neve.dataplane.variables import variables
from neve.domain.errors import OperatorError
from neve.domain.function import Code, Function, LoggingConfig
from neve.domain.world import World

# Each says when its first line runs: what comes before is the runtime's.
PROGRAMS = {
    "nodejs24.x": (
        "index.mjs",
        "console.log('user');\nexport const handler = async () => null;\n",
    ),
    "python3.11": ("index.py", "import os\nos.write(1, b'user\\n')\ndef handler(event, context):\n    return None\n"),
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


async def main(rounds: int) -> None:
    """One line for each sandbox and runtime."""
    runtimes = Runtimes()
    for sandbox in SANDBOXES:
        try:
            kind = choose_kind(sandbox)
        except OperatorError as refused:
            print(f"{sandbox}: {refused.message}")
            continue
        for identifier, (file, text) in PROGRAMS.items():
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder), file, text)
                await measure(kind, runtimes, identifier, Path(folder), rounds)
        await kind.close()


def write(task_root: Path, file: str, text: str) -> None:
    """As unpacked code is: another user reads it."""
    task_root.chmod(0o755)
    (task_root / file).write_text(text)


async def measure(kind: SandboxKind, runtimes: Runtimes, identifier: str, task_root: Path, rounds: int) -> None:
    """Start, wait, remove, again and again; a shell in the same sandbox shows what the sandbox alone costs."""
    runtime = runtimes.find(identifier, FUNCTION.memory_mb)
    folders = Folders(task_root, runtime.directory, None, runtime.installation, runtime.packages)
    seen = kind.seen(folders)
    function = replace(FUNCTION, runtime=identifier)
    environment = variables(function, runtime.family, runtime.major, "stream", seen, "http://127.0.0.1:1")
    begins = Command(["/bin/sh", "-c", "echo x >&3"], {}, seen.task_root, folders)
    runs = Command(runtime.argv_in(seen, folders), environment, seen.task_root, folders)
    empty = [(await started(kind, begins))["next"] for _ in range(rounds)]
    full = [await started(kind, runs) for _ in range(rounds)]
    whole = [each["next"] for each in full]
    sandbox = statistics.median(empty)
    user = statistics.median(each["next"] - each["user"] for each in full)
    boot = statistics.median(whole) - sandbox - user
    print(
        f"{kind.name:10} {identifier:10} sandbox {sandbox:5.1f}  runtime boot {boot:5.1f}  user init {user:4.1f}"
        f"  from nothing {statistics.median(whole):5.1f} (best {min(whole):.1f})"
    )


async def started(kind: SandboxKind, command: Command) -> Mapping[str, float]:
    """When the user's first line ran and when the runtime asked for an event, in milliseconds from nothing."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    read, write = os.pipe()
    times: dict[str, float] = {}
    begin = time.perf_counter()

    def on_output() -> None:
        os.read(read, 4096)
        times.setdefault("user", (time.perf_counter() - begin) * 1000)

    loop.add_reader(read, on_output)
    sandbox = kind.create(f"bench-{os.urandom(4).hex()}", Limits())
    await sandbox.start(command, theirs, write)
    await asyncio.wait_for(loop.sock_recv(ours, 100), 10)
    times["next"] = (time.perf_counter() - begin) * 1000
    loop.remove_reader(read)
    await sandbox.remove()
    for end in (ours, theirs):
        end.close()
    for descriptor in (read, write):
        os.close(descriptor)
    return {"user": times["next"], **times}


if __name__ == "__main__":
    private_mounts.enter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
