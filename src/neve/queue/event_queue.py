"""What other floors ask the event queue for."""

from collections.abc import Sequence
from typing import Protocol

from neve.domain.event import QueuedEvent
from neve.domain.world import World
from neve.storage.store import EventOverview


class EventQueue(Protocol):
    """The durable queue of asynchronous invocations."""

    async def accept(self, event: QueuedEvent) -> None:
        """Returns once the event is on disk; StorageUnavailable when it is not. The function need not have room."""

    async def overview(self, world: World | None = None, function_name: str | None = None) -> Sequence[EventOverview]:
        """Every function that has or had events, by account, region and name; of one world or one function if given."""

    async def retry_now(self, world: World, function_name: str, request_id: str | None = None) -> int:
        """Run what waits for a later time now (one event if given); how many were moved."""

    async def purge(self, world: World, function_name: str, request_id: str | None = None) -> int:
        """Forget what waits, without running it and without telling anybody; what is running goes on. How many."""
