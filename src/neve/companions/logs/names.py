"""How requests name log groups, and the ARNs that answers carry."""

import re
from collections.abc import Mapping
from typing import Any

from neve.companions.logs.faults import invalid, no_group
from neve.domain.world import World

_ARN = re.compile(r"arn:aws[\w-]*:logs:([\w-]+):(\d{12}):log-group:([^:]+)(?::\*)?")


def group_arn(world: World, name: str) -> str:
    """The ARN without the trailing `:*`."""
    return f"arn:aws:logs:{world.region}:{world.account}:log-group:{name}"


def stream_arn(world: World, group: str, name: str) -> str:
    """The ARN of a stream."""
    return f"{group_arn(world, group)}:log-stream:{name}"


def asked_group(world: World, members: Mapping[str, Any]) -> str:
    """The group of `logGroupName` or `logGroupIdentifier`, of which exactly one must be given."""
    name, identifier = members.get("logGroupName"), members.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if name is None and identifier is None:
        raise invalid("Either logGroupName or logGroupIdentifier must be specified.")
    return str(name) if name is not None else named_by(world, str(identifier))


def named_by(world: World, identifier: str) -> str:
    """The name in a name or an ARN. ResourceNotFound for an ARN of another account or region: nothing is linked here."""
    if not identifier.startswith("arn:"):
        return identifier
    match = _ARN.fullmatch(identifier)
    if match is None:
        raise invalid("The specified log group identifier is not a valid name or ARN.")
    if (match[2], match[1]) != (world.account, world.region):
        raise no_group()
    return match[3]
