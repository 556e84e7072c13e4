"""The verbs on tags, whatever they are on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain.errors import InvalidParameterValue, ResourceNotFound
from neve.domain.function import LATEST, check_tags
from neve.domain.world import World
from neve.storage.store import FunctionStore

Retag = Callable[[Mapping[str, str]], Mapping[str, str]]


class Tagged(Protocol):
    """Things of one kind that have tags, by ARN."""

    async def tags_of(self, world: World, arn: str) -> Mapping[str, str]:
        """ResourceNotFound when it is not there."""

    async def retag(self, world: World, arn: str, change: Retag) -> None:
        """Put other tags on it. ResourceNotFound; what `change` raises."""


class Tags:
    """`kinds` by the word that an ARN has for them."""

    def __init__(self, kinds: Mapping[str, Tagged]) -> None:
        self._kinds = kinds

    async def of(self, world: World, arn: str) -> Mapping[str, str]:
        """The tags of what the ARN names. ResourceNotFound."""
        return await self._kind(arn).tags_of(world, arn)

    async def add(self, world: World, arn: str, tags: Mapping[str, str]) -> None:
        """Merge tags into those that it has. InvalidParameterValue for none and for too many, ResourceNotFound."""
        if not tags:
            raise InvalidParameterValue("An error occurred and the request cannot be processed.")

        def merged(current: Mapping[str, str]) -> Mapping[str, str]:
            both = {**current, **tags}
            check_tags(both)
            return both

        await self._kind(arn).retag(world, arn, merged)

    async def remove(self, world: World, arn: str, keys: Sequence[str]) -> None:
        """Take tags off; keys that it does not have are ignored. ResourceNotFound."""
        gone = set(keys)

        def left(current: Mapping[str, str]) -> Mapping[str, str]:
            return {key: value for key, value in current.items() if key not in gone}

        await self._kind(arn).retag(world, arn, left)

    def _kind(self, arn: str) -> Tagged:
        word = arn.split(":")[5]
        kind = self._kinds.get(word)
        if kind is None:
            raise ResourceNotFound(f"Neve has no {word} that could have tags: {arn}")
        return kind


class FunctionTags:
    """Tags are those of a function: its versions and aliases have none of their own."""

    def __init__(self, store: FunctionStore, changes: Changes) -> None:
        self._store = store
        self._changes = changes

    async def tags_of(self, world: World, arn: str) -> Mapping[str, str]:
        """ResourceNotFound; InvalidParameterValue for a version or an alias."""
        name = _name(world, arn, "lambda:ListTags")
        function = await self._store.function(world, name, LATEST)
        if function is None:
            raise arns.not_found(world, name, None)
        return function.tags

    async def retag(self, world: World, arn: str, change: Retag) -> None:
        """As `tags_of`."""
        name = _name(world, arn, "lambda:TagResource")
        await self._changes.aside(world, name, LATEST, lambda function: replace(function, tags=change(function.tags)))


def _name(world: World, arn: str, action: str) -> str:
    name, qualifier = naming.wanted(world, arn, None, action)
    if qualifier is not None:
        raise InvalidParameterValue(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    return name
