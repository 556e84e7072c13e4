"""The stock of pre-started runtimes: some of each kind that functions use, so that a cold start finds its runtime booted.

* It is filled in the background, one at a time, when no invocation runs, or after some seconds when one always does.
* What dies while it waits is replaced, later each time it happens again: a runtime that cannot boot must not spin.
* A function that cannot be given one (`fitting.py`), or finds none, is started from nothing.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from neve import log
from neve.clock import Clock
from neve.dataplane.fitting import RuntimeKind, blank
from neve.dataplane.prestarted import Prestarted
from neve.dataplane.runtimes import Runtimes
from neve.dataplane.sandbox.sandbox import Command, Limits, SandboxKind
from neve.domain.errors import NeveError, SandboxFailed

# Each waiting runtime holds some ten megabytes: of more kinds than that, the ones used last wait.
_MOST_KINDS = 8
_PAUSE_S = 0.05
_LONGEST_WAIT_FOR_QUIET_S = 2.0
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 1.0, 300.0

InUse = Callable[[], Awaitable[Sequence[RuntimeKind]]]
"""The kinds that functions have, the most important first."""


@dataclass(slots=True)
class _Shelf:
    """Those of one kind."""

    waiting: deque[Prestarted] = field(default_factory=deque)
    failures: int = 0
    not_before: float = 0.0


class Stock:
    """Keeps `size` of each kind from `keep` on. All methods belong to the event loop's thread."""

    def __init__(
        self, kind: SandboxKind, runtimes: Runtimes, clock: Clock, size: int, busy: Callable[[], bool]
    ) -> None:
        self._kind = kind
        self._runtimes = runtimes
        self._clock = clock
        self._busy = busy
        self.refused = kind.cannot_assign if size > 0 else ""
        self._size = 0 if self.refused else size
        self._shelves: dict[RuntimeKind, _Shelf] = {}
        self._used: dict[RuntimeKind, float] = {}
        self._news = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()

    def keep(self, in_use: InUse) -> None:
        """Begin to fill it."""
        if self._size > 0:
            self._keeping = asyncio.create_task(self._keep(in_use), name="stock")
            self.look()

    def look(self) -> None:
        """Functions came, changed or went, or one was taken: see soon what is missing."""
        self._news.set()

    def take(self, kind: RuntimeKind, command: Command, limits: Limits) -> Prestarted | None:
        """One that has the code and limits of this command by now, and is the caller's; None when there is none."""
        self._used[kind] = self._clock.now()
        shelf = self._shelves.get(kind)
        if shelf is None or command.folders is None:
            return None
        while shelf.waiting:
            prestarted = shelf.waiting.popleft()
            self.look()
            try:
                prestarted.assign(command.folders, limits)
            except (SandboxFailed, OSError) as error:
                self._failed(kind, shelf, str(error))
                self._end(prestarted)
                continue
            shelf.failures = 0
            return prestarted
        return None

    def renew(self) -> None:
        """Another binary may run them by now: let go of all that wait."""
        for kind in list(self._shelves):
            self._clear(kind)
        self.look()

    def waiting(self) -> Iterator[tuple[RuntimeKind, list[Prestarted]]]:
        """Every kind that is kept, and what waits of it."""
        for kind, shelf in self._shelves.items():
            yield kind, list(shelf.waiting)

    async def close(self) -> None:
        """End all that wait, and start no more."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        for kind in list(self._shelves):
            self._clear(kind)
        self._size = 0
        while self._endings:
            await asyncio.wait(self._endings)

    # Filling

    async def _keep(self, in_use: InUse) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._until_quiet()
            try:
                self._lay_out(await in_use())
                while (kind := self._emptiest()) is not None:
                    await self._add(kind)
                    await self._until_quiet()
            except Exception as error:  # noqa: BLE001 - the edge of the loop: the next news try again
                log.failure("stock", error)

    async def _until_quiet(self) -> None:
        """Not beside an invocation, which wants the machine for itself; a machine that is never quiet has to share."""
        for _ in range(int(_LONGEST_WAIT_FOR_QUIET_S / _PAUSE_S)):
            await asyncio.sleep(_PAUSE_S)  # also at first: what was deployed or taken is about to run
            if not self._busy():
                return

    def _lay_out(self, in_use: Sequence[RuntimeKind]) -> None:
        """A shelf for each kind, those used last before all others."""
        ranked = sorted(dict.fromkeys(in_use), key=lambda kind: -self._used.get(kind, 0.0))[:_MOST_KINDS]
        for kind in self._shelves.keys() - set(ranked):
            self._clear(kind)
        self._shelves = {kind: self._shelves.get(kind) or _Shelf() for kind in ranked}
        self._used = {kind: self._used[kind] for kind in ranked if kind in self._used}

    def _emptiest(self) -> RuntimeKind | None:
        now = self._clock.now()
        short = [
            (len(shelf.waiting), rank, kind)
            for rank, (kind, shelf) in enumerate(self._shelves.items())
            if len(shelf.waiting) < self._size and shelf.not_before <= now
        ]
        return min(short)[2] if short else None

    async def _add(self, kind: RuntimeKind) -> None:
        shelf = self._shelves[kind]
        limits = Limits() if kind.memory_mb is None else Limits(memory_mb=kind.memory_mb)
        try:
            runtime = await asyncio.to_thread(self._runtimes.find, kind.runtime, limits.memory_mb)
            prestarted = await Prestarted.start(self._kind, blank(runtime, self._kind), limits)
        except (NeveError, OSError) as error:
            self._failed(kind, shelf, str(error))
            return
        if self._shelves.get(kind) is not shelf:  # it was renewed meanwhile
            self._end(prestarted)
            return
        shelf.waiting.append(prestarted)
        prestarted.on_end(lambda: self._died(kind, prestarted))

    def _died(self, kind: RuntimeKind, prestarted: Prestarted) -> None:
        shelf = self._shelves.get(kind)
        if shelf is not None and prestarted in shelf.waiting:
            shelf.waiting.remove(prestarted)
            self._failed(kind, shelf, "it ended while it waited")
        self._end(prestarted)

    def _failed(self, kind: RuntimeKind, shelf: _Shelf, reason: str) -> None:
        backoff_s = min(_FIRST_BACKOFF_S * 2**shelf.failures, _LONGEST_BACKOFF_S)
        shelf.failures += 1
        shelf.not_before = self._clock.now() + backoff_s
        self._clock.call_later(backoff_s, self.look)
        log.warn("prestart", runtime=str(kind), error=reason, again_in_s=backoff_s)

    # Ending

    def _clear(self, kind: RuntimeKind) -> None:
        for prestarted in self._shelves.pop(kind).waiting:
            self._end(prestarted)

    def _end(self, prestarted: Prestarted) -> None:
        ending = asyncio.create_task(prestarted.end(), name="end of a pre-started runtime")
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
