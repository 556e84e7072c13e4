"""Names of functions as callers write them: a name, a partial ARN or an ARN, each with or without a qualifier.

Parsing is on the path of every invocation, so it splits instead of matching and remembers what it saw. The grammar is
the service's pattern (invoke-api facts §3); a test holds the two equal.
"""

from dataclasses import dataclass
from functools import lru_cache

from neve.domain.errors import AccessDenied, InvalidParameterValue, ResourceNotFound, ValidationFailed
from neve.domain.world import World

FUNCTION_NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_NAME = frozenset(_LETTERS + _DIGITS + "-_.")
_QUALIFIER = frozenset(_LETTERS + _DIGITS + "-_")
_PARTITION = frozenset(_LETTERS + "-")
_LOWER = frozenset(_LETTERS[:26])
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class FunctionName:
    """What a caller wrote, taken apart. A part that was not written is None."""

    name: str
    qualifier: str | None = None
    account: str | None = None
    region: str | None = None


@lru_cache(maxsize=_REMEMBERED)
def parse_function_name(text: str) -> FunctionName:
    """Take a name, partial ARN or ARN apart. ValidationFailed with the service's sentence when it is none of them."""
    parts = text.split(":")
    rest = _after_service(parts)
    region = account = None
    if _leads(parts, rest) and _is_region(parts[rest]):
        region = parts[rest]
        rest += 1
    if _leads(parts, rest) and _is_account(parts[rest]):
        account = parts[rest]
        rest += 1
    if _leads(parts, rest) and parts[rest] == "function":
        rest += 1
    named = parts[rest:]
    if not 1 <= len(named) <= 2 or not _is_name(named[0]) or (len(named) == 2 and not _is_qualifier(named[1])):
        raise ValidationFailed(_pattern_text(text))
    return FunctionName(named[0], named[1] if len(named) == 2 else None, account, region)


def qualified(name: FunctionName, qualifier: str | None) -> str | None:
    """The one qualifier of a request that may carry it in the name and beside it. InvalidParameterValue when they differ."""
    if qualifier is None or name.qualifier is None:
        return qualifier or name.qualifier
    if qualifier != name.qualifier:
        raise InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return qualifier


def function_arn(world: World, name: str, qualifier: str | None = None) -> str:
    """The ARN of a function, with the qualifier when there is one."""
    arn = f"arn:aws:lambda:{world.region}:{world.account}:function:{name}"
    return arn if qualifier is None else f"{arn}:{qualifier}"


def check_region(caller: World, name: FunctionName) -> None:
    """Refuse what belongs to another region (ResourceNotFound)."""
    if name.region is not None and name.region != caller.region:
        raise ResourceNotFound(f"Functions from '{name.region}' are not reachable in this region ('{caller.region}')")


def check_reachable(caller: World, name: FunctionName, action: str) -> None:
    """Refuse what belongs to another region (ResourceNotFound) or to another account (AccessDenied).

    `action` is the permission, `lambda:GetFunction` say.
    """
    check_region(caller, name)
    if name.account is not None and name.account != caller.account:
        raise not_allowed(caller, World(name.account, caller.region), name.name, action)


def not_allowed(caller: World, world: World, name: str, action: str) -> AccessDenied:
    """The error for a function of another account, which does not let the caller do that."""
    return AccessDenied(
        f"User: arn:aws:iam::{caller.account}:root is not authorized to perform: {action} on resource: "
        f"{function_arn(world, name)} because no resource-based policy allows the {action} action"
    )


def denied(identity: str, resource: str, action: str) -> AccessDenied:
    """The error for who is kept out by the policy of a function; both are ARNs."""
    return AccessDenied(
        f"User: {identity} is not authorized to perform: {action} on resource: {resource} "
        "with an explicit deny in a resource-based policy"
    )


def not_found(world: World, name: str, qualifier: str | None) -> ResourceNotFound:
    """The error for a function, version or alias that is not there."""
    return ResourceNotFound(f"Function not found: {function_arn(world, name, qualifier)}")


def _after_service(parts: list[str]) -> int:
    """Where the rest begins when the text opens like an ARN of this service."""
    opens = len(parts) > 3 and parts[0] == "arn" and parts[2] == "lambda" and _is_partition(parts[1])
    return 3 if opens else 0


def _leads(parts: list[str], index: int) -> bool:
    """Whether the part at `index` can be a prefix: a name must follow it, and a qualifier is no name."""
    return index + 1 < len(parts) and not parts[index + 1].startswith("$")


def _is_partition(part: str) -> bool:
    return part == "" or (part.startswith("aws") and _PARTITION.issuperset(part))


def _is_account(part: str) -> bool:
    return len(part) == 12 and part.isascii() and part.isdigit()


def _is_region(part: str) -> bool:
    """`xx[-gov|-iso[y]]-word-9`, all lower case, `eusc-` before it in the sovereign cloud."""
    words = part.removeprefix("eusc-").split("-")
    if len(words) == 4:
        partition = words.pop(1)
        if partition not in {"gov", "iso"} and not (
            len(partition) == 4 and partition.startswith("iso") and partition[3] in _LOWER
        ):
            return False
    if len(words) != 3:
        return False
    country, place, number = words
    return (
        len(country) == 2
        and _LOWER.issuperset(country)
        and place != ""
        and _LOWER.issuperset(place)
        and len(number) == 1
        and number in _DIGITS
    )


def _is_name(part: str) -> bool:
    return part != "" and _NAME.issuperset(part)


def _is_qualifier(part: str) -> bool:
    return part in {"$LATEST", "$LATEST.PUBLISHED"} or (part != "" and _QUALIFIER.issuperset(part))


def _pattern_text(text: str) -> str:
    return (
        f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {FUNCTION_NAME_PATTERN}"
    )
