"""The Sandbox protocol: the mechanism that isolates one environment. One suite in `tests/conformance/` holds for every kind.

A sandbox outlives its processes: `start` may be called again after `kill` (a reset keeps `/tmp`). Everything that a
sandbox made on the machine (processes, cgroups, mounts, folders) is gone after `remove`, and what a dead Neve left is
removed by the `sweep` of the next one.
"""

import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What one environment may use; MB are MiB, as on Lambda. `cpu` is in processors, None for all of them."""

    memory_mb: int = 128
    tmp_mb: int = 512
    cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one function version, as the host has them or (`SandboxKind.seen`) as the function sees them.

    `layers` is None without layers; `language` is the interpreter's installation, None when it is part of the system's;
    `packages` is what comes with the runtime to be imported.
    """

    task_root: Path
    runtime: Path
    layers: Path | None = None
    language: Path | None = None
    packages: Path | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What to run inside; `argv` and `directory` (the working directory) are paths as the function sees them.

    `environment` is complete: nothing of the host's is added. `folders` are the host's, to be mounted where
    `SandboxKind.seen` said; without them there is nothing but the system.

    `extensions` are programs that are started first and run beside: files as the function sees them, named apart from each
    other by their last part. They do not get the variables that are `hidden`. The program itself waits for `Sandbox.go`.

    `late`: the task root and the layers are not known yet; what `folders` says of them is not mounted, `Sandbox.assign` will.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    folders: Folders | None = None
    extensions: Sequence[Path] = ()
    hidden: Collection[str] = ()
    late: bool = False


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended: an exit status, or the signal that killed it (the other one is None).

    `out_of_memory`: the kernel killed it, because the environment had used up its memory.
    """

    status: int | None
    signal: int | None
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What the environment used: `memory_bytes` is the most that was resident at once, over all its processes.

    No more than its limit is told: pages that two processes share are counted twice.
    """

    memory_bytes: int
    cpu_us: int
    processes: int


class Sandbox(Protocol):
    """One environment's isolation. Every wait inside is bounded; SandboxFailed when the machine refuses."""

    @property
    def address(self) -> str:
        """The loopback address that `sandbox.localdomain` and `sandbox` mean inside, one for each environment.

        A kind that cannot give names has `127.0.0.1`.
        """

    @property
    def pid(self) -> int | None:
        """The program's process as the host sees it; None when it does not run."""

    async def start(
        self, command: Command, channel: socket.socket, output: int, extension_output: int | None = None
    ) -> None:
        """Start the program: `channel` is its descriptor 3, `output` (a pipe's end) its 1 and 2, 0 is empty.

        With extensions these are started now, and the program after `go`; `extension_output` is their 1 and 2. Nothing else
        of ours is inherited. SandboxFailed when the program cannot be executed, ExtensionRefused when an extension cannot.
        """

    def assign(self, folders: Folders, limits: Limits) -> None:
        """Let what was started `late` see the code and layers of `folders`, and have these limits. Once, in a sandbox whose
        `/tmp` is empty. SandboxFailed when it does not work: the processes are of no use then.
        """

    def go(self) -> None:
        """Start the program that has waited for its extensions. Nothing waits without extensions."""

    async def wait(self) -> Exit:
        """Wait for the program to end; at once when it has. May be awaited by several, and after `kill`.

        Its extensions live on: only `kill` ends them.
        """

    async def wait_extension(self) -> tuple[str, Exit]:
        """Wait for an extension to end that was not told yet: its name, and how. Those that `kill` ends are not told."""

    async def freeze(self) -> None:
        """Return when every process of the environment stands still, at an arbitrary instruction."""

    def thaw(self) -> None:
        """Let every process go on. Harmless when nothing is frozen; also ends a `freeze` that still waits (it returns)."""

    def initialized(self) -> None:
        """The init phase is over: from now until the next `start` it has the CPU of its limits and no more."""

    def signal(self, number: int, extension: str | None = None) -> None:
        """Send a signal to the program, or to an extension of this name; harmless when it is gone."""

    async def kill(self) -> None:
        """End every process of the environment, frozen or not, daemons too, and return when none is left."""

    def usage(self) -> Usage:
        """What was used since `start`; zeros when nothing ran."""

    def peak_bytes(self) -> int:
        """The memory of `usage` alone, in half the time."""

    async def remove(self) -> None:
        """Kill, then give everything back. The sandbox cannot be used again."""


class SandboxKind(Protocol):
    """A way of isolating that this machine has."""

    @property
    def name(self) -> str:
        """`bubblewrap` or `bare`."""

    @property
    def freezer(self) -> str:
        """`cgroup2`, `cgroup1` or `signals`."""

    @property
    def missing(self) -> Sequence[str]:
        """What is not isolated, one short sentence each; empty when all is."""

    @property
    def cannot_assign(self) -> str:
        """Why nothing can be started `late` here, the end of a sentence; empty when it can."""

    def seen(self, folders: Folders) -> Folders:
        """Where a function sees these folders; `layers` is always told, `language` None when the binary stays where it is."""

    def create(self, environment_id: str, limits: Limits) -> Sandbox:
        """A sandbox for a new environment."""

    async def sweep(self) -> int:
        """Remove what dead Neves left on this machine (never what a living one uses); how many environments."""

    async def close(self) -> None:
        """Give back what the kind itself holds; all its sandboxes have been removed."""
