"""The verbs on capacity providers, and how far function versions are to spread on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from neve import log
from neve.clock import Clock
from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain import capacity_provider as rules
from neve.domain.capacity_provider import CapacityProvider
from neve.domain.errors import InvalidParameterValue
from neve.domain.function import Function, ScalingLimits, check_tags
from neve.domain.version import is_number, number_of
from neve.domain.world import World
from neve.storage.store import CapacityProviderStore, FunctionStore


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """By name; `after` is where the next page goes on, None at the end."""

    providers: Sequence[CapacityProvider]
    after: str | None


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """Function versions by name and number; `after` is where the next page goes on, None at the end."""

    versions: Sequence[Function]
    after: tuple[str, int] | None


class CapacityProviders:
    """The capacity providers of every world. Names are taken as callers write them: a name or an ARN."""

    def __init__(self, functions: FunctionStore, store: CapacityProviderStore, changes: Changes, clock: Clock) -> None:
        self._functions = functions
        self._store = store
        self._changes = changes
        self._clock = clock

    async def create(
        self, world: World, name: str, settings: Mapping[str, Any], tags: Mapping[str, str]
    ) -> CapacityProvider:
        """A new one. ResourceConflict when there is one, InvalidParameterValue for too many tags."""
        check_tags(tags)
        provider = CapacityProvider(world, rules.wanted(world, name), settings, self._now_ms(), dict(tags))
        await self._changes.whole(self._store.create(provider))
        log.note("capacity provider kept without effect", provider=provider.arn)
        return provider

    async def get(self, world: World, name: str) -> CapacityProvider:
        """ResourceNotFound."""
        wanted = rules.wanted(world, name)
        provider = await self._store.provider(world, wanted)
        if provider is None:
            raise rules.missing(rules.provider_arn(world, wanted))
        return provider

    async def update(self, world: World, name: str, settings: Mapping[str, Any]) -> CapacityProvider:
        """Replace the settings that were given. ResourceNotFound."""
        now_ms = self._now_ms()
        return await self._changes.whole(
            self._change(
                world,
                name,
                lambda current: replace(current, settings={**current.settings, **settings}, last_modified_ms=now_ms),
            )
        )

    async def delete(self, world: World, name: str) -> CapacityProvider:
        """The one that was. ResourceNotFound, ResourceConflict while a function version uses it."""
        provider = await self.get(world, name)
        await self._changes.whole(self._store.delete(world, provider.name))
        return provider

    async def page(self, world: World, after: str | None, limit: int) -> ProviderPage:
        """Up to `limit` by name, those after `after`."""
        found = await self._store.providers(world, after or "", limit + 1)
        page = found[:limit]
        return ProviderPage(page, page[-1].name if len(found) > limit else None)

    async def versions(self, world: World, name: str, after: tuple[str, int] | None, limit: int) -> VersionsPage:
        """Up to `limit` function versions that use it, those after `after`. ResourceNotFound."""
        provider = await self.get(world, name)
        found = await self._store.functions(world, provider.name, after or ("", -1), limit + 1)
        page = found[:limit]
        return VersionsPage(page, (page[-1].name, number_of(page[-1])) if len(found) > limit else None)

    async def check_usable(self, world: World, arn: str | None) -> None:
        """InvalidParameterValue for one that is not there."""
        if arn and await self._store.provider(world, arn.rpartition(":")[2]) is None:
            raise rules.not_usable(arn)

    # How far a version spreads

    async def scale(self, world: World, function_name: str, version: str, scaling: ScalingLimits) -> Function:
        """The version with its limits. ResourceNotFound; InvalidParameterValue when it has no capacity provider."""
        name = naming.changed(world, function_name, "lambda:PutFunctionScalingConfig")
        await self.scaled(world, function_name, version)
        return await self._changes.aside(world, name, version, lambda function: replace(function, scaling=scaling))

    async def scaled(self, world: World, function_name: str, version: str) -> Function:
        """The version that has limits, or may have some. Errors as `scale`."""
        name = naming.changed(world, function_name, "lambda:GetFunctionScalingConfig")
        function = await self._functions.function(world, name, version) if is_number(version) else None
        if function is None:
            raise arns.not_found(world, name, version)
        if function.capacity_provider_arn is None:
            raise InvalidParameterValue(
                f"{function.qualified_arn} has no capacity provider to scale on: it was published without a "
                "CapacityProviderConfig."
            )
        return function

    # Tags

    async def tags_of(self, world: World, arn: str) -> Mapping[str, str]:
        """ResourceNotFound."""
        return (await self.get(world, arn)).tags

    async def retag(self, world: World, arn: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """ResourceNotFound."""
        await self._changes.whole(self._change(world, arn, lambda current: replace(current, tags=change(current.tags))))

    # Within

    async def _change(
        self, world: World, name: str, change: Callable[[CapacityProvider], CapacityProvider]
    ) -> CapacityProvider:
        async with self._changes.turns.take(("capacity provider", world, rules.wanted(world, name))):
            provider = change(await self.get(world, name))
            await self._store.update(provider)
        return provider

    def _now_ms(self) -> int:
        return int(self._clock.now_ms())
