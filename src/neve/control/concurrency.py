"""The verbs on concurrency: what functions set aside of their account's.

What is set aside is on disk first and told to the data plane then; a start tells all of it again (`restore`).
"""

from collections.abc import Callable, Mapping

from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain import concurrency as rules
from neve.domain import limits as quotas
from neve.domain.concurrency import UNLIMITED, FunctionLimits, Reserved
from neve.domain.errors import InvalidParameterValue
from neve.domain.function import LATEST
from neve.domain.world import World
from neve.storage.store import ConcurrencyStore, FunctionStore

Limit = Callable[[World, str, FunctionLimits], None]
"""Hears what a function sets aside from now on."""


def told_nobody(world: World, function_name: str, limits: FunctionLimits) -> None:
    """A `Limit` for where nothing runs."""


class Concurrency:
    """The concurrency of every world: `account` executions in each, of which functions may reserve a part."""

    def __init__(
        self,
        functions: FunctionStore,
        store: ConcurrencyStore,
        changes: Changes,
        limit: Limit = told_nobody,
        account: int = quotas.CONCURRENT_EXECUTIONS,
    ) -> None:
        self._functions = functions
        self._store = store
        self._changes = changes
        self._limit = limit
        self.account = account

    async def restore(self) -> None:
        """Tell what everybody has set aside. Await it before the first invocation is accepted."""
        for world in {each.world for each in await self._store.all_reserved()}:
            for name, limits in (await self._limits(world)).items():
                self._limit(world, name, limits)

    # Reserved

    async def reserve(self, world: World, function_name: str, executions: int) -> int:
        """Guarantee a function so many executions and allow it no more; 0 turns it off.

        InvalidParameterValue with a qualifier, or when too little is left for the others; ResourceNotFound.
        """
        name = await self._function(world, function_name, "lambda:PutFunctionConcurrency", LATEST)
        return await self._changes.whole(self._reserve(world, name, executions))

    async def _reserve(self, world: World, name: str, executions: int) -> int:
        async with self._changes.turns.take((world, name)), self._changes.turns.take(world):
            limits = await self._limits(world)
            current = limits.pop(name, UNLIMITED)
            rules.check_reserved(self.account, limits.values(), current, executions)
            await self._store.reserve(Reserved(world, name, executions))
            self._limit(world, name, FunctionLimits(executions, current.provisioned))
        return executions

    async def reserved(self, world: World, function_name: str) -> int | None:
        """What a function has reserved. Errors as `reserve`."""
        name = await self._function(world, function_name, "lambda:GetFunctionConcurrency")
        return await self._store.reserved(world, name)

    async def reserved_of(self, world: World, name: str) -> int | None:
        """As `reserved`, of a function that is known to be there."""
        return await self._store.reserved(world, name)

    async def unreserve(self, world: World, function_name: str) -> None:
        """Let a function run as long as others leave room, as before. Errors as `reserve`."""
        name = await self._function(world, function_name, "lambda:DeleteFunctionConcurrency")
        await self._changes.whole(self._unreserve(world, name))

    async def _unreserve(self, world: World, name: str) -> None:
        async with self._changes.turns.take((world, name)), self._changes.turns.take(world):
            await self._store.unreserve(world, name)
            current = (await self._limits(world)).get(name, UNLIMITED)
            self._limit(world, name, current)

    # The account

    async def unreserved(self, world: World) -> int:
        """What is left for functions that set nothing aside."""
        return rules.unreserved(self.account, (await self._limits(world)).values())

    def forget(self, world: World, name: str) -> None:
        """The function was deleted, and with it what it had set aside."""
        self._limit(world, name, UNLIMITED)

    # Within

    async def _limits(self, world: World) -> dict[str, FunctionLimits]:
        """Of every function that set something aside, by name."""
        reserved: Mapping[str, int] = {
            each.function_name: each.executions for each in await self._store.all_reserved(world)
        }
        return {name: FunctionLimits(executions) for name, executions in reserved.items()}

    async def _function(self, world: World, function_name: str, action: str, missing: str | None = None) -> str:
        """The name of a function that is there; `missing` is the qualifier that is named when it is not."""
        name, qualifier = naming.wanted(world, function_name, None, action)
        if qualifier is not None:
            raise InvalidParameterValue(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
                "operation. Please specify either a function name or an unqualified function ARN."
            )
        if await self._functions.function(world, name, LATEST) is None:
            raise arns.not_found(world, name, missing)
        return name
