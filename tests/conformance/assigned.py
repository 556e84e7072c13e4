"""A program that starts a process without its folders, freezes it, and assigns them; prints what the process then saw, as JSON.

    python -m tests.conformance.assigned SANDBOX FREEZER MEMORY_MB TMP_MB

Not a part of pytest's process: mounts of one's own can only be had before there is a second thread.
"""

import asyncio
import json
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.conformance import programs

from neve.dataplane.sandbox import private_mounts, processes
from neve.dataplane.sandbox.choose import choose_kind
from neve.dataplane.sandbox.sandbox import Command, Folders, Limits, SandboxKind

_BOUND_S = 10.0
LOOK = """
import json, os, socket
def attempt(action):
    try:
        return action()
    except OSError as error:
        return error.strerror
def say(**what):
    os.write(1, json.dumps(what).encode() + b"\\n")
os.write(1, b"waiting\\n")
channel = socket.socket(fileno=3)
task_root, layers = channel.recv(1000).decode().split()
os.chdir(task_root)
tmp = os.statvfs("/tmp")
say(
    code=open("code.txt").read(),
    layer=attempt(lambda: open(layers + "/lib/layer.txt").read()),
    folder=sorted(os.listdir(task_root)),
    written=attempt(lambda: open("new.txt", "w").close()),
    changed=attempt(lambda: open("code.txt", "a").close()),
    removed=attempt(lambda: os.unlink("code.txt")),
    remade=attempt(lambda: os.mkdir("folder")),
    tmp_mb=tmp.f_blocks * tmp.f_frsize >> 20,
)
held = []
while True:
    held.append(b"x" * (1 << 20))
    if len(held) % 10 == 0:
        say(held=len(held))
"""


async def main(sandbox_name: str, freezer: str, limits: Limits) -> dict[str, Any]:
    """What was seen, and how it ended."""
    kind = choose_kind(sandbox_name, freezer)
    try:
        if kind.cannot_assign:
            return {"cannot": kind.cannot_assign}
        with tempfile.TemporaryDirectory() as place:
            code, layers, runtime = _folders(Path(place))
            saw = await _try(kind, code, layers, runtime, limits)
            return {**saw, **_on_the_host(code)}
    finally:
        await kind.close()


def _folders(place: Path) -> tuple[Path, Path, Path]:
    place.chmod(0o755)
    code, layers, runtime = place / "code", place / "layers", place / "runtime"
    for folder, file in ((code, "code.txt"), (layers / "lib", "layer.txt"), (runtime, "runtime.txt")):
        folder.mkdir(parents=True)
        (folder / file).write_text(file)
    return code, layers, runtime


def _on_the_host(code: Path) -> dict[str, Any]:
    left = Path(tempfile.gettempdir()).glob(f"neve-{os.getpid()}-*/assigned-*")
    return {"on_the_host": sorted(path.name for path in code.iterdir()), "left": [*map(str, left)]}


async def _try(kind: SandboxKind, code: Path, layers: Path, runtime: Path, limits: Limits) -> dict[str, Any]:
    started = programs.command(kind, runtime, [programs.PYTHON, "-I", "-S", "-u", "-c", LOOK], {programs.MARK: "1"})
    assert started.folders is not None
    folders = Folders(code, runtime, layers, started.folders.language)
    seen = kind.seen(folders)
    sandbox = kind.create(f"assigned-{os.getpid()}", Limits(memory_mb=128, tmp_mb=512))
    ours, theirs = socket.socketpair()
    output, write = os.pipe()
    try:
        await sandbox.start(
            Command(started.argv, started.environment, started.directory, started.folders, late=True), theirs, write
        )
        theirs.close()
        os.close(write)
        lines = os.fdopen(output)
        assert await _line(lines) == "waiting\n"
        await sandbox.freeze()
        sandbox.assign(folders, limits)
        sandbox.thaw()
        ours.send(f"{seen.task_root} {seen.layers}".encode())
        saw: dict[str, Any] = json.loads(await _line(lines))
        saw["mounts"] = processes.read("/proc/self/mountinfo").count(b".late")
        for line in await asyncio.wait_for(asyncio.to_thread(lines.readlines), _BOUND_S):
            saw |= json.loads(line)
        end = await sandbox.wait()
        saw["out_of_memory"] = end.out_of_memory
        lines.close()
    finally:
        await sandbox.remove()
        ours.close()
    return saw


async def _line(lines: Any) -> str:
    line: str = await asyncio.wait_for(asyncio.to_thread(lines.readline), _BOUND_S)
    return line


if __name__ == "__main__":
    private_mounts.enter()
    sandbox_word, freezer_word, memory, tmp = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(main(sandbox_word, freezer_word, Limits(int(memory), int(tmp))))))
