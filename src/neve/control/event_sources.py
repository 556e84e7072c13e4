"""The verbs on event source mappings: create, read, change, list, delete.

They are kept and checked; nothing reads their sources yet.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from neve import log
from neve.clock import Clock
from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain import event_source as rules
from neve.domain.errors import InvalidParameterValue, ResourceNotFound
from neve.domain.event_source import EventSourceMapping, Source, SourceSettings
from neve.domain.function import LATEST, Function, check_tags
from neve.domain.version import is_number
from neve.domain.world import World
from neve.storage.store import AliasStore, EventSourceStore, FunctionStore


@dataclass(frozen=True, slots=True)
class MappingPage:
    """By UUID; `after` is where the next page goes on, None at the end."""

    mappings: Sequence[EventSourceMapping]
    after: str | None


class SourceCheck(Protocol):
    """Whoever can tell whether there is a source."""

    async def check(self, source: Source, timeout_s: int) -> None:
        """InvalidParameterValue when it is not there, or not fit for a function that may run for `timeout_s`."""


class NoSourceCheck:
    """Takes every source for granted."""

    async def check(self, source: Source, timeout_s: int) -> None:
        """It is there."""


class EventSources:
    """The event source mappings of every world, by UUID."""

    def __init__(
        self,
        functions: FunctionStore,
        aliases: AliasStore,
        store: EventSourceStore,
        changes: Changes,
        clock: Clock,
        new_id: Callable[[], str],
        sources: SourceCheck | None = None,
    ) -> None:
        self._functions = functions
        self._aliases = aliases
        self._store = store
        self._changes = changes
        self._clock = clock
        self._new_id = new_id
        self._sources = sources or NoSourceCheck()

    async def create(
        self, world: World, function_name: str, source: Source, given: SourceSettings, tags: Mapping[str, str]
    ) -> EventSourceMapping:
        """A new one.

        InvalidParameterValue for a source or settings that there are not, and for an unknown function; ResourceConflict
        when the function reads that source already.
        """
        settings = rules.merged(rules.defaults(source.kind), given)
        rules.check_source(source)
        rules.check_settings(source.kind, given, settings)
        check_tags(tags)
        function, qualifier = await self._function(world, function_name, "lambda:CreateEventSourceMapping")
        await self._sources.check(source, function.timeout_s)
        mapping = EventSourceMapping(
            world, self._new_id(), function.name, qualifier, source, settings, self._now_ms(), dict(tags)
        )
        await self._changes.whole(self._store.put_if_alone(mapping))
        log.note("event source mapping kept without effect", mapping=mapping.arn, function=mapping.function_arn)
        return mapping

    async def get(self, world: World, uuid: str) -> EventSourceMapping:
        """ResourceNotFound."""
        mapping = await self._store.mapping(world, uuid)
        if mapping is None:
            raise rules.missing()
        return mapping

    async def update(
        self, world: World, uuid: str, function_name: str | None, given: SourceSettings
    ) -> tuple[EventSourceMapping, EventSourceMapping]:
        """Change what was given; what there was and what there is. Errors as `create`; ResourceNotFound."""
        return await self._changes.whole(self._update(world, uuid, function_name, given))

    async def _update(
        self, world: World, uuid: str, function_name: str | None, given: SourceSettings
    ) -> tuple[EventSourceMapping, EventSourceMapping]:
        async with self._turn(uuid):
            current = await self.get(world, uuid)
            name, qualifier = current.function_name, current.qualifier
            if function_name is not None:
                function, qualifier = await self._function(world, function_name, "lambda:UpdateEventSourceMapping")
                name = function.name
            settings = rules.merged(current.settings, given)
            rules.check_settings(current.source.kind, given, settings)
            mapping = replace(
                current, function_name=name, qualifier=qualifier, settings=settings, last_modified_ms=self._now_ms()
            )
            await self._store.put_if_alone(mapping)
        return current, mapping

    async def delete(self, world: World, uuid: str) -> EventSourceMapping:
        """The one that was. ResourceNotFound."""
        return await self._changes.whole(self._delete(world, uuid))

    async def _delete(self, world: World, uuid: str) -> EventSourceMapping:
        async with self._turn(uuid):
            mapping = await self.get(world, uuid)
            await self._store.delete(world, uuid)
        return mapping

    async def page(
        self, world: World, function_name: str | None, source_arn: str | None, after: str | None, limit: int
    ) -> MappingPage:
        """Up to `limit` by UUID, those after `after`; of that function (or version, or alias) and that source, if given.

        ResourceNotFound for a function that is not there and has none.
        """
        function_arn = None
        if function_name is not None:
            name, qualifier = naming.wanted(world, function_name, None, "lambda:ListEventSourceMappings")
            function_arn = arns.function_arn(world, name, qualifier)
        found = await self._store.mappings(world, function_arn, source_arn, after or "", limit + 1)
        if not found and function_name is not None and not await self._is_there(world, name, LATEST):
            raise ResourceNotFound("Function does not exist")
        page = found[:limit]
        return MappingPage(page, page[-1].uuid if len(found) > limit else None)

    # Tags

    async def tags_of(self, world: World, arn: str) -> Mapping[str, str]:
        """ResourceNotFound."""
        return (await self._tagged(world, arn)).tags

    async def retag(self, world: World, arn: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """ResourceNotFound."""
        await self._changes.whole(self._retag(world, arn, change))

    async def _retag(self, world: World, arn: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        async with self._turn(_uuid(arn)):
            mapping = await self._tagged(world, arn)
            await self._store.put_if_alone(replace(mapping, tags=change(mapping.tags)))

    async def _tagged(self, world: World, arn: str) -> EventSourceMapping:
        mapping = await self._store.mapping(world, _uuid(arn))
        if mapping is None or mapping.arn != arn:
            raise ResourceNotFound(f"Event source mapping not found: {arn}")
        return mapping

    # Within

    def _turn(self, uuid: str) -> Any:
        return self._changes.turns.take(("event source mapping", uuid))

    async def _function(self, world: World, function_name: str, action: str) -> tuple[Function, str | None]:
        """The `$LATEST` of what is to be invoked, and the qualifier by which."""
        name, qualifier = naming.wanted(world, function_name, None, action)
        latest = await self._functions.function(world, name, LATEST)
        if latest is None or (qualifier is not None and not await self._is_there(world, name, qualifier)):
            raise InvalidParameterValue("Function does not exist")
        return latest, qualifier

    async def _is_there(self, world: World, name: str, qualifier: str) -> bool:
        if qualifier == LATEST or is_number(qualifier):
            return await self._functions.function(world, name, qualifier) is not None
        return await self._aliases.alias(world, name, qualifier) is not None

    def _now_ms(self) -> int:
        return int(self._clock.now_ms())


def _uuid(arn: str) -> str:
    return arn.rpartition(":")[2]
