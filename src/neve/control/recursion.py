"""The verbs on recursive loop detection: what happens to a function that is invoked by what it did itself."""

from dataclasses import replace

from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain.function import LATEST, RecursiveLoop
from neve.domain.world import World
from neve.storage.store import FunctionStore


class Recursion:
    """The setting is one of the whole function."""

    def __init__(self, functions: FunctionStore, changes: Changes) -> None:
        self._functions = functions
        self._changes = changes

    async def put(self, world: World, function_name: str, recursive_loop: RecursiveLoop) -> RecursiveLoop:
        """Let chains in which the function ran too often go on, or end them. ResourceNotFound."""
        name = naming.changed(world, function_name, "lambda:PutFunctionRecursionConfig")
        await self._changes.aside(world, name, LATEST, lambda latest: replace(latest, recursive_loop=recursive_loop))
        return recursive_loop

    async def get(self, world: World, function_name: str) -> RecursiveLoop:
        """What was set, `Terminate` at first. ResourceNotFound."""
        name = naming.changed(world, function_name, "lambda:GetFunctionRecursionConfig")
        latest = await self._functions.function(world, name, LATEST)
        if latest is None:
            raise arns.not_found(world, name, None)
        return latest.recursive_loop
