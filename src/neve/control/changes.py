"""What every change of a function goes through: its turn, its end, and whether it may happen now."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from neve.dataplane.turns import Turns
from neve.domain import arn as arns
from neve.domain.errors import PreconditionFailed, ResourceConflict
from neve.domain.function import LATEST, Function
from neve.domain.world import World
from neve.storage.store import FunctionStore

T = TypeVar("T")


class Changes:
    """Changes of one function happen one at a time: `turns.take((world, name))`."""

    def __init__(self, store: FunctionStore) -> None:
        self._store = store
        self._running: set[asyncio.Task[Any]] = set()
        self.turns = Turns()

    async def whole(self, change: Coroutine[Any, Any, T]) -> T:
        """Carry a change out to its end also when its caller goes away: half of one would be InProgress for ever."""
        task = asyncio.create_task(change)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def aside(self, world: World, name: str, version: str, change: Callable[[Function], Function]) -> Function:
        """Change what is no part of the configuration (tags, say): neither revision id nor environments change with it.

        ResourceNotFound.
        """
        return await self.whole(self._aside(world, name, version, change))

    async def _aside(self, world: World, name: str, version: str, change: Callable[[Function], Function]) -> Function:
        async with self.turns.take((world, name)):
            function = await self._store.function(world, name, version)
            if function is None:
                raise arns.not_found(world, name, None if version == LATEST else version)
            changed = change(function)
            await self._store.update_function_if_revision(changed, function.revision_id)
        return changed

    async def wait_idle(self) -> None:
        """Until no change is being written."""
        while self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Let changes that began be written."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def changeable(self, world: World, name: str, revision_id: str | None) -> Function:
        """`$LATEST` if it may be changed now, by somebody who has seen `revision_id`.

        ResourceNotFound; ResourceConflict while it is Pending or InProgress; PreconditionFailed.
        """
        function = await self._store.function(world, name, LATEST)
        if function is None:
            raise arns.not_found(world, name, None)
        if function.state == "Pending":
            raise not_active(function)
        if function.last_update_status == "InProgress":
            raise ResourceConflict(
                "The operation cannot be performed at this time. "
                f"An update is in progress for resource: {function.unqualified_arn}"
            )
        check_revision(revision_id, function.revision_id)
        return function


def check_revision(seen: str | None, current: str) -> None:
    """PreconditionFailed when the caller has seen another revision of a function or an alias than there is."""
    if seen is not None and seen != current:
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
        )


def not_active(function: Function) -> ResourceConflict:
    """What is said of a function that cannot be used in its state."""
    return ResourceConflict(
        "The operation cannot be performed at this time. "
        f"The function is currently in the following state: {function.state}"
    )


def new_uuid() -> str:
    """A revision id as the service makes them."""
    return str(uuid.uuid4())
