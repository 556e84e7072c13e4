"""The verbs on recursive loop detection: what happens to a function that is invoked by what it did itself."""

from dataclasses import replace

from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain.function import LATEST, Function, RecursiveLoop
from neve.domain.world import World
from neve.storage.store import FunctionStore


class Recursion:
    """The setting is one of the whole function: neither revision id nor environments change with it."""

    def __init__(self, functions: FunctionStore, changes: Changes) -> None:
        self._functions = functions
        self._changes = changes

    async def put(self, world: World, function_name: str, recursive_loop: RecursiveLoop) -> RecursiveLoop:
        """Let chains in which the function ran too often go on, or end them. ResourceNotFound."""
        name = naming.changed(world, function_name, "lambda:PutFunctionRecursionConfig")
        return await self._changes.whole(self._put(world, name, recursive_loop))

    async def get(self, world: World, function_name: str) -> RecursiveLoop:
        """What was set, `Terminate` at first. ResourceNotFound."""
        name = naming.changed(world, function_name, "lambda:GetFunctionRecursionConfig")
        return (await self._latest(world, name)).recursive_loop

    async def _put(self, world: World, name: str, recursive_loop: RecursiveLoop) -> RecursiveLoop:
        async with self._changes.turns.take((world, name)):
            latest = await self._latest(world, name)
            changed = replace(latest, recursive_loop=recursive_loop)
            await self._functions.update_function_if_revision(changed, latest.revision_id)
        return recursive_loop

    async def _latest(self, world: World, name: str) -> Function:
        latest = await self._functions.function(world, name, LATEST)
        if latest is None:
            raise arns.not_found(world, name, None)
        return latest
