"""Freezing by SIGSTOP and SIGCONT, where no cgroup can be had: slower, and only as sure as the processes can be found.

A process belongs to an environment when it was found before, has the environment's mark among the variables that it was
started with, or has a parent or a session that belongs. So a daemon (double fork, session of its own) is found by its mark.
Without `/proc` (macOS) only the first process's group is known, and that it stopped is taken for granted: a freeze returns
when the signal was sent.
"""

import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from neve.dataplane.sandbox import owner, processes
from neve.dataplane.sandbox.freezer import FREEZE_SECONDS, KILL_SECONDS, until, until_blocking
from neve.dataplane.sandbox.processes import Process
from neve.domain.errors import SandboxFailed

MARK = "_NEVE_ENVIRONMENT"
"""The variable that marks a process: `<owner>/<environment id>`."""

# A look reads all of `/proc`: about a millisecond for a hundred processes.
_LOOKS = 3


class SignalsFreezer:
    """The processes of one environment, found again for each move."""

    entries: Sequence[Path] = ()

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._first: Process | None = None
        self._group = 0
        self._known: dict[int, int] = {}
        self._stopped: frozenset[int] = frozenset()
        self._stood: frozenset[int] = frozenset()
        self._wanted = False

    @property
    def marks(self) -> Mapping[str, str]:
        return {MARK: self._mark}

    def adopt(self, pid: int) -> None:
        self._group = pid
        self._first = processes.look(pid)
        self._known = {pid: self._first.started} if self._first else {}

    def processes(self) -> list[int]:
        if not processes.HAS_PROC:
            return [self._group] if self._group and _send_group(self._group, 0) else []
        # Remembered: what ends has no variables any more before it is dead, and who lost its parent is no child.
        found = map(processes.look, _with_children(pid for pid, started in self._known.items() if _is(pid, started)))
        self._known = {process.pid: process.started for process in found if process is not None and not process.dead}
        return list(self._known)

    def cpu_us(self) -> int:
        found = map(processes.look, self.processes())
        return sum(process.cpu_us for process in found if process is not None)

    async def freeze(self) -> None:
        self._wanted = True
        self._stopped = self._stood = frozenset()
        if not await until(self._settled, FREEZE_SECONDS, _LOOKS):
            self.thaw()
            raise SandboxFailed(f"the environment did not freeze within {FREEZE_SECONDS:g} s")

    def thaw(self) -> None:
        if not self._wanted:
            return
        self._wanted = False
        # What was stopped is known, and nothing can have been born since: no search. A freeze that still waits has stopped
        # nobody else.
        for pid in [*self._known]:
            _send(pid, signal.SIGCONT)
        if not processes.HAS_PROC:
            _send_group(self._group, signal.SIGCONT)

    async def kill(self) -> None:
        self._wanted = False
        if not await until(self._emptied, KILL_SECONDS, _LOOKS):
            raise SandboxFailed(f"processes of the environment did not end within {KILL_SECONDS:g} s")
        self._known = {}

    async def remove(self) -> None:
        """Nothing was made on the machine."""

    def _settled(self) -> bool:
        return not self._wanted or self._still()

    def _still(self) -> bool:
        """Stop all that run; whether the same ones stood still in two searches after each other.

        One is not enough: what was born after `/proc` was listed and before its parent, which is looked at last, stood
        still is in no list. A search that begins when all stand still finds it.
        """
        if not processes.HAS_PROC:
            _send_group(self._group, signal.SIGSTOP)
            return True
        members = self._members()
        for process in members:
            if process.pid not in self._stopped or not process.stopped:
                _send(process.pid, signal.SIGSTOP)
        self._stopped = frozenset(process.pid for process in members)
        still = all(process.stopped for process in members)
        before, self._stood = self._stood, self._stopped if still else frozenset()
        return still and self._stopped <= before

    def _emptied(self) -> bool:
        if not processes.HAS_PROC:
            return not _send_group(self._group, signal.SIGKILL)
        members = self._members()
        for process in members:
            _send(process.pid, signal.SIGKILL)
        return not members

    def _members(self) -> list[Process]:
        since = self._first.started if self._first else 0
        found = _belonging(processes.everything(), self._known, self._mark, since)
        self._known = {process.pid: process.started for process in found}
        return found


class SignalsKind:
    """Stop signals: always there."""

    name = "signals"
    missing: Sequence[str] = (
        "Environments are frozen by signals: no cgroup can be used. That is slower, and stops what can be found.",
    )

    def __init__(self) -> None:
        self._owner = owner.this().name

    def create(self, environment_id: str) -> SignalsFreezer:
        return SignalsFreezer(f"{self._owner}/{environment_id}")

    def close(self) -> None:
        """Nothing is held."""


def sweep() -> int:
    """Kill the marked processes of dead Neves, and what belongs to those; how many environments. Blocks, bounded."""
    left: set[str] = set()

    def gone() -> bool:
        found = _dead_marks(processes.everything())
        left.update(found)
        for mark in found:
            for process in _belonging(processes.everything(), {}, mark, 0):
                _send(process.pid, signal.SIGKILL)
        return not found

    until_blocking(gone, KILL_SECONDS)
    return len(left)


def _dead_marks(listing: Iterable[Process]) -> set[str]:
    marks = {processes.variable(process.pid, MARK.encode()) for process in listing if not process.dead}
    return {mark for mark in marks if mark and _has_dead_owner(mark)}


def _has_dead_owner(mark: str) -> bool:
    found = owner.parse(mark.partition("/")[0])
    return found is not None and found.dead


def _belonging(listing: Iterable[Process], known: Mapping[int, int], mark: str, since: int) -> list[Process]:
    """The living members of an environment whose first process started at `since` (ticks)."""
    young = [process for process in listing if process.started >= since]
    found = {process.pid: process for process in young if _is_known(process, known) or _is_marked(process, mark)}
    grown = True
    while grown:
        sessions = {process.session for process in found.values()} - {0, os.getsid(0)}
        born = [p for p in young if p.pid not in found and (p.parent in found or p.session in sessions)]
        found.update((process.pid, process) for process in born)
        grown = bool(born)
    return [process for process in found.values() if not process.dead]


def _is(pid: int, started: int) -> bool:
    process = processes.look(pid)
    return process is not None and process.started == started


def _is_known(process: Process, known: Mapping[int, int]) -> bool:
    return known.get(process.pid) == process.started


def _is_marked(process: Process, mark: str) -> bool:
    return processes.variable(process.pid, MARK.encode()) == mark


def _with_children(known: Iterable[int]) -> list[int]:
    """The known ones and their children and so on, without looking at the whole machine."""
    found = list(known)
    for pid in found:
        for child in processes.read(f"/proc/{pid}/task/{pid}/children").split():
            if int(child) not in found:
                found.append(int(child))
    return found


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _send_group(group: int, number: int) -> bool:
    """Whether somebody was there to take it."""
    if group == 0:  # nothing was started; to the system this would be our own group
        return False
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
