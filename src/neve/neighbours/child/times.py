"""Times and places as AWS writes them into events."""

from datetime import UTC, datetime
from typing import Any


def milliseconds(at: datetime | None = None) -> str:
    """`2025-11-24T23:21:20.123Z`, now if nothing else is said."""
    return f"{(at or datetime.now(UTC)).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def seconds(at: Any) -> str:
    """`2025-11-24T23:21:20Z` of seconds since the epoch, of a datetime, or of a text that says it already."""
    if isinstance(at, int | float):
        at = datetime.fromtimestamp(at, UTC)
    if isinstance(at, datetime):
        return f"{at.astimezone(UTC).isoformat(timespec='seconds').removesuffix('+00:00')}Z"
    return str(at)
