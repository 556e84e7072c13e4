"""What a caller's function name means here: which function, by which qualifier, and whether it can be reached at all."""

from neve.domain import arn as arns
from neve.domain.function import LATEST
from neve.domain.world import World


def wanted(world: World, function_name: str, qualifier: str | None, action: str) -> tuple[str, str | None]:
    """Name and qualifier of what is asked for; `action` is the permission that is named when it is another account's.

    ValidationFailed, InvalidParameterValue (qualifiers differ), ResourceNotFound (region), AccessDenied (account).
    """
    parsed = arns.parse_function_name(function_name)
    if parsed.region is not None or parsed.account is not None:
        arns.check_reachable(world, parsed, action)
    return parsed.name, arns.qualified(parsed, qualifier)


def invoked(caller: World, function_name: str, qualifier: str | None) -> tuple[World, str, str | None]:
    """The world, name and qualifier of what an invocation asks for: that may be another account's, if its policy allows.

    Errors as `wanted`, but for AccessDenied.
    """
    parsed = arns.parse_function_name(function_name)
    world = caller
    if parsed.region is not None or parsed.account is not None:
        arns.check_region(caller, parsed)
        if parsed.account not in (None, caller.account):
            world = World(parsed.account or "", caller.region)
    return world, parsed.name, arns.qualified(parsed, qualifier)


def changed(world: World, function_name: str, action: str) -> str:
    """The name of a function to change. ResourceNotFound for another qualifier than `$LATEST`: that never changes."""
    name, qualifier = wanted(world, function_name, None, action)
    if qualifier not in {None, LATEST}:
        raise arns.not_found(world, name, qualifier)
    return name
