"""The verbs on event invoke configs: put, merge, read, list, delete."""

from collections.abc import Sequence
from dataclasses import dataclass

from neve.clock import Clock
from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain import event_invoke as rules
from neve.domain.errors import InvalidParameterValue, ResourceNotFound
from neve.domain.event import Policy
from neve.domain.event_invoke import EventInvokeConfig, GivenEventInvoke
from neve.domain.function import LATEST
from neve.domain.target_arn import TargetKind, target_kind
from neve.domain.version import is_number
from neve.domain.world import World
from neve.storage.store import AliasStore, EventInvokeStore, FunctionStore


@dataclass(frozen=True, slots=True)
class EventInvokePage:
    """By qualifier; `after` is where the next page goes on, None at the end."""

    configs: Sequence[EventInvokeConfig]
    after: str | None


class EventInvoke:
    """The event invoke configs of every function. Without a qualifier, `$LATEST` is meant."""

    def __init__(
        self, functions: FunctionStore, aliases: AliasStore, store: EventInvokeStore, changes: Changes, clock: Clock
    ) -> None:
        self._functions = functions
        self._aliases = aliases
        self._store = store
        self._changes = changes
        self._clock = clock

    async def put(
        self, world: World, function_name: str, qualifier: str | None, given: GivenEventInvoke
    ) -> EventInvokeConfig:
        """Set what was given and forget what was not.

        InvalidParameterValue for nothing, or for a destination that cannot be one; ResourceNotFound.
        """
        name, asked = _wanted(world, function_name, qualifier, "lambda:PutFunctionEventInvokeConfig")
        rules.check_given(given)
        return await self._changes.whole(self._put(EventInvokeConfig(world, name, asked, 0), given))

    async def update(
        self, world: World, function_name: str, qualifier: str | None, given: GivenEventInvoke
    ) -> EventInvokeConfig:
        """Set what was given and keep the rest. Errors as `put`; ResourceNotFound without a config."""
        name, asked = _wanted(world, function_name, qualifier, "lambda:UpdateFunctionEventInvokeConfig")
        rules.check_given(given)
        return await self._changes.whole(self._update(world, name, asked, given))

    async def get(self, world: World, function_name: str, qualifier: str | None) -> EventInvokeConfig:
        """The config of one qualifier. ResourceNotFound."""
        name, asked = _wanted(world, function_name, qualifier, "lambda:GetFunctionEventInvokeConfig")
        return await self._found(world, name, asked)

    async def delete(self, world: World, function_name: str, qualifier: str | None) -> None:
        """Forget the config of one qualifier. ResourceNotFound."""
        name, asked = _wanted(world, function_name, qualifier, "lambda:DeleteFunctionEventInvokeConfig")
        if not await self._changes.whole(self._store.delete(world, name, asked)):
            raise rules.missing(world, name, asked)

    async def page(self, world: World, function_name: str, after: str | None, limit: int) -> EventInvokePage:
        """Up to `limit` by qualifier, those after `after`. ResourceNotFound for an unknown function."""
        name, _ = naming.wanted(world, function_name, None, "lambda:ListFunctionEventInvokeConfigs")
        if await self._functions.function(world, name, LATEST) is None:
            raise _no_function()
        configs = (await self._store.of_function(world, name)).values()
        found = [each for each in configs if each.qualifier > (after or "")]
        page = found[:limit]
        return EventInvokePage(page, page[-1].qualifier if len(found) > limit else None)

    async def policy_of(self, world: World, function_name: str, qualifier: str | None) -> Policy:
        """How an event is treated now that was accepted for this qualifier (None without), from memory if it can be.

        The defaults for what was never set, and for a function that is gone. The name is plain, without an ARN.
        """
        latest = await self._functions.function(world, function_name, LATEST)
        if latest is None:
            return Policy()
        configs = await self._store.of_function(world, function_name)
        return rules.policy(latest, configs.get(qualifier or LATEST))

    # Within

    async def _put(self, current: EventInvokeConfig, given: GivenEventInvoke) -> EventInvokeConfig:
        world, name = current.world, current.function_name
        async with self._changes.turns.take((world, name)):
            await self._check_qualifier(world, name, current.qualifier)
            return await self._write(current, given)

    async def _update(self, world: World, name: str, qualifier: str, given: GivenEventInvoke) -> EventInvokeConfig:
        async with self._changes.turns.take((world, name)):
            return await self._write(await self._found(world, name, qualifier), given)

    async def _write(self, current: EventInvokeConfig, given: GivenEventInvoke) -> EventInvokeConfig:
        await self._check_destinations(current, given)
        config = rules.merged(current, given, int(self._clock.now_ms()))
        await self._store.put(config)
        return config

    async def _check_qualifier(self, world: World, name: str, qualifier: str) -> None:
        if qualifier == LATEST or is_number(qualifier):
            there: object = await self._functions.function(world, name, qualifier)
        else:
            there = await self._aliases.alias(world, name, qualifier)
        if there is None:
            raise _no_function()

    async def _check_destinations(self, of: EventInvokeConfig, given: GivenEventInvoke) -> None:
        rules.check_kinds(given)
        for arn in (given.on_success, given.on_failure):
            if arn and target_kind(arn) is TargetKind.FUNCTION:
                await self._check_function(of, arn)

    async def _check_function(self, of: EventInvokeConfig, arn: str) -> None:
        """A function that is a destination is there, whatever its qualifier, and is another one."""
        parsed = arns.parse_function_name(arn)
        world = World(parsed.account or of.world.account, parsed.region or of.world.region)
        if await self._functions.function(world, parsed.name, LATEST) is None:
            raise InvalidParameterValue(f"The destination ARN {arn} is invalid.")
        if (world, parsed.name) == (of.world, of.function_name):
            raise InvalidParameterValue("You can't specify the function as a destination for itself.")

    async def _found(self, world: World, name: str, qualifier: str) -> EventInvokeConfig:
        config = (await self._store.of_function(world, name)).get(qualifier)
        if config is None:
            raise rules.missing(world, name, qualifier)
        return config


def _wanted(world: World, function_name: str, qualifier: str | None, action: str) -> tuple[str, str]:
    name, asked = naming.wanted(world, function_name, qualifier, action)
    return name, asked or LATEST


def _no_function() -> ResourceNotFound:
    return ResourceNotFound("The function doesn't exist.")
