"""Whose an environment is: the name that one Neve process writes on everything that it makes on the machine.

`neve-<pid>-<start time>-<pid namespace>`: the start time tells a reused pid, and the namespace keeps a Neve on the host
from judging the pids of one in a container. A name of another namespace is never swept.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from neve.dataplane.sandbox import processes

_NAME = re.compile(r"^neve-(\d+)-(\d+)-(\d+)$")


@dataclass(frozen=True, slots=True)
class Owner:
    """One Neve process, living or dead."""

    pid: int
    started: int
    namespace: int

    @property
    def name(self) -> str:
        """The name of its folders and marks."""
        return f"neve-{self.pid}-{self.started}-{self.namespace}"

    @property
    def dead(self) -> bool:
        """Whether it is surely gone; a pid of another namespace cannot be judged and is not.

        Who wrote the name without knowing its own start is dead only when nobody has the pid.
        """
        if self.namespace != _namespace():
            return False
        process = processes.look(self.pid)
        return process is None or process.dead or self.started not in (0, process.started)


def this() -> Owner:
    """The running Neve."""
    pid = os.getpid()
    process = processes.look(pid)
    return Owner(pid, process.started if process else 0, _namespace())


def parse(name: str) -> Owner | None:
    """The owner of a folder or a mark; None when it is not a Neve's."""
    match = _NAME.match(name)
    return Owner(*map(int, match.groups())) if match else None


def _namespace() -> int:
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0
