"""Runs events: lease, ask how they are to be treated, invoke by the path of synchronous callers, settle."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from neve import log
from neve.clock import Clock
from neve.domain.errors import (
    CallerError,
    NeveError,
    PlatformError,
    ResourceConflict,
    ResourceNotFound,
    TooManyRequests,
)
from neve.domain.event import Cause, NotRun, Outcome, Policy, QueuedEvent, Ran
from neve.domain.invocation import InvocationResult
from neve.domain.limits import MAXIMUM_TIMEOUT_S
from neve.domain.retry import Decision, RetryAt, decide, decide_before
from neve.domain.world import World
from neve.queue.lane import Answered, Pace
from neve.queue.persist import Persist
from neve.queue.settle import Settlement
from neve.queue.tell import Teller
from neve.storage.store import EventStore, LeasedEvent, Leases

ATTEMPT_SECONDS = MAXIMUM_TIMEOUT_S + 120.0
"""No run takes longer, its init included: what has not answered by then never will."""

Key = tuple[World, str]
"""World and function name: a lane of events."""


@dataclass(frozen=True)
class Callables:
    """What the floors above lend.

    `run` invokes the function that an event means now and raises what a synchronous caller would get. `policy_of` has the
    settings of the moment. `is_off` says whether a function's reserved concurrency is 0.
    """

    run: Callable[[QueuedEvent], Awaitable[InvocationResult]]
    policy_of: Callable[[World, str, str | None], Awaitable[Policy]]
    is_off: Callable[[World, str], bool]


class Stopping(Exception):
    """The function did not answer because Neve stops: the event waits for the next start as if it had not begun."""


class Worker:
    """The work of the lanes of events (`lane.Work`)."""

    def __init__(
        self,
        store: EventStore,
        clock: Clock,
        callables: Callables,
        settlement: Settlement,
        tell: Teller,
        persist: Persist,
        retry_base_s: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._callables = callables
        self._settlement = settlement
        self._tell = tell
        self._persist = persist
        self._retry_base_s = retry_base_s
        self._stopping = False

    def stop(self) -> None:
        """From now on what fails on our side is given back: it fails because Neve stops."""
        self._stopping = True

    async def lease(self, key: Key, limit: int, limit_bytes: int) -> Leases[LeasedEvent]:
        """Of one function."""
        world, function_name = key
        return await self._store.lease(world, function_name, self._clock.now_ms(), limit, limit_bytes)

    def give_back(self, item: LeasedEvent) -> None:
        """It was not run, or nobody knows."""
        self._store.give_back(item)

    async def do(self, item: LeasedEvent, answered: Answered) -> float | None:
        """Run one event, and settle what follows."""
        event, progress = item.event, item.progress
        policy = await self._callables.policy_of(event.world, event.function_name, event.qualifier)
        decision: Decision | None = decide_before(event, progress, policy, self._clock.now_ms())
        if decision is None:
            self._tell.leased(item)
            began_s = time.monotonic()  # that of the loop is as coarse as the shortest runs
            try:
                outcome = await self._outcome(event)
            except Stopping:
                self._store.give_back(item)
                return None
            answered(_pace(outcome), time.monotonic() - began_s)
            decision = decide(event, progress, outcome, policy, self._clock.now_ms(), self._retry_base_s)
        await self._settlement.settle(item, decision)
        return decision.at_ms if isinstance(decision, RetryAt) else None

    async def _outcome(self, event: QueuedEvent) -> Outcome:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                result = await self._callables.run(event)
        except TimeoutError:
            return NotRun(Cause.SYSTEM_ERROR, 500, f"There was no answer within {ATTEMPT_SECONDS:.0f} seconds.")
        except NeveError as error:
            return self._refused(event, error)
        return Ran(result.failed, result.payload, result.executed_version)

    def _refused(self, event: QueuedEvent, error: NeveError) -> NotRun:
        if isinstance(error, TooManyRequests):
            off = self._callables.is_off(event.world, event.function_name)
            return NotRun(Cause.TURNED_OFF if off else Cause.THROTTLED, 429, error.message)
        if isinstance(error, ResourceConflict):  # it is being made ready: later it will run
            return NotRun(Cause.SYSTEM_ERROR, 409, error.message)
        if isinstance(error, CallerError):
            return NotRun(Cause.REFUSED, 404 if isinstance(error, ResourceNotFound) else 400, error.message)
        if self._stopping and isinstance(error, PlatformError):
            raise Stopping from error
        log.warn("queue.run", error=error.message, function=event.function_arn, request_id=event.request_id)
        return NotRun(Cause.SYSTEM_ERROR, 500, error.message)


def _pace(outcome: Outcome) -> Pace:
    if isinstance(outcome, Ran):
        return Pace.ANSWERED
    return Pace.THROTTLED if outcome.cause in {Cause.THROTTLED, Cause.SYSTEM_ERROR} else Pace.NOTHING
