"""The shutdown phase of one generation: everybody who registered gets time to go, then what is left is killed by others.

Source: lifecycle facts §4. How much time there is, `domain/shutdown.py` says. It is real time: functions keep the real clock.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable

from neve.dataplane.parties import Parties
from neve.dataplane.runtime_api.subscriptions import Subscriptions
from neve.dataplane.sandbox.sandbox import Sandbox
from neve.domain.extension import Phase
from neve.domain.shutdown import NOTHING, Reason, budget

# Of the time of extensions, for what they have subscribed to: the last records come before the word that all is over.
_FLUSH_SHARE = 0.25


class Shutdown:
    """Nothing of the generation is frozen. Takes no longer than its budget, and no time when nobody has registered."""

    def __init__(self, sandbox: Sandbox, parties: Parties, subscriptions: Subscriptions) -> None:
        self._sandbox = sandbox
        self._parties = parties
        self._subscriptions = subscriptions
        self._loop = asyncio.get_running_loop()
        self._left = asyncio.Event()  # an extension

    def extension_left(self) -> None:
        """The process of an extension ended, which `parties` know already."""
        self._left.set()

    async def run(self, reason: Reason) -> None:
        """Return when all who were told are gone, or their time is over."""
        given = budget(self._parties.extensions, reason)
        if given == NOTHING:
            return
        until = self._loop.time() + given.total_s
        if not any(each.external for each in self._parties.extensions):  # who subscribed goes with the runtime
            await self._subscriptions.flush(given.total_s * _FLUSH_SHARE)
        await self._end_runtime(given.runtime_s)
        await self._end_extensions(reason, until)

    async def _end_runtime(self, patience_s: float) -> None:
        if self._sandbox.pid is None:  # it has ended, or not begun
            return
        if patience_s > 0:
            self._sandbox.signal(signal.SIGTERM)
            await _at_most(patience_s, self._sandbox.wait())
        self._sandbox.signal(signal.SIGKILL)

    async def _end_extensions(self, reason: Reason, until: float) -> None:
        external = [each for each in self._parties.extensions if each.external and each.takes_part]
        for extension in external:
            if Phase.SHUTDOWN not in extension.phases:
                self._sandbox.signal(signal.SIGKILL, extension.name)
        told = [each for each in external if Phase.SHUTDOWN in each.phases]
        if not told:
            return
        await self._subscriptions.flush((until - self._loop.time()) * _FLUSH_SHARE)
        self._parties.shut_down(reason.value, int((time.time() + until - self._loop.time()) * 1000.0))
        while any(each.takes_part for each in told) and self._loop.time() < until:
            self._left.clear()
            await _at_most(until - self._loop.time(), self._left.wait())


async def _at_most(seconds: float, waiting: Awaitable[object]) -> None:
    try:
        await asyncio.wait_for(waiting, max(seconds, 0.0))
    except TimeoutError:
        return
