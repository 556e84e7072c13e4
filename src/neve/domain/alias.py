"""A name that points to a version of a function, or to two with weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from neve.domain.arn import function_arn
from neve.domain.errors import InvalidParameterValue
from neve.domain.function import LATEST
from neve.domain.permission import ResourcePolicy
from neve.domain.world import World


@dataclass(frozen=True, slots=True)
class Alias:
    """`weights` has a second version and its share of the invocations, 0 to 1; the first version gets the rest."""

    world: World
    function_name: str
    name: str
    version: str
    revision_id: str
    description: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    policy: ResourcePolicy | None = None

    @property
    def arn(self) -> str:
        """The function's ARN with the alias as its qualifier."""
        return function_arn(self.world, self.function_name, self.name)

    @property
    def second(self) -> str | None:
        """The version that gets a share, if there is one."""
        return next(iter(self.weights), None)

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that an invocation may reach."""
        return (self.version, *self.weights)


def pick_version(alias: Alias, roll: float) -> str:
    """The version that an invocation reaches; `roll` is a random number, 0 <= roll < 1."""
    for version, weight in alias.weights.items():
        if roll < weight:
            return version
        roll -= weight
    return alias.version


def check_routing(alias: Alias) -> None:
    """InvalidParameterValue for weights that the service refuses. Their range is in the service model."""
    if len(alias.weights) > 1:
        raise InvalidParameterValue("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if alias.version in alias.weights:
        raise InvalidParameterValue(
            f"Invalid function version {alias.version}. "
            f"Function version {alias.version} is already included in routing configuration."
        )
    if alias.weights and alias.version == LATEST:
        raise InvalidParameterValue("$LATEST is not supported for an alias pointing to more than 1 version")
