"""Tasks that run beside each other: which is done first, and the end of those that are not needed any more."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from neve import log


async def ended_before(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Whether the work came to its end before the event did; it is stopped otherwise. What it raises is raised."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(event.wait())
    try:
        if await first(waiting, working) is working:
            await working
    finally:
        await end([working, waiting])
    return not event.is_set()


async def first(*tasks: "asyncio.Task[Any]") -> "asyncio.Task[Any]":
    """The one that is done first; of several the one that is named first."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return next(task for task in tasks if task in done)


async def end(tasks: "Sequence[asyncio.Task[Any]]") -> None:
    """Stop what is still running; what died of a fault of ours is logged by name."""
    for task in tasks:
        task.cancel()
    for task, outcome in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
        if isinstance(outcome, Exception):
            log.failure("task", outcome, task=task.get_name())
