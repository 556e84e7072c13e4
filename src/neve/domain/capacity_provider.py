"""Capacity providers: the machines of somebody's own that functions are to run on. They are kept; Neve runs functions where
it runs itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neve.domain.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from neve.domain.world import World


@dataclass(frozen=True, slots=True)
class CapacityProvider:
    """`settings` are members of the API as they were given. Times in UTC milliseconds."""

    world: World
    name: str
    settings: Mapping[str, Any]
    last_modified_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return provider_arn(self.world, self.name)


def provider_arn(world: World, name: str) -> str:
    """The ARN of a capacity provider."""
    return f"arn:aws:lambda:{world.region}:{world.account}:capacity-provider:{name}"


def wanted(world: World, text: str) -> str:
    """The name that a name or an ARN (of the service model's pattern) means. ResourceNotFound in another world."""
    name = text.rpartition(":")[2]
    if name != text and text != provider_arn(world, name):
        raise missing(text)
    return name


# Nobody recorded the service's texts.


def missing(arn: str) -> ResourceNotFound:
    """There is no such capacity provider."""
    return ResourceNotFound(f"Capacity provider not found: {arn}")


def taken(arn: str) -> ResourceConflict:
    """The name is in use."""
    return ResourceConflict(f"Capacity provider already exists: {arn}")


def in_use(arn: str) -> ResourceConflict:
    """Functions are to run on it."""
    return ResourceConflict(
        f"The capacity provider {arn} is used by function versions and cannot be deleted. "
        "List them with ListFunctionVersionsByCapacityProvider, and delete them first."
    )


def not_usable(arn: str) -> InvalidParameterValue:
    """A function cannot use a capacity provider that is not there."""
    return InvalidParameterValue(f"The capacity provider {arn} does not exist.")
