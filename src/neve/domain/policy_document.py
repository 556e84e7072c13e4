"""A policy as people write it, before its statements are looked at: the same for functions and for access keys."""

import json
from typing import Any

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
