"""Conditions of policy statements: `{"StringEquals": {"aws:SourceAccount": "…"}}`. Source: the policy language of IAM.

All operators and all keys have to hold; of several values of a key, one has to, or none for an operator that says Not.
A key that the call has not does not hold, except for Not and for `…IfExists`.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

_IF_EXISTS = "IfExists"


def like(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern with `*` and `?`."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (".*" if each == "*" else "." if each == "?" else re.escape(each) for each in pattern)
    return re.compile("".join(parts), re.DOTALL)


_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.casefold() == given.casefold(),
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def is_operator(name: str) -> bool:
    """Whether Neve can tell what it means."""
    plain = name.removesuffix(_IF_EXISTS)
    return plain in _COMPARISONS or plain in _NEGATED or name == "Null"


def holds(condition: Mapping[str, Mapping[str, Any]], given: Mapping[str, str]) -> bool:
    """Whether all of it holds for a call; the keys of `given` are in lower case."""
    return all(
        _key_holds(operator, [str(each) for each in _listed(values)], given.get(key.lower()))
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def _key_holds(operator: str, wanted: list[str], given: str | None) -> bool:
    if operator == "Null":
        return (given is None) == (wanted[0].lower() == "true")
    plain = operator.removesuffix(_IF_EXISTS)
    if given is None:
        return plain in _NEGATED or operator.endswith(_IF_EXISTS)
    if plain in _NEGATED:
        return not any(_COMPARISONS[_NEGATED[plain]](each, given) for each in wanted)
    return any(_COMPARISONS[plain](each, given) for each in wanted)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
