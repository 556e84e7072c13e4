"""What IAM calls an operation, and the resource that it is about: what a key's policy is asked for.

The resource is read from the members that name it, so nobody types it operation by operation. Source: AWS, "Service
Authorization Reference" (Lambda, CloudWatch Logs).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from neve.api import model, visitor
from neve.domain import arn as arns
from neve.domain.permission import INVOKE_URL
from neve.domain.world import World

_OTHERWISE_NAMED = {
    "Invoke": "InvokeFunction",
    "InvokeAsync": "InvokeFunction",
    "InvokeWithResponseStream": "InvokeFunction",
    "GetLayerVersionByArn": "GetLayerVersion",
}
# They name a function only as a filter, or have no resource on AWS.
_ABOUT_NOTHING = frozenset({"CreateEventSourceMapping", "ListEventSourceMappings", "CreateCodeSigningConfig"})
_ARNS = ("CodeSigningConfigArn", "ResourceArn", "Resource", "Arn")


def asked(service: str, operation: str, members: Mapping[str, Any], world: World) -> tuple[str, str]:
    """Action and resource. ValidationFailed for a function name that is none."""
    action = f"{service}:{_OTHERWISE_NAMED.get(operation, operation)}"
    resource = _of_logs(members, world) if service == "logs" else _in_partition(_of_lambda(operation, members, world))
    return action, resource


@cache
def names() -> Mapping[str, str]:
    """Every action that is ever asked for, by its name and by that of its operation, in lower case."""
    named = {
        f"{service}:{operation}": f"{service}:{_OTHERWISE_NAMED.get(operation, operation)}"
        for service in ("lambda", "logs")
        for operation in model.load(service).operations
    }
    actions = {*named.values(), *visitor.ACTIONS.values(), INVOKE_URL}
    return {name.lower(): action for name, action in [*named.items(), *((each, each) for each in actions)]}


def _of_lambda(operation: str, members: Mapping[str, Any], world: World) -> str:
    prefix = f"arn:aws:lambda:{world.region}:{world.account}"
    if operation in _ABOUT_NOTHING:
        return "*"
    if "UUID" in members:
        return f"{prefix}:event-source-mapping:{members['UUID']}"
    if "FunctionName" in members:
        return _function(str(members["FunctionName"]), members.get("Qualifier"), world)
    if "LayerName" in members:
        name = str(members["LayerName"])
        layer = name if name.startswith("arn:") else f"{prefix}:layer:{name}"
        return f"{layer}:{members['VersionNumber']}" if "VersionNumber" in members else layer
    if "CapacityProviderName" in members:
        return f"{prefix}:capacity-provider:{members['CapacityProviderName']}"
    return next((str(members[name]) for name in _ARNS if name in members), "*")


def _in_partition(resource: str) -> str:
    """The operations take every partition for ours: a statement about ours is about what is written so, too."""
    opening, mark, rest = resource.partition(":lambda:")
    return f"arn:aws:lambda:{rest}" if mark and opening.startswith("arn:") else resource


def _function(text: str, qualifier: Any, world: World) -> str:
    name = arns.parse_function_name(text)
    there = World(name.account or world.account, name.region or world.region)
    return arns.function_arn(there, name.name, name.qualifier or (str(qualifier) if qualifier else None))


def _of_logs(members: Mapping[str, Any], world: World) -> str:
    if "resourceArn" in members:
        return str(members["resourceArn"])
    group = members.get("logGroupName") or members.get("logGroupIdentifier")
    if group is None:
        return "*"
    name = str(group).removesuffix(":*").partition(":log-group:")[2] or str(group)
    return f"arn:aws:logs:{world.region}:{world.account}:log-group:{name}:log-stream:{members.get('logStreamName', '')}"
