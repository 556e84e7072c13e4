"""Which functions a pre-started runtime can be given, and what it is started with before it is known for which.

Everything of a process can be changed later but what is read once, when it starts: its program and flags, and the variables
that the loader, the C library and the interpreter look at. A function that differs there is started from nothing.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from neve.dataplane.runtimes import Runtime
from neve.dataplane.sandbox.sandbox import Command, Folders, SandboxKind
from neve.dataplane.variables import of_no_function

PRESTARTED = "_NEVE_PRESTARTED"
"""Tells our runtime clients to wait for a function."""

# Not TZ: both runtimes take another one later. Not NODE_PATH and HOME: the client lets Node.js read them again.
_AT_START = r"LD_\w*|DYLD_\w*|MALLOC_\w*|GLIBC_TUNABLES|LANG|LANGUAGE|LC_\w*|LOCPATH"
_AT_START_OF: Mapping[str, re.Pattern[str]] = {
    "nodejs": re.compile(rf"^({_AT_START}|NODE_(?!(ENV|PATH)$)\w*|UV_\w*|OPENSSL_\w*|SSL_CERT_\w*|ICU_DATA)$"),
    "python": re.compile(rf"^({_AT_START}|PYTHON\w*)$"),
}
_LIBRARIES = "LD_LIBRARY_PATH"


class RuntimeKind(NamedTuple):
    """Functions of one kind can be given the same pre-started runtimes. `memory_mb` is None where it decides no flag."""

    runtime: str
    memory_mb: int | None

    def __str__(self) -> str:
        return self.runtime if self.memory_mb is None else f"{self.runtime} of {self.memory_mb} MB"


def kind_of(identifier: str, memory_mb: int) -> RuntimeKind | None:
    """The kind of such a function; None when nothing of it can be started before it is known: its code is the runtime."""
    if identifier.startswith("nodejs"):
        return RuntimeKind(identifier, memory_mb)  # the size of the heap is a flag, and cannot be changed later
    return RuntimeKind(identifier, None) if identifier.startswith("python") else None


def blank(runtime: Runtime, kind: SandboxKind) -> Command:
    """What starts this runtime for nobody yet."""
    # Until it is assigned it is at home in the folder of our runtime client: that is there, and nobody's.
    here = Folders(runtime.directory, runtime.directory, None, runtime.installation, runtime.packages)
    seen = kind.seen(here)
    variables = of_no_function(runtime.identifier, runtime.family, runtime.major, seen)
    return Command(runtime.argv_in(seen, here), {**variables, PRESTARTED: "1"}, seen.task_root, here, late=True)


def misfit(started: Command, wanted: Command, family: str) -> str:
    """Why what was started like that cannot become what is wanted, the end of a sentence; empty when it can. Blocks."""
    if wanted.extensions:
        return "its extensions start before the runtime"
    if tuple(started.argv) != tuple(wanted.argv):
        return "it is started by another command"
    before, after = (_at_start(command, family) for command in (started, wanted))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name) and not (name == _LIBRARIES and _names_no_library(wanted)):
            return f"{name} is read when a process starts"
    return ""


def _at_start(command: Command, family: str) -> dict[str, str]:
    pattern = _AT_START_OF[family]
    return {name: value for name, value in command.environment.items() if pattern.match(name)}


def _names_no_library(command: Command) -> bool:
    """Where functions see the folders of the machine, each has a path of its own for libraries: mostly there are none."""
    if command.folders is None or command.directory != command.folders.task_root:
        return False
    folders = command.environment.get(_LIBRARIES, "").split(":")
    return not any(any(Path(folder).glob("*.so*")) for folder in folders if folder)
