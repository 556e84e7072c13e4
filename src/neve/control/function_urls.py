"""The verbs on function URLs: create, read, change, list, delete, and find one by its id."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from neve.clock import Clock
from neve.control import naming
from neve.control.changes import Changes
from neve.domain import function_url as rules
from neve.domain.function import LATEST
from neve.domain.function_url import ID_LENGTH, ID_LETTERS, AuthType, Cors, FunctionUrl, InvokeMode
from neve.domain.world import World
from neve.storage.store import AliasStore, FunctionStore, FunctionUrlStore


def new_url_id() -> str:
    """Nobody guesses it."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))


@dataclass(frozen=True, slots=True)
class GivenUrl:
    """Settings as a caller gave them; None was not given. A `Cors` without members takes what was set away."""

    auth_type: AuthType | None = None
    invoke_mode: InvokeMode | None = None
    cors: Cors | None = None


@dataclass(frozen=True, slots=True)
class UrlPage:
    """By alias, that of the function first; `after` is where the next page goes on, None at the end."""

    urls: Sequence[FunctionUrl]
    after: str | None


class FunctionUrls:
    """The URLs of every function. A qualifier is the name of an alias: neither versions nor `$LATEST` have one by name."""

    def __init__(
        self,
        functions: FunctionStore,
        aliases: AliasStore,
        store: FunctionUrlStore,
        changes: Changes,
        clock: Clock,
        new_id: Callable[[], str] = new_url_id,
    ) -> None:
        self._functions = functions
        self._aliases = aliases
        self._store = store
        self._changes = changes
        self._clock = clock
        self._new_id = new_id

    async def create(
        self, world: World, function_name: str, qualifier: str | None, auth_type: AuthType, given: GivenUrl
    ) -> FunctionUrl:
        """A new one. ResourceNotFound; ResourceConflict when there is one."""
        name, alias = naming.wanted(world, function_name, qualifier, "lambda:CreateFunctionUrlConfig")
        now_ms = int(self._clock.now_ms())
        url = FunctionUrl(world, name, alias, self._new_id(), auth_type, now_ms, now_ms)
        url = _merged(url, given)
        await self._check_there(world, name, alias)
        await self._changes.whole(self._store.create(url))
        return url

    async def get(self, world: World, function_name: str, qualifier: str | None) -> FunctionUrl:
        """ResourceNotFound."""
        name, alias = naming.wanted(world, function_name, qualifier, "lambda:GetFunctionUrlConfig")
        return await self._found(world, name, alias)

    async def find(self, url_id: str) -> FunctionUrl | None:
        """The one with that id, whatever its world."""
        return await self._store.by_id(url_id)

    async def update(self, world: World, function_name: str, qualifier: str | None, given: GivenUrl) -> FunctionUrl:
        """Change what was given. ResourceNotFound."""
        name, alias = naming.wanted(world, function_name, qualifier, "lambda:UpdateFunctionUrlConfig")
        await self._check_there(world, name, alias)
        return await self._changes.whole(self._update(world, name, alias, given))

    async def _update(self, world: World, name: str, alias: str | None, given: GivenUrl) -> FunctionUrl:
        async with self._changes.turns.take((world, name)):
            current = await self._found(world, name, alias)
            url = replace(_merged(current, given), modified_ms=int(self._clock.now_ms()))
            await self._store.update(url)
        return url

    async def delete(self, world: World, function_name: str, qualifier: str | None) -> None:
        """Its id is never given again. ResourceNotFound."""
        name, alias = naming.wanted(world, function_name, qualifier, "lambda:DeleteFunctionUrlConfig")
        if not await self._changes.whole(self._store.delete(world, name, alias)):
            raise rules.missing()

    async def page(self, world: World, function_name: str, after: str | None, limit: int) -> UrlPage:
        """Up to `limit` by alias, those after `after`. ResourceNotFound for an unknown function."""
        name, _ = naming.wanted(world, function_name, None, "lambda:ListFunctionUrlConfigs")
        await self._check_there(world, name, None)
        found = await self._store.of_function(world, name, after or "", limit + 1)
        page = found[:limit]
        return UrlPage(page, page[-1].alias or LATEST if len(found) > limit else None)

    async def _found(self, world: World, name: str, alias: str | None) -> FunctionUrl:
        url = await self._store.url(world, name, alias)
        if url is None:
            raise rules.missing()
        return url

    async def _check_there(self, world: World, name: str, alias: str | None) -> None:
        if await self._functions.function(world, name, LATEST) is None or (
            alias is not None and await self._aliases.alias(world, name, alias) is None
        ):
            raise rules.no_function()


def _merged(url: FunctionUrl, given: GivenUrl) -> FunctionUrl:
    cors = url.cors if given.cors is None else given.cors
    return replace(
        url,
        auth_type=given.auth_type or url.auth_type,
        invoke_mode=given.invoke_mode or url.invoke_mode,
        cors=None if cors == Cors() else cors,
    )
