"""What happens after the answer to a create, an update or a publish: the code is made ready, then the function moves on.

Create, publish: Pending → Active, or Failed. Update: InProgress → Successful, or Failed. Each move has a new revision id.

While an update is InProgress the store already shows the new configuration, as the service does, and invocations get
the previous one from here. It is remembered in memory only: a Neve that was killed in between finishes the update at
its next start before it answers anybody, so nobody can see the difference. An update whose code cannot be made ready
gives the previous configuration back: what is shown is what runs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from neve import log
from neve.clock import Clock
from neve.dataplane.turns import Turns
from neve.domain.errors import InvalidParameterValue, NeveError, StorageUnavailable
from neve.domain.function import Function
from neve.domain.world import World
from neve.storage.store import FunctionStore

RETRY_SECONDS = 1.0
"""Between two tries to write the outcome down when the storage refuses."""

Prepare = Callable[[Function], Awaitable[None]]
Retire = Callable[[Function], None]
ForgetCode = Callable[[Collection[Function]], Awaitable[None]]


class Preparation:
    """Owns one task for each version of a function that is on its way."""

    def __init__(
        self,
        store: FunctionStore,
        clock: Clock,
        turns: Turns,
        new_id: Callable[[], str],
        prepare: Prepare,
        retire: Retire,
        forget_code: ForgetCode,
    ) -> None:
        self._store = store
        self._clock = clock
        self._turns = turns
        self._new_id = new_id
        self._prepare = prepare
        self._retire = retire
        self._forget_code = forget_code
        self._tasks: set[asyncio.Task[None]] = set()
        self.serving: dict[tuple[World, str], Function] = {}
        """What invocations of `$LATEST` use instead of what the store shows."""

    def begin(self, function: Function, previous: Function | None = None) -> None:
        """Start to make it ready; `previous` serves until then. Call it in the function's turn, after the write."""
        if previous is not None:
            self.serving[function.world, function.name] = previous
        task = asyncio.create_task(self._finish(function, previous), name=f"prepare {function.qualified_arn}")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def forget(self, world: World, name: str) -> Function | None:
        """The function was deleted; what served in its place, if anything did."""
        return self.serving.pop((world, name), None)

    async def finish_pending(self) -> None:
        """Finish what a Neve that was killed left on its way. Await it before the first invocation is accepted."""
        for function in await self._store.pending_functions():
            await self._finish(function, None)

    async def wait_idle(self) -> None:
        """Until nothing is on its way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Stop; what is on its way is finished by the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.failure("function left on its way", error, task=task.get_name())

    async def _finish(self, function: Function, previous: Function | None) -> None:
        problem = await self._problem(function)
        if problem is not None:
            log.failure("function not prepared", problem, function=function.qualified_arn)
        while not await self._settled(function, previous, problem):
            await self._clock.sleep(RETRY_SECONDS)

    async def _problem(self, function: Function) -> BaseException | None:
        try:
            if function.image_uri is None:  # an image is never run
                await self._prepare(function)
        except Exception as error:  # noqa: BLE001 - the edge of the task; whatever it was, the function says Failed
            return error
        return None

    async def _settled(self, function: Function, previous: Function | None, problem: BaseException | None) -> bool:
        """Write the outcome down; False when the storage refused, and it has to be tried again."""
        try:
            unused = await self._write_outcome(function, previous, problem)
            if unused is not None:
                if problem is None:
                    self._retire(unused)
                await self._forget_code([unused])
        except StorageUnavailable as error:
            log.failure("outcome not written", error, function=function.qualified_arn)
            return False
        return True

    async def _write_outcome(
        self, function: Function, previous: Function | None, problem: BaseException | None
    ) -> Function | None:
        """What nobody uses any more: the previous function, or the new one when it could not be made ready."""
        async with self._turns.take((function.world, function.name)):
            current = await self._store.function(function.world, function.name, function.version)
            if current is None or current.revision_id != function.revision_id:
                return None  # deleted, perhaps created anew, in the meantime
            outcome = self._outcome(current, previous, problem)
            await self._write(outcome, current.revision_id, previous)
        return previous if problem is None or previous is None else function

    async def _write(self, outcome: Function, revision_id: str, previous: Function | None) -> None:
        """Invocations get the outcome from before it is written: a reader may see it on the disk before we hear of it."""
        if previous is None:
            await self._store.update_function_if_revision(outcome, revision_id)
            return
        key = (outcome.world, outcome.name)
        self.serving[key] = outcome
        try:
            await self._store.update_function_if_revision(outcome, revision_id)
        except BaseException:
            self.serving[key] = previous
            raise
        self.serving.pop(key, None)

    def _outcome(self, current: Function, previous: Function | None, problem: BaseException | None) -> Function:
        if problem is None:
            return _ready(current, self._new_id())
        if current.last_update_status is None:
            return _failed_creation(current, problem, self._new_id())
        # After a restart nobody remembers the previous one: the new one stays, and says that it Failed.
        return _failed_update(current, previous or current, problem, self._new_id())


def _ready(function: Function, revision_id: str) -> Function:
    return replace(
        function,
        revision_id=revision_id,
        state="Active",
        state_reason=None,
        state_reason_code=None,
        last_update_status="Successful",
        last_update_reason=None,
        last_update_reason_code=None,
    )


def _failed_creation(function: Function, problem: BaseException, revision_id: str) -> Function:
    reason, code = _reason(problem)
    return replace(function, revision_id=revision_id, state="Failed", state_reason=reason, state_reason_code=code)


def _failed_update(current: Function, kept: Function, problem: BaseException, revision_id: str) -> Function:
    reason, code = _reason(problem)
    return replace(
        kept,
        revision_id=revision_id,
        tags=current.tags,
        recursive_loop=current.recursive_loop,
        policy=current.policy,
        runtime_updates=current.runtime_updates,
        code_signing_arn=current.code_signing_arn,
        scaling=current.scaling,
        last_modified_ms=current.last_modified_ms,
        last_update_status="Failed",
        last_update_reason=reason,
        last_update_reason_code=code,
    )


def _reason(problem: BaseException) -> tuple[str, str]:
    if isinstance(problem, InvalidParameterValue):
        return problem.message, "InvalidZipFileException"
    return problem.message if isinstance(problem, NeveError) else "An internal error occurred.", "InternalError"
