"""Which versions have environments kept initialized, and how many. The pools keep them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from neve import log
from neve.dataplane.pool import Pool
from neve.dataplane.slots import Holder
from neve.domain.concurrency import Allocation
from neve.domain.errors import NeveError
from neve.domain.function import Function
from neve.domain.world import World

FindPool = Callable[[Function], Awaitable[Pool]]


class Targets:
    """The targets of every version. `find_pool` makes the pool of a version that has none."""

    def __init__(self, find_pool: FindPool) -> None:
        self._find_pool = find_pool
        self._targets: dict[Holder, int] = {}
        self._unplanned: set[Holder] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, holder: Holder) -> int:
        """How many are kept."""
        return self._targets.get(holder, 0)

    def unplanned(self, holder: Holder) -> bool:
        """Whether not even a pool could be made: no runtime, no code."""
        return holder in self._unplanned

    def keep(self, functions: Mapping[Holder, Function], targets: Mapping[Holder, int]) -> None:
        """Begin to keep so many of each version; environments follow soon."""
        for holder, target in targets.items():
            self._targets[holder] = target
            self._unplanned.discard(holder)
            task = asyncio.create_task(self._apply(holder, functions[holder]), name=f"provision {holder.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def drop(self, world: World, name: str, kept: Mapping[Holder, int]) -> list[Holder]:
        """Those of a function that are not kept any longer."""
        gone = [each for each in self._targets if each[:2] == (world, name) and each not in kept]
        for holder in gone:
            del self._targets[holder]
            self._unplanned.discard(holder)
        return gone

    async def close(self) -> None:
        """Begin nothing any more."""
        self._targets.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _apply(self, holder: Holder, function: Function) -> None:
        try:
            pool = await self._find_pool(function)
        except (NeveError, OSError) as error:
            log.failure("provision", error, function=function.qualified_arn)
            self._unplanned.add(holder)
            return
        pool.provision(self.of(holder))


def allocation(pool: Pool | None, unplanned: bool) -> Allocation:
    """What there is, also before there is a pool."""
    return Allocation(failed=unplanned) if pool is None else pool.allocation
