"""The `bare` sandbox: plain processes, held together and frozen, isolated from nothing. For development.

It says so at start (`missing`); `bubblewrap` isolates behind the same protocol.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from neve.dataplane.sandbox import conductor, launch, names, sweeping
from neve.dataplane.sandbox.freezer import FreezerKind
from neve.dataplane.sandbox.held import HeldSandbox, check_id
from neve.dataplane.sandbox.limiter import LimiterKind
from neve.dataplane.sandbox.sandbox import Command, Folders, Limits

# Where a function without layers may look for them in vain.
_NO_LAYERS = Path("/opt")


class BareSandbox(HeldSandbox):
    """One environment of plain processes. Nobody tells them other names than the machine's."""

    address = names.LOOPBACK

    def _spawn(self, command: Command, channel: int, output: int, others: Mapping[int, int]) -> int:
        program = launch.check(command)
        start = conductor.prepare(command, program, self._freezer.marks, launch.enter(self._entries))
        return launch.spawn(start, program, channel, output, others)


class BareKind:
    """Plain processes, frozen in the given way. `because` is why nothing better was taken: a sentence, or empty."""

    name = "bare"

    def __init__(self, freezer: FreezerKind, because: str = "") -> None:
        self._freezer = freezer
        self._limiters = LimiterKind()
        self._because = because

    @property
    def freezer(self) -> str:
        return self._freezer.name

    @property
    def missing(self) -> Sequence[str]:
        return (
            "Functions see the files, processes and network of this machine and run as the user who started Neve.",
            "The size of /tmp is not limited: it is this machine's.",
            *self._freezer.missing,
            *self._limiters.missing(),
            *([self._because] if self._because else []),
        )

    cannot_assign = ""

    def seen(self, folders: Folders) -> Folders:
        return replace(folders, layers=folders.layers or _NO_LAYERS, language=None)

    def create(self, environment_id: str, limits: Limits) -> BareSandbox:
        check_id(environment_id)
        freezer = self._freezer.create(environment_id)
        return BareSandbox(freezer, self._limiters.create(environment_id, limits))

    async def sweep(self) -> int:
        return await asyncio.to_thread(sweeping.sweep)

    async def close(self) -> None:
        self.release()
        self._freezer.close()

    def release(self) -> None:
        """Give back all but the freezer."""
        self._limiters.close()
