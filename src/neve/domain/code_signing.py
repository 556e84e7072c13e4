"""Code signing configs: who may have signed the code of the functions that use them.

They are kept and checked for what they are; signatures are not looked at. Source: control-api facts §5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from neve.domain.errors import ResourceConflict, ResourceNotFound, ServiceSpecific
from neve.domain.world import World

ID_LENGTH = 17


class UntrustedCode(Enum):
    """What a deployment of code without a trusted signature is to bring."""

    WARN = "Warn"
    ENFORCE = "Enforce"


@dataclass(frozen=True, slots=True)
class CodeSigningConfig:
    """`publishers` are ARNs of signing profile versions. Times in UTC milliseconds."""

    world: World
    id: str
    publishers: tuple[str, ...]
    last_modified_ms: int
    untrusted: UntrustedCode = UntrustedCode.WARN
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:lambda:{self.world.region}:{self.world.account}:code-signing-config:{self.id}"


def missing(arn: str) -> ResourceNotFound:
    """There is no config with that ARN."""
    return ResourceNotFound(f"The Lambda code signing configuration {arn} can not be found.")


def not_usable(arn: str) -> ServiceSpecific:
    """A function cannot use a config that is not there."""
    return ServiceSpecific(
        "CodeSigningConfigNotFoundException",
        f"The code signing configuration cannot be found. Check that the provided configuration is not deleted: {arn}.",
    )


def in_use(arn: str) -> ResourceConflict:
    """Nobody recorded the service's text."""
    return ResourceConflict(
        f"The code signing configuration {arn} is used by functions and cannot be deleted. "
        "List them with ListFunctionsByCodeSigningConfig, and take it off them first."
    )
