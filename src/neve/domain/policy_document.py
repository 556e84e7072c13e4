"""A policy as people write it, and what is the same in the statements of those for functions and those for access keys."""

import json
from collections.abc import Mapping
from typing import Any

from neve.domain.policy_condition import is_operator, like

_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_VERSIONS = ("2012-10-17", "2008-10-17")


class NotAPolicyError(ValueError):
    """Says what is wrong with a text, as the end of a sentence."""


def read_policy(text: str) -> dict[str, Any]:
    """Its elements. NotAPolicyError."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAPolicyError(f"it is no JSON ({error})") from None
    if not isinstance(read, dict):
        raise NotAPolicyError("it is no JSON object")
    unknown = set(read) - _ELEMENTS
    if unknown:
        raise NotAPolicyError(f"it has the unknown element {min(unknown)}")
    if read.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise NotAPolicyError(f"its Version is not {_VERSIONS[0]}")
    return read


def check_condition(given: Any) -> None:
    """Of one statement: operators that Neve knows, each with keys. NotAPolicyError."""
    if not isinstance(given, dict) or not all(isinstance(keys, dict) for keys in given.values()):
        raise NotAPolicyError("the Condition of a statement is no JSON object of JSON objects")
    unknown = [operator for operator in given if not is_operator(operator)]
    if unknown:
        raise NotAPolicyError(f"Neve does not know the condition operator {unknown[0]}")


def listed(value: Any) -> list[Any]:
    """One thing is written without brackets."""
    return value if isinstance(value, list) else [value]


def acts(statement: Mapping[str, Any], action: str) -> bool:
    """Whether a statement is about an action (`lambda:GetFunction`), in whatever capitals."""
    named = listed(statement["Action"] if "Action" in statement else statement["NotAction"])
    return any(like(each.lower(), action.lower()) for each in named) == ("Action" in statement)
