"""How a first process is started: checked as `execve` would, spawned, and inside its cgroups before it is itself.

A tiny shell enters the cgroups, limits the descriptors, changes the directory and *becomes* the program, so that nothing of
the function ever runs outside. `posix_spawn` copies no page tables, however large Neve is.
"""

import errno
import fcntl
import os
import re
import resource
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neve.dataplane.sandbox import processes
from neve.dataplane.sandbox.sandbox import Command
from neve.domain.errors import ExtensionRefused, SandboxFailed
from neve.domain.limits import OPEN_FILES

_SHELL = "/bin/sh"
_SHELL_VARIABLES = ("PWD", "OLDPWD", "SHLVL", "_")
# The shell, or its loader, would act on these before it is inside: they are set when it is.
_LATE = re.compile(r"^(LD_.*|DYLD_.*|IFS|ENV|BASH_ENV|PS[0-4]|PWD|OLDPWD|SHLVL|CDPATH|POSIXLY_CORRECT)$")
# No shell lets these be set to any value: they cost one more program.
_BY_ENV = frozenset({"OPTIND", "PPID", "UID", "EUID", "LINENO", "SHELLOPTS", "BASHOPTS", "_"})
_ENV = "/usr/bin/env"
_MOST_LINKS = 8
# Ignored signals are inherited (Python ignores SIGPIPE): the function gets all of them as a new process should.
_RESET = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


@dataclass(frozen=True, slots=True)
class Start:
    """An argv and the variables to start it with; both together begin the program that was meant."""

    argv: Sequence[str]
    environment: Mapping[str, str]


def prepare(command: Command, program: str, marks: Mapping[str, str], before: Sequence[str] = ()) -> Start:
    """A shell that does what `before` says (lines of script), changes the directory and becomes the program.

    `program` is the absolute path of what the command's first word names.
    """
    environment = {**command.environment, **marks}
    late = {name: value for name, value in environment.items() if _LATE.match(name)}
    by_env = [f"{name}={value}" for name, value in environment.items() if name in _BY_ENV]
    script = "\n".join([*before, *_become(environment, list(late))])
    begin = [_ENV, *by_env, program] if by_env else [program]
    argv = [_SHELL, "-c", script, "neve", str(command.directory), *late.values(), *begin, *command.argv[1:]]
    early = {name: value for name, value in environment.items() if name not in late and name not in _BY_ENV}
    return Start(argv, early)


def enter(entries: Sequence[Path]) -> list[str]:
    """Lines of script: go into the cgroups and take the limit of open files."""
    lines = [f"echo 0 > {shlex.quote(str(entry))} || exit 125" for entry in entries]
    return [*lines, f"ulimit -n {_open_files()}"]


def spawn(start: Start, program: str, channel: int, output: int, others: Mapping[int, int] | None = None) -> int:
    """The pid of the new process, a child of ours and first of its session. SandboxFailed when it cannot be executed.

    `others` are more descriptors, by the number that they get; `program` is the name that a failure tells.
    """
    wanted = {1: output, 2: output, 3: channel, **(others or {})}
    copies: list[int] = []
    try:
        return _spawn(start, _file_actions(_out_of_the_way(wanted, copies)))
    except OSError as refused:
        raise failed(program, refused.errno or errno.EINVAL) from refused
    finally:
        for copy in copies:
            os.close(copy)


def _spawn(start: Start, actions: list[tuple[int, ...]]) -> int:
    argv, environment = list(start.argv), start.environment
    try:
        return os.posix_spawn(
            argv[0], argv, environment, file_actions=actions, setsid=True, setsigmask=(), setsigdef=_RESET
        )
    except NotImplementedError:  # a system whose posix_spawn knows no sessions: its own group is the next best
        return os.posix_spawn(
            argv[0], argv, environment, file_actions=actions, setpgroup=0, setsigmask=(), setsigdef=_RESET
        )


def _become(environment: Mapping[str, str], late: Sequence[str]) -> list[str]:
    lines = ['cd -- "$1" && shift || exit 125']
    # What the shell adds by itself is not part of a complete environment.
    lines.extend(f"unset {name}" for name in _SHELL_VARIABLES if name not in environment)
    lines.extend(f'export {name}="$1"; shift' for name in late)
    return [*lines, 'exec "$@"']


def _open_files() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)


def _out_of_the_way(wanted: Mapping[int, int], copies: list[int]) -> dict[int, int]:
    """The same, from copies where a descriptor of ours has a number that the new process gives to another."""
    moved = {}
    for number, ours in wanted.items():
        if ours <= max(wanted):
            copies.append(ours := fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, max(wanted) + 1))
        moved[number] = ours
    return moved


def _file_actions(wanted: Mapping[int, int]) -> list[tuple[int, ...]]:
    return [
        *((os.POSIX_SPAWN_CLOSE, number) for number in _INHERITED if number not in wanted.values()),
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),  # type: ignore[list-item]
        *((os.POSIX_SPAWN_DUP2, ours, number) for number, ours in wanted.items()),
    ]


def _inheritable() -> tuple[int, ...]:
    """Descriptors that whoever started Neve left open for its children: Python's own are closed by `exec`."""
    if not processes.HAS_PROC:
        return ()
    numbers = [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]
    return tuple(number for number in numbers if number > 3 and _is_inheritable(number))


def _is_inheritable(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:  # the descriptor of the listing itself
        return False


_INHERITED = _inheritable()


Real = Callable[[Path], Path]
"""Tells where the host has what the function sees at a path."""


def check(command: Command, real: Real = lambda path: path) -> str:
    """The absolute path of the program as the function sees it.

    SandboxFailed in the words of Go's `fork/exec`, which the service shows; ExtensionRefused when an extension cannot be
    executed, whatever is wrong with the program.
    """
    for extension in command.extensions:
        _check_extension(extension, real)
    program = _resolve(command)
    if not real(command.directory).is_dir():
        raise SandboxFailed(f"chdir {command.directory}: no such file or directory")
    number = _why_not(program, real)
    if number:
        raise failed(program, number)
    return program


def _check_extension(extension: Path, real: Real) -> None:
    number = _why_not(str(extension), real)
    if number:
        error_type = "PermissionDenied" if number == errno.EACCES else "UnknownError"
        raise ExtensionRefused(extension.name, failed(str(extension), number).message, error_type)


def _why_not(program: str, real: Real) -> int:
    """The number of the error with which the kernel would refuse this program, 0 when it would not."""
    path = _followed(Path(program), real)
    if not path.exists():
        return errno.ENOENT
    if path.is_dir() or not os.access(path, os.X_OK):
        return errno.EACCES
    return _format_error(program, real) if sys.platform.startswith("linux") else 0


def _resolve(command: Command) -> str:
    program = command.argv[0]
    if "/" not in program:
        return shutil.which(program, path=command.environment.get("PATH", "/usr/bin:/bin")) or program
    return str(command.directory / program)


def _followed(path: Path, real: Real) -> Path:
    """Where the host has what a link leads to; an absolute one means a path as the function sees it."""
    for _ in range(_MOST_LINKS):
        if not real(path).is_symlink():
            break
        path = path.parent / real(path).readlink()
    return real(path)


def _format_error(program: str, real: Real) -> int:
    """A file of no known format would be run by the shell as its script; the service refuses it."""
    try:
        with _followed(Path(program), real).open("rb") as file:
            head = file.readline(256)
    except OSError:  # may be executed and not be read
        return 0
    if head.startswith(b"#!"):
        # As the kernel reads it: the carriage return of a file that was saved on Windows is part of the name.
        interpreter = head[2:].removesuffix(b"\n").replace(b"\t", b" ").strip(b" ").split(b" ")[0]
        return 0 if interpreter and real(Path(os.fsdecode(interpreter))).exists() else errno.ENOENT
    return 0 if head.startswith(b"\x7fELF") else errno.ENOEXEC


def failed(program: str, number: int) -> SandboxFailed:
    """What is said when a program cannot be executed."""
    return SandboxFailed(f"fork/exec {program}: {os.strerror(number).lower()}")
