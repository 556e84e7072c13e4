"""Background tasks that belong to one environment."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from neve import log


class Tasks:
    """Keeps them alive until they end; one that dies of a fault of ours is logged by name."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run it beside everything else."""
        task = self._loop.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.failure("environment.task", error, environment=self._owner, task=task.get_name())
