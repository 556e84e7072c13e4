"""Publishing: `$LATEST` becomes a numbered version, which never changes again.

Numbers count up by one for each name and are never given twice, also not after a deletion. A version that would be the
same as the last one is not made: the last one is given instead.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from neve.domain.errors import InvalidParameterValue
from neve.domain.function import CREATING, LATEST, Function, RecursiveLoop, RuntimeUpdates, ScalingLimits

_NOT_CONFIGURED = frozenset(
    {
        "version",
        "revision_id",
        "last_modified_ms",
        "tags",
        "recursive_loop",
        "state",
        "state_reason",
        "state_reason_code",
        "last_update_status",
        "last_update_reason",
        "last_update_reason_code",
        "published_from",
        "policy",
        "runtime_updates",
        "code_signing_arn",
        "scaling",
    }
)
"""Members of a Function that are no part of what is published."""


def is_number(qualifier: str) -> bool:
    """Whether a qualifier means a published version. Alias names are never all digits."""
    return qualifier.isascii() and qualifier.isdigit()


def number_of(function: Function) -> int:
    """Where a version stands among those of its function: `$LATEST` first, then by number."""
    return 0 if function.version == LATEST else int(function.version)


def published(latest: Function, number: int, description: str | None, revision_id: str) -> Function:
    """The version that `$LATEST` becomes, on its way to be made ready. What belongs to the function stays there."""
    return replace(
        latest,
        version=str(number),
        revision_id=revision_id,
        description=latest.description if description is None else description,
        tags={},
        recursive_loop=RecursiveLoop.TERMINATE,
        state="Pending",
        state_reason=CREATING,
        state_reason_code="Creating",
        last_update_status=None,
        last_update_reason=None,
        last_update_reason_code=None,
        published_from=digest(latest),
        policy=None,
        runtime_updates=RuntimeUpdates(),
        code_signing_arn=None,
        scaling=ScalingLimits(),
    )


def is_unchanged(latest: Function, version: Function) -> bool:
    """Whether `$LATEST` is still what this version was made from. A description given only to the version is no change."""
    return version.published_from == digest(latest)


def digest(latest: Function) -> str:
    """The SHA-256 of code and configuration, in hex."""
    configured = {each.name: getattr(latest, each.name) for each in fields(latest) if each.name not in _NOT_CONFIGURED}
    return hashlib.sha256(json.dumps(_plain(configured), sort_keys=True, default=str).encode()).hexdigest()


def check_code(latest: Function, sha256: str | None) -> None:
    """InvalidParameterValue when the caller wants to publish other code than `$LATEST` has."""
    if sha256 and sha256 != latest.code.sha256:
        raise InvalidParameterValue(
            f"CodeSHA256 ({sha256}) is different from current CodeSHA256 in $LATEST ({latest.code.sha256}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )


def _plain(value: Any) -> Any:
    """Records and mappings as dicts: the same digest before and after a way through the disk."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
