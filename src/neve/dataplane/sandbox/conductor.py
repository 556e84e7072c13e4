"""Starts a function's extensions beside its program, and tells how each of them ends.

A shell is the first process then, the *conductor*. It runs every extension and the program in shells of their own, as the
parts of one pipeline: POSIX lets what is started with `&` ignore SIGINT and SIGQUIT, but not these. Nothing goes through the
pipeline. What runs is numbered: 0 is the program, then come the extensions in their order.

A socket goes between the conductor and Neve. Its lines are `pid NUMBER PID` (as numbered inside), `end NUMBER STATUS`, and
from Neve `go`: the program may start. When the program has ended the conductor stays, and the extensions with it, until the
environment is killed.
"""

import asyncio
import shlex
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from neve.dataplane.sandbox import launch, processes
from neve.dataplane.sandbox.first import exit_of_shell
from neve.dataplane.sandbox.launch import Start
from neve.dataplane.sandbox.processes import Process
from neve.dataplane.sandbox.sandbox import Command, Exit

# Single digits: older shells read no others. 4 to 7 are bubblewrap's.
SOCKET_FD, OUTPUT_FD = 8, 9
_PROGRAM = 0
_READ_BYTES = 4_096
_CLOSE = f"exec {SOCKET_FD}>&- {OUTPUT_FD}>&-"


def prepare(command: Command, program: str, marks: Mapping[str, str], before: Sequence[str] = ()) -> Start:
    """As `launch.prepare`; a command with extensions is conducted."""
    if not command.extensions:
        return launch.prepare(command, program, marks, before)
    starts = [launch.prepare(command, program, marks, [_tell_pid(_PROGRAM), "exec 2>&1", _CLOSE])]
    starts += [_extension(command, path, number, marks) for number, path in enumerate(command.extensions, start=1)]
    # What the shell remarks of its children ("Killed") is nobody's output.
    script = [*before, "exec 2>/dev/null", *_pipeline(starts)]
    return Start(["/bin/sh", "-c", "\n".join(script)], starts[_PROGRAM].environment)


def _extension(command: Command, path: Path, number: int, marks: Mapping[str, str]) -> Start:
    hide = [f"unset {name}" for name in sorted(command.hidden)]
    before = [_tell_pid(number), f"exec 3>&- >&{OUTPUT_FD} 2>&1", _CLOSE, *hide]
    visible = {name: value for name, value in command.environment.items() if name not in command.hidden}
    own = replace(command, argv=[str(path)], environment=visible)
    return launch.prepare(own, str(path), marks, before)


def _tell_pid(number: int) -> str:
    return f'echo "pid {number} $$" >&{SOCKET_FD}'


def _pipeline(starts: Sequence[Start]) -> list[str]:
    run = [f'{shlex.join(start.argv)}; echo "end {number} $?" >&{SOCKET_FD}' for number, start in enumerate(starts)]
    program, *extensions = run
    lines = [f"{{ {extension}; }} </dev/null |" for extension in extensions]
    return [*lines, f"{{ read -r go <&{SOCKET_FD} && {program}; read -r end <&{SOCKET_FD}; }} </dev/null"]


class Conductor:
    """Our end of one start. `host_process` finds the process with this pid inside."""

    def __init__(self, command: Command, host_process: Callable[[int], Process | None]) -> None:
        self._names = [path.name for path in command.extensions]
        self._host_process = host_process
        self._loop = asyncio.get_running_loop()
        self._socket, self._theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket.fileno(), self._read)
        self._buffer = b""
        self._found: dict[int, Process] = {}
        self.ended: asyncio.Future[Exit] = self._loop.create_future()
        self.extension_ends: asyncio.Queue[tuple[str, Exit]] = asyncio.Queue()

    @property
    def theirs(self) -> int:
        """The conductor's end of the socket, until `started`."""
        return self._theirs.fileno()

    def started(self) -> None:
        """It has inherited its end."""
        self._theirs.close()

    def go(self) -> None:
        """Let the program start."""
        self._send(b"go\n")

    def lost(self, end: Exit) -> None:
        """The conductor itself is gone: so is everything, or will be at once."""
        self._read()  # it may have said how the program ended
        if not self.ended.done():
            self.ended.set_result(end)
        self.close()

    def process(self, name: str | None = None) -> Process | None:
        """The program, or the extension of this name, while it runs."""
        self._read()  # its end may have been told
        return self._found.get(_PROGRAM if name is None else self._names.index(name) + 1)

    @property
    def shells(self) -> set[int]:
        """The pids of the shells around what runs now: they are no part of the function."""
        inner = {process.parent for process in self._found.values()}
        outer = {process.parent for process in map(processes.look, inner) if process is not None}
        return inner | outer

    def close(self) -> None:
        """End the conversation. Harmless when repeated."""
        self._theirs.close()
        if self._socket.fileno() != -1:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _send(self, line: bytes) -> None:
        try:
            self._socket.send(line)
        except OSError:  # it is gone; its end tells the story
            return

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES) if self._socket.fileno() != -1 else b""
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            kind, number, value = line.split()
            self._take(kind, int(number), int(value))

    def _take(self, kind: bytes, number: int, value: int) -> None:
        if kind == b"pid":
            process = self._host_process(value)
            if process is not None:
                self._found[number] = process
            return
        self._found.pop(number, None)
        if number != _PROGRAM:
            self.extension_ends.put_nowait((self._names[number - 1], exit_of_shell(value)))
        elif not self.ended.done():
            self.ended.set_result(exit_of_shell(value))
