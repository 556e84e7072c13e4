"""How the processes of one environment are held together, frozen, thawed and ended.

Three ways, best first: cgroup v2, the v1 freezer, stop signals. One suite in `tests/conformance/` holds for all. A freeze is
requested inline (a write of some 20 µs) and then looked at, between other work of the event loop.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

FREEZE_SECONDS = 2.0
KILL_SECONDS = 5.0

# Looks with one turn of the event loop between (a look at a cgroup costs some 2 µs), which serves others: nobody waits for
# a freeze, and a caller that comes meanwhile only thaws. Then timers, which are only good for milliseconds.
_LOOKS = 8
_FIRST_PAUSE_S = 0.0002
_LONGEST_PAUSE_S = 0.005


class Freezer(Protocol):
    """The processes of one environment. SandboxFailed when the machine does not do what was asked in a bounded time."""

    @property
    def entries(self) -> Sequence[Path]:
        """Files where a process writes `0` to come in; children come in by birth."""

    @property
    def marks(self) -> Mapping[str, str]:
        """Variables by which its processes are found; they must be in the environment of the first process."""

    def adopt(self, pid: int) -> None:
        """Learn the first process. It may still be on its way in."""

    def processes(self) -> list[int]:
        """Who is in, dead or alive at the moment of reading. Cheap: may be some milliseconds old."""

    def cpu_us(self) -> int:
        """CPU time that was used by all that are or were in, as far as it is known."""

    async def freeze(self) -> None:
        """Return when all stand still, or when `thaw` took the wish back."""

    def thaw(self) -> None:
        """Let all go on; harmless when nothing is frozen."""

    async def kill(self) -> None:
        """End all, frozen or not, and return when none is left; what comes in later is not frozen."""

    async def remove(self) -> None:
        """Give back what was made on the machine. Nobody is in any more."""


class FreezerKind(Protocol):
    """A way of freezing that was tried on this machine."""

    @property
    def name(self) -> str:
        """`cgroup2`, `cgroup1` or `signals`."""

    @property
    def missing(self) -> Sequence[str]:
        """What is not as it should be, in sentences."""

    def create(self, environment_id: str) -> Freezer:
        """A freezer for a new environment; SandboxFailed when it cannot be made."""

    def close(self) -> None:
        """Give back the owner's folder."""


class FreezerMissing(Exception):
    """This way of freezing cannot be had here; the text says why, as the end of a sentence."""


async def until(met: Callable[[], bool], seconds: float, looks: int = _LOOKS) -> bool:
    """Wait for a condition of the kernel; False when the time is over. Give few `looks` when one is expensive."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    turns, pause = 0, _FIRST_PAUSE_S
    while not met():
        if loop.time() > deadline:
            return False
        turns += 1
        await asyncio.sleep(0 if turns < looks else pause)
        pause = pause if turns < looks else min(pause * 2, _LONGEST_PAUSE_S)
    return True


def until_blocking(met: Callable[[], bool], seconds: float) -> bool:
    """The same for the start of Neve and its threads, where no event loop waits."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            return False
        time.sleep(_FIRST_PAUSE_S)
    return True
