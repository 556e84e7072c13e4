"""The verbs on aliases: create, read, list, change, delete."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from neve.control import naming
from neve.control.changes import Changes, check_revision
from neve.domain import alias as rules
from neve.domain import arn as arns
from neve.domain.alias import Alias
from neve.domain.errors import ResourceNotFound
from neve.domain.function import LATEST
from neve.domain.world import World
from neve.storage.store import AliasStore, FunctionStore


class CachingAliasStore(AliasStore, Protocol):
    """A store that knows some aliases without waiting."""

    def cached(self, world: World, function_name: str, name: str) -> Alias | None:
        """That alias if it is in memory. None says nothing."""


@dataclass(frozen=True, slots=True)
class AliasPage:
    """Aliases by name; `after` is where the next page goes on, None at the end."""

    aliases: Sequence[Alias]
    after: str | None


class Aliases:
    """The aliases of every function. `refresh` is awaited after each change of one."""

    def __init__(
        self,
        store: FunctionStore,
        aliases: AliasStore,
        changes: Changes,
        new_id: Callable[[], str],
        refresh: Callable[[World, str], Awaitable[None]],
    ) -> None:
        self._functions = store
        self._store = aliases
        self._changes = changes
        self._new_id = new_id
        self._refresh = refresh

    async def create(
        self,
        world: World,
        function_name: str,
        name: str,
        version: str,
        description: str | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> Alias:
        """InvalidParameterValue for weights that are refused, ResourceNotFound for a version that is not there."""
        of = naming.changed(world, function_name, "lambda:CreateAlias")
        alias = Alias(world, of, name, version, self._new_id(), description or "", dict(weights or {}))
        rules.check_routing(alias)
        await self._changes.whole(self._store.create_alias(alias))
        return alias

    async def get(self, world: World, function_name: str, name: str) -> Alias:
        """One alias. ResourceNotFound."""
        of = naming.changed(world, function_name, "lambda:GetAlias")
        alias = await self._store.alias(world, of, name)
        if alias is None:
            raise ResourceNotFound(f"Cannot find alias arn: {arns.function_arn(world, of, name)}")
        return alias

    async def update(
        self,
        world: World,
        function_name: str,
        name: str,
        version: str | None = None,
        description: str | None = None,
        weights: Mapping[str, float] | None = None,
        revision_id: str | None = None,
    ) -> Alias:
        """Change what was given. Errors as `create`; PreconditionFailed when `revision_id` is not the present one."""
        of = naming.changed(world, function_name, "lambda:UpdateAlias")
        given = {"version": version, "description": description, "weights": weights}
        changes = {member: value for member, value in given.items() if value is not None}
        return await self._changes.whole(self._update(world, of, name, changes, revision_id))

    async def _update(
        self, world: World, of: str, name: str, changes: Mapping[str, object], revision_id: str | None
    ) -> Alias:
        async with self._changes.turns.take((world, of)):
            current = await self._store.alias(world, of, name)
            if current is None:
                raise ResourceNotFound(f"Alias not found: {arns.function_arn(world, of, name)}")
            check_revision(revision_id, current.revision_id)
            alias: Alias = replace(current, revision_id=self._new_id(), **changes)  # type: ignore[arg-type]
            rules.check_routing(alias)
            await self._store.update_alias_if_revision(alias, current.revision_id)
            await self._refresh(world, of)
        return alias

    async def delete(self, world: World, function_name: str, name: str) -> None:
        """Forget it; one that is not there is no error."""
        of = naming.changed(world, function_name, "lambda:DeleteAlias")
        await self._changes.whole(self._delete(world, of, name))

    async def _delete(self, world: World, of: str, name: str) -> None:
        async with self._changes.turns.take((world, of)):
            await self._store.delete_alias(world, of, name)
            await self._refresh(world, of)

    async def page(
        self, world: World, function_name: str, of_version: str | None, after: str | None, limit: int
    ) -> AliasPage:
        """Up to `limit` aliases by name, those after `after`; those that point to `of_version` when it is given."""
        of = naming.changed(world, function_name, "lambda:ListAliases")
        if await self._functions.function(world, of, LATEST) is None:
            raise arns.not_found(world, of, None)
        found = await self._store.aliases(world, of, of_version, after, limit + 1)
        page = found[:limit]
        return AliasPage(page, page[-1].name if len(found) > limit else None)
