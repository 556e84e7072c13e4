"""Concurrency slots: one is held from the acceptance of an invocation until its environment is done with it.

Who gets one is decided in `domain/concurrency.py`.
"""

import asyncio
from collections import deque
from typing import NamedTuple

from neve.domain.concurrency import ADMITTED, Admission, Admitted, FunctionLimits, Ledger, Throttled
from neve.domain.errors import TooManyRequests
from neve.domain.world import World


class Holder(NamedTuple):
    """The function version that a slot is for."""

    world: World
    name: str
    version: str


_Share = tuple[World, str | None]
_Turn = tuple[Holder, "asyncio.Future[None]"]


class Slots:
    """The slots of every world; each has `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ledgers: dict[World, Ledger] = {}
        self._waiting: dict[_Share, deque[_Turn]] = {}

    def limit(self, world: World, name: str, limits: FunctionLimits) -> None:
        """What a function sets aside from now on."""
        self._ledger(world).limit(name, limits)
        for share in ((world, name), (world, None)):
            while self._give(share):
                pass

    def take(self, holder: Holder) -> Admission:
        """Take one if there is one."""
        ledger = self._ledger(holder.world)
        admission = ledger.admit(holder.name, holder.version)
        if admission is ADMITTED:
            ledger.begin(holder.name, holder.version)
        return admission

    async def take_within(self, holder: Holder, seconds: float) -> None:
        """Take one that is given back within a moment; TooManyRequests when none is. First come, first served."""
        admission = self.take(holder)
        if isinstance(admission, Admitted):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        share = self.share(holder)
        self._waiting.setdefault(share, deque()).append((holder, turn))
        try:
            await asyncio.wait([turn], timeout=seconds)
        except asyncio.CancelledError:
            if turn.done():
                self.give_back(holder)
            raise
        finally:
            self._forget(share, (holder, turn))
        if not turn.done():
            raise throttled(admission)

    def give_back(self, holder: Holder) -> None:
        """Give one back: to whoever waits for it, else to all."""
        self._ledger(holder.world).end(holder.name, holder.version)
        if self._waiting:
            self._give(self.share(holder))

    def is_off(self, world: World, name: str) -> bool:
        """Whether the function reserved nothing to run on."""
        return self._ledger(world).is_off(name)

    def taken(self, world: World) -> int:
        """How many invocations are running."""
        return self._ledger(world).running

    def limits(self, holder: Holder) -> tuple[FunctionLimits, int]:
        """What its function has set aside, and what is left for those that have not."""
        ledger = self._ledger(holder.world)
        return ledger.limits(holder.name), ledger.unreserved

    def share(self, holder: Holder) -> _Share:
        """Who gets what this holder gives back: its function alone, or (None) all of the world that reserved nothing."""
        return holder.world, holder.name if self._ledger(holder.world).reserves(holder.name) else None

    def _ledger(self, world: World) -> Ledger:
        ledger = self._ledgers.get(world)
        if ledger is None:
            ledger = self._ledgers[world] = Ledger(self._limit)
        return ledger

    def _give(self, share: _Share) -> bool:
        """One slot to the first that may have it."""
        for holder, turn in self._waiting.get(share, ()):
            if not turn.done() and self.take(holder) is ADMITTED:
                turn.set_result(None)
                self._forget(share, (holder, turn))
                return True
        return False

    def _forget(self, share: _Share, turn: _Turn) -> None:
        waiting = self._waiting.get(share)
        if waiting is not None and turn in waiting:
            waiting.remove(turn)
        if not waiting:
            self._waiting.pop(share, None)


def throttled(why: Throttled) -> TooManyRequests:
    """What a caller gets when it may not run."""
    return TooManyRequests(why.reason)
