"""The verbs on code signing configs, and which function uses one."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from neve.clock import Clock
from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain import code_signing as rules
from neve.domain.code_signing import ID_LENGTH, CodeSigningConfig, UntrustedCode
from neve.domain.function import LATEST, check_tags
from neve.domain.world import World
from neve.storage.store import CodeSigningStore, FunctionStore


def new_config_id() -> str:
    """As the service makes them: `csc-` and hex digits."""
    return f"csc-{secrets.token_hex(ID_LENGTH)[:ID_LENGTH]}"


@dataclass(frozen=True, slots=True)
class GivenSigning:
    """Settings as a caller gave them; None was not given."""

    publishers: tuple[str, ...] | None = None
    untrusted: UntrustedCode | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class SigningPage:
    """By ARN; `after` is where the next page goes on, None at the end."""

    configs: Sequence[CodeSigningConfig]
    after: str | None


@dataclass(frozen=True, slots=True)
class UsersPage:
    """ARNs of functions by name; `after` is where the next page goes on, None at the end."""

    function_arns: Sequence[str]
    after: str | None


class CodeSigning:
    """The code signing configs of every world, by ARN."""

    def __init__(
        self,
        functions: FunctionStore,
        store: CodeSigningStore,
        changes: Changes,
        clock: Clock,
        new_id: Callable[[], str] = new_config_id,
    ) -> None:
        self._functions = functions
        self._store = store
        self._changes = changes
        self._clock = clock
        self._new_id = new_id

    async def create(self, world: World, given: GivenSigning, tags: Mapping[str, str]) -> CodeSigningConfig:
        """A new one. InvalidParameterValue for too many tags."""
        check_tags(tags)
        config = CodeSigningConfig(world, self._new_id(), given.publishers or (), self._now_ms(), tags=dict(tags))
        config = _merged(config, given)
        await self._changes.whole(self._store.create(config))
        return config

    async def get(self, world: World, arn: str) -> CodeSigningConfig:
        """ResourceNotFound."""
        config = await self._store.config(world, arn)
        if config is None:
            raise rules.missing(arn)
        return config

    async def update(self, world: World, arn: str, given: GivenSigning) -> CodeSigningConfig:
        """Change what was given. ResourceNotFound."""
        now_ms = self._now_ms()
        return await self._changes.whole(
            self._change(world, arn, lambda current: replace(_merged(current, given), last_modified_ms=now_ms))
        )

    async def delete(self, world: World, arn: str) -> None:
        """ResourceNotFound; ResourceConflict while a function uses it."""
        if not await self._changes.whole(self._store.delete(world, arn)):
            raise rules.missing(arn)

    async def page(self, world: World, after: str | None, limit: int) -> SigningPage:
        """Up to `limit` by ARN, those after `after`."""
        found = await self._store.configs(world, after or "", limit + 1)
        page = found[:limit]
        return SigningPage(page, page[-1].arn if len(found) > limit else None)

    async def users(self, world: World, arn: str, after: str | None, limit: int) -> UsersPage:
        """Up to `limit` functions that use it, by name, those after `after`. ResourceNotFound."""
        await self.get(world, arn)
        found = await self._store.functions(arn, after or "", limit + 1)
        page = found[:limit]
        return UsersPage([arns.function_arn(world, name) for name in page], page[-1] if len(found) > limit else None)

    # Of a function

    async def check_usable(self, world: World, arn: str | None) -> None:
        """CodeSigningConfigNotFoundException for a config that is not there."""
        if arn is not None and await self._store.config(world, arn) is None:
            raise rules.not_usable(arn)

    async def attach(self, world: World, function_name: str, arn: str) -> str:
        """Let a function use it; the function's name. ResourceNotFound, CodeSigningConfigNotFoundException."""
        name = naming.changed(world, function_name, "lambda:PutFunctionCodeSigningConfig")
        await self.check_usable(world, arn)
        await self._changes.aside(world, name, LATEST, lambda function: replace(function, code_signing_arn=arn))
        return name

    async def attached(self, world: World, function_name: str) -> tuple[str, str | None]:
        """The function's name, and the config that it uses. ResourceNotFound."""
        name = naming.changed(world, function_name, "lambda:GetFunctionCodeSigningConfig")
        function = await self._functions.function(world, name, LATEST)
        if function is None:
            raise arns.not_found(world, name, None)
        return name, function.code_signing_arn

    async def detach(self, world: World, function_name: str) -> None:
        """Let a function use none; harmless when it used none. ResourceNotFound."""
        name = naming.changed(world, function_name, "lambda:DeleteFunctionCodeSigningConfig")
        await self._changes.aside(world, name, LATEST, lambda function: replace(function, code_signing_arn=None))

    # Tags

    async def tags_of(self, world: World, arn: str) -> Mapping[str, str]:
        """ResourceNotFound."""
        return (await self.get(world, arn)).tags

    async def retag(self, world: World, arn: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """ResourceNotFound."""
        await self._changes.whole(self._change(world, arn, lambda current: replace(current, tags=change(current.tags))))

    # Within

    async def _change(
        self, world: World, arn: str, change: Callable[[CodeSigningConfig], CodeSigningConfig]
    ) -> CodeSigningConfig:
        async with self._changes.turns.take(("code signing", arn)):
            config = change(await self.get(world, arn))
            await self._store.update(config)
        return config

    def _now_ms(self) -> int:
        return int(self._clock.now_ms())


def _merged(config: CodeSigningConfig, given: GivenSigning) -> CodeSigningConfig:
    return replace(
        config,
        publishers=config.publishers if given.publishers is None else given.publishers,
        untrusted=given.untrusted or config.untrusted,
        description=config.description if given.description is None else given.description,
    )
