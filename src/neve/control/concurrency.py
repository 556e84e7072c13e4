"""The verbs on concurrency: what functions set aside of their account's.

What is set aside is on disk first and told to the data plane then; a start tells all of it again (`restore`).
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from neve.clock import Clock
from neve.control import naming
from neve.control.changes import Changes, not_active
from neve.domain import arn as arns
from neve.domain import concurrency as rules
from neve.domain import limits as quotas
from neve.domain.code_source import not_run
from neve.domain.concurrency import UNLIMITED, Allocation, FunctionLimits, Provisioned, Reserved
from neve.domain.errors import InvalidParameterValue, ResourceConflict, ServiceSpecific
from neve.domain.function import LATEST, Function
from neve.domain.version import is_number
from neve.domain.world import World
from neve.storage.store import AliasStore, ConcurrencyStore, FunctionStore


class Capacity(Protocol):
    """Where functions run."""

    def limit(self, world: World, name: str, limits: FunctionLimits, provisioned: Sequence[Function] = ()) -> None:
        """What a function sets aside from now on; `provisioned` are the versions for which it provisions some."""

    def allocation(self, world: World, name: str, version: str) -> Allocation:
        """What there is of what a version has provisioned."""


class NoCapacity:
    """Where nothing runs."""

    def limit(self, world: World, name: str, limits: FunctionLimits, provisioned: Sequence[Function] = ()) -> None:
        """Nothing is limited."""

    def allocation(self, world: World, name: str, version: str) -> Allocation:
        """Nothing is there."""
        return Allocation()


@dataclass(frozen=True, slots=True)
class ProvisionedState:
    """What was asked for, and what there is of it: `status` is IN_PROGRESS, READY or FAILED, `reason` why it failed."""

    provisioned: Provisioned
    allocated: int
    available: int
    status: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ProvisionedPage:
    """By qualifier; `after` is where the next page goes on, None at the end."""

    states: Sequence[ProvisionedState]
    after: str | None


class Concurrency:
    """The concurrency of every world: `account` executions in each, of which functions may set some aside."""

    def __init__(
        self,
        functions: FunctionStore,
        aliases: AliasStore,
        store: ConcurrencyStore,
        changes: Changes,
        clock: Clock,
        capacity: Capacity | None = None,
        account: int = quotas.CONCURRENT_EXECUTIONS,
    ) -> None:
        self._functions = functions
        self._aliases = aliases
        self._store = store
        self._changes = changes
        self._clock = clock
        self._capacity = capacity or NoCapacity()
        self._with_provisioned: set[tuple[World, str]] = set()
        self.account = account

    async def restore(self) -> None:
        """Tell what everybody has set aside. Await it before the first invocation is accepted."""
        reserved, provisioned = await self._store.all_reserved(), await self._store.all_provisioned()
        for world in {each.world for each in reserved} | {each.world for each in provisioned}:
            for name, limits in (await self._limits(world)).items():
                await self._tell(world, name, limits)

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
            await self._tell(world, name, FunctionLimits(executions, current.provisioned))
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
        await self._changes.whole(self._change(world, name, lambda: self._store.unreserve(world, name)))

    # Provisioned

    async def provision(
        self, world: World, function_name: str, qualifier: str | None, executions: int
    ) -> ProvisionedState:
        """Keep so many environments of a version, or of what an alias points to, initialized; the reply is IN_PROGRESS.

        InvalidParameterValue for other qualifiers, or when there is not so much; ResourceNotFound; ResourceConflict for a
        version that is provisioned by an alias, an alias whose version is, and a version that is not Active.
        """
        name, asked = await self._qualified(
            world, function_name, qualifier, "lambda:PutProvisionedConcurrencyConfig", writes=True
        )
        wanted = Provisioned(world, name, asked, executions, int(self._clock.now_ms()))
        await self._changes.whole(self._provision(wanted))
        return ProvisionedState(wanted, 0, 0, "IN_PROGRESS")

    async def _provision(self, wanted: Provisioned) -> None:
        world, name = wanted.world, wanted.function_name
        async with self._changes.turns.take((world, name)), self._changes.turns.take(world):
            configs = [each for each in await self._store.all_provisioned(world) if each.function_name == name]
            previous = sum(each.executions for each in configs if each.qualifier == wanted.qualifier)
            await self._check_overlap(wanted, [each.qualifier for each in configs])
            limits = await self._limits(world)
            current = limits.pop(name, UNLIMITED)
            rules.check_provisioned(self.account, limits.values(), current, previous, wanted.executions)
            await self._store.provision(wanted)
            await self._tell(world, name, (await self._limits(world))[name])

    async def _check_overlap(self, wanted: Provisioned, provisioned: Sequence[str]) -> None:
        """A version has provisioned concurrency of its own or by aliases, not both."""
        world, name = wanted.world, wanted.function_name
        for version in await self._versions(world, name, wanted.qualifier):
            function = await self._functions.function(world, name, version)
            if function is not None and function.state != "Active":
                raise not_active(function)
            if function is not None and function.image_uri is not None:
                raise not_run(function.unqualified_arn)
        if is_number(wanted.qualifier):
            aliases = [each for each in provisioned if not is_number(each)]
            if any([wanted.qualifier in await self._versions(world, name, each) for each in aliases]):
                raise ResourceConflict("Version is pointed by a Provisioned Concurrency alias")
        elif not set(await self._versions(world, name, wanted.qualifier)).isdisjoint(provisioned):
            raise ResourceConflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
            )

    async def provisioned(self, world: World, function_name: str, qualifier: str | None) -> ProvisionedState:
        """What a version or an alias has provisioned, and what there is of it.

        InvalidParameterValue for other qualifiers, ResourceNotFound; ProvisionedConcurrencyConfigNotFoundException.
        """
        name, asked = await self._qualified(world, function_name, qualifier, "lambda:GetProvisionedConcurrencyConfig")
        provisioned = await self._store.provisioned(world, name, asked)
        if provisioned is None:
            raise ServiceSpecific(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
            )
        return await self._state(provisioned)

    async def unprovision(self, world: World, function_name: str, qualifier: str | None) -> None:
        """Let the environments go that were kept; harmless when none were. Errors as `provisioned`."""
        name, asked = await self._qualified(
            world, function_name, qualifier, "lambda:DeleteProvisionedConcurrencyConfig"
        )
        await self._changes.whole(self._change(world, name, lambda: self._store.unprovision(world, name, asked)))

    async def page(self, world: World, function_name: str, after: str | None, limit: int) -> ProvisionedPage:
        """Up to `limit` by qualifier, those after `after`."""
        name = await self._function(world, function_name, "lambda:ListProvisionedConcurrencyConfigs")
        found = [
            each
            for each in await self._store.all_provisioned(world)
            if each.function_name == name and each.qualifier > (after or "")
        ]
        page = found[:limit]
        states = [await self._state(each) for each in page]
        return ProvisionedPage(states, page[-1].qualifier if len(found) > limit else None)

    async def _state(self, provisioned: Provisioned) -> ProvisionedState:
        """A version may be kept by several aliases: each shows as much as it asked for, if it is there."""
        world, name = provisioned.world, provisioned.function_name
        shares = await self._shares(provisioned)
        there = [(share, self._capacity.allocation(world, name, version)) for version, share in shares.items()]
        allocated = sum(min(share, each.allocated) for share, each in there)
        available = sum(min(share, each.available) for share, each in there)
        if any(each.failed for _, each in there):
            return ProvisionedState(provisioned, allocated, available, "FAILED", "FUNCTION_ERROR_INIT_FAILURE")
        status = "READY" if available >= provisioned.executions else "IN_PROGRESS"
        return ProvisionedState(provisioned, allocated, available, status)

    # The account, and changes elsewhere

    async def unreserved(self, world: World) -> int:
        """What is left for functions that set nothing aside."""
        return rules.unreserved(self.account, (await self._limits(world)).values())

    def forget(self, world: World, name: str) -> None:
        """The function was deleted, and with it what it had set aside."""
        self._with_provisioned.discard((world, name))
        self._capacity.limit(world, name, UNLIMITED)

    async def refresh(self, world: World, name: str) -> None:
        """A version of the function was deleted, or an alias points elsewhere: what was provisioned goes with it."""
        if (world, name) in self._with_provisioned:
            async with self._changes.turns.take(world):
                await self._tell(world, name, (await self._limits(world)).get(name, UNLIMITED))

    # Within

    async def _change(self, world: World, name: str, write: Callable[[], Awaitable[None]]) -> None:
        async with self._changes.turns.take((world, name)), self._changes.turns.take(world):
            await write()
            await self._tell(world, name, (await self._limits(world)).get(name, UNLIMITED))

    async def _tell(self, world: World, name: str, limits: FunctionLimits) -> None:
        versions = [await self._functions.function(world, name, version) for version in limits.provisioned]
        (self._with_provisioned.add if versions else self._with_provisioned.discard)((world, name))
        self._capacity.limit(world, name, limits, [version for version in versions if version is not None])

    async def _limits(self, world: World) -> dict[str, FunctionLimits]:
        """Of every function that set something aside, by name."""
        reserved = {each.function_name: each.executions for each in await self._store.all_reserved(world)}
        provisioned: dict[str, Counter[str]] = {}
        for each in await self._store.all_provisioned(world):
            provisioned.setdefault(each.function_name, Counter()).update(await self._shares(each))
        return {
            name: FunctionLimits(reserved.get(name), provisioned.get(name, {}))
            for name in (*reserved, *(other for other in provisioned if other not in reserved))
        }

    async def _shares(self, provisioned: Provisioned) -> dict[str, int]:
        """How many of each version; none of `$LATEST`, to which an alias may have been pointed since."""
        if is_number(provisioned.qualifier):
            return {provisioned.qualifier: provisioned.executions}
        alias = await self._aliases.alias(provisioned.world, provisioned.function_name, provisioned.qualifier)
        shares = {} if alias is None else rules.split(provisioned.executions, alias)
        return {version: share for version, share in shares.items() if version != LATEST}

    async def _versions(self, world: World, name: str, qualifier: str) -> Sequence[str]:
        """What is reached by that version or alias."""
        if is_number(qualifier):
            return [qualifier]
        alias = await self._aliases.alias(world, name, qualifier)
        return [] if alias is None else alias.versions

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

    async def _qualified(
        self, world: World, function_name: str, qualifier: str | None, action: str, writes: bool = False
    ) -> tuple[str, str]:
        """The name of a function, and a version or an alias of it that is there."""
        name, asked = naming.wanted(world, function_name, qualifier, action)
        if asked == LATEST and writes:
            raise _unpublished()
        if await self._functions.function(world, name, LATEST) is None:
            raise arns.not_found(world, name, asked)
        versions = [] if asked is None else await self._versions(world, name, asked)
        if asked is None or not versions or await self._functions.function(world, name, versions[0]) is None:
            raise InvalidParameterValue("The function resource provided must be an alias or a published version.")
        if LATEST in versions and writes:
            raise _unpublished()
        return name, asked


def _unpublished() -> InvalidParameterValue:
    return InvalidParameterValue("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
