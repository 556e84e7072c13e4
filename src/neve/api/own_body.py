"""What is sent to our own API: one JSON object."""

import json
from typing import Any

from neve.domain.errors import InvalidParameterValue


def members_of(body: bytes, ask: str, *needed: str) -> dict[str, Any]:
    """Its members. InvalidParameterValue, which is `ask`, for anything else, and when one that is needed is not there."""
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict) or not members.keys() >= set(needed):
        raise InvalidParameterValue(ask)
    return members
