"""Layer versions, what a function may use of them, and who else may.

A function keeps what it uses of a layer by its content, so it goes on working when the layer version is deleted.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from neve.domain import limits, permission
from neve.domain.errors import AccessDenied, InvalidParameterValue, PreconditionFailed, ResourceNotFound
from neve.domain.function import Code, Function, UsedLayer
from neve.domain.permission import ResourcePolicy, Statement
from neve.domain.world import World

GET = "lambda:GetLayerVersion"


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """One version of one layer. What was not given is None; `statements` is its policy, `policy_revision_id` goes with it."""

    world: World
    name: str
    number: int
    code: Code
    created_ms: int
    description: str = ""
    compatible_runtimes: tuple[str, ...] | None = None
    compatible_architectures: tuple[str, ...] | None = None
    license_info: str | None = None
    statements: tuple[Statement, ...] = ()
    policy_revision_id: str | None = None

    @property
    def layer_arn(self) -> str:
        """The ARN of the layer, for all its versions."""
        return layer_arn(self.world, self.name)

    @property
    def arn(self) -> str:
        """The ARN of this version."""
        return version_arn(self.world, self.name, self.number)


@dataclass(frozen=True, slots=True)
class LayerReference:
    """What a layer version's ARN names."""

    world: World
    name: str
    number: int


def layer_arn(world: World, name: str) -> str:
    """The ARN of a layer."""
    return f"arn:aws:lambda:{world.region}:{world.account}:layer:{name}"


def version_arn(world: World, name: str, number: int) -> str:
    """The ARN of a layer version."""
    return f"{layer_arn(world, name)}:{number}"


def not_found(arn: str) -> ResourceNotFound:
    """The error for a layer version that is not there."""
    return ResourceNotFound(f"Layer version {arn} does not exist.")


def parse_layer_name(caller: World, text: str) -> tuple[World, str]:
    """The layer that a name or an ARN (of the service model's pattern) means."""
    parts = text.split(":")
    return (caller, text) if len(parts) == 1 else (World(parts[4], parts[3]), parts[6])


def parse_version_arn(arn: str) -> LayerReference:
    """Take the ARN of a layer version (of the service model's pattern) apart. ResourceNotFound for a service's own layer."""
    parts = arn.split(":")
    if len(parts) != 8 or not parts[7].isdigit():
        raise not_found(arn)
    return LayerReference(World(parts[4], parts[3]), parts[6], int(parts[7]))


def check_number(number: int) -> None:
    """InvalidParameterValue for what no version has."""
    if number < 1:
        raise InvalidParameterValue("Layer Version Cannot be less than 1")


def check_references(
    arns: Sequence[str], region: str, most: int = limits.LAYERS_PER_FUNCTION
) -> Sequence[LayerReference]:
    """What a function in that region wants to use. InvalidParameterValue for too many, of elsewhere, or of one layer twice."""
    if len(arns) > most:
        raise InvalidParameterValue(f"Cannot reference more than {most} layers.")
    seen: dict[tuple[World, str], str] = {}
    references = []
    for arn in arns:
        reference = _wanted(arn, region)
        layer = (reference.world, reference.name)
        if layer in seen:
            raise InvalidParameterValue(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{seen[layer]} and {arn} are versions of the same layer."
            )
        seen[layer] = arn
        references.append(reference)
    return references


def _wanted(arn: str, region: str) -> LayerReference:
    try:
        reference = parse_version_arn(arn)
    except ResourceNotFound as error:
        raise InvalidParameterValue(error.message) from error
    if reference.world.region != region:
        raise InvalidParameterValue(
            f"Layers are not in the same region as the function. Layers are expected to be in region {region}."
        )
    return reference


def check_total(function: Function, most: int = limits.CODE_SIZE_UNZIPPED) -> None:
    """InvalidParameterValue when code and layers together would unpack to more than `most` bytes."""
    size = function.code.unzipped_size + sum(layer.code.unzipped_size for layer in function.layers)
    if function.layers and size > most:
        raise InvalidParameterValue(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{most} bytes. The actual size is {size} bytes."
        )


def content_key(layers: Iterable[UsedLayer]) -> str | None:
    """The name of what these layers give in this order, by their contents: 64 hex digits; None without any."""
    contents = " ".join(layer.code.sha256 for layer in layers)
    return hashlib.sha256(contents.encode()).hexdigest() if contents else None


# Who may use it


def check_allowed(layer: LayerVersion, account: str) -> None:
    """AccessDenied for another account unless the policy names it, or everybody."""
    if layer.world.account != account and not any(_allows(each, account) for each in layer.statements):
        raise AccessDenied(
            f"User: arn:aws:iam::{account}:root is not authorized to perform: {GET} on resource: {layer.arn} "
            f"because no resource-based policy allows the {GET} action"
        )


def _allows(statement: Statement, account: str) -> bool:
    """Neve knows no organizations: a statement for one allows nobody."""
    if "Condition" in statement:
        return False
    principal: Any = statement["Principal"]
    return principal in ("*", {"AWS": f"arn:aws:iam::{account}:root"})


def statement(layer: LayerVersion, sid: str, action: str, principal: str, organization: str | None) -> dict[str, Any]:
    """A statement of a layer version's policy; `principal` is an account, its root's ARN, or `*`."""
    who: Any = principal
    if principal != "*":
        who = {"AWS": principal if principal.startswith("arn:") else f"arn:aws:iam::{principal}:root"}
    made = {"Sid": sid, "Effect": "Allow", "Principal": who, "Action": action, "Resource": layer.arn}
    if organization is not None:
        made["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": organization}}
    return made


def permitted(layer: LayerVersion, added: Statement, revision_id: str, most: int = limits.POLICY_BYTES) -> LayerVersion:
    """The layer version with one more statement. Errors as `permission.added`."""
    return replace(layer, statements=permission.added(layer.statements, added, most), policy_revision_id=revision_id)


def forbidden(layer: LayerVersion, sid: str, revision_id: str) -> LayerVersion:
    """The layer version without that statement. ResourceNotFound when there is none."""
    left = permission.removed(layer.statements, sid)
    return replace(layer, statements=left, policy_revision_id=revision_id if left else None)


def policy(layer: LayerVersion) -> str:
    """The policy as JSON. ResourceNotFound when there is none."""
    if not layer.statements:
        raise permission.no_policy()
    return permission.document(ResourcePolicy(layer.statements))


def check_policy_revision(layer: LayerVersion, seen: str | None) -> None:
    """PreconditionFailed when the caller has seen another revision of the policy than there is."""
    if seen is not None and seen != layer.policy_revision_id:
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetLayerPolicy API to retrieve the latest Revision Id"
        )
