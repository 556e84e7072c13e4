"""Events in, results out: JSON as simplejson writes it, with the standard library (facts §2).

Decimal becomes its literal, NaN is allowed, tuples are arrays, named tuples objects; from Python 3.12 on non-ASCII
characters stay as they are.
"""

from __future__ import annotations

import json
import os
import sys

from . import identifier
from .faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LEAVES = frozenset((str, int, float, bool, type(None)))
_PLAIN = (dict, list, tuple)


def read_event(body: bytes) -> Any:
    """The event as the handler gets it. Fault when it is no JSON."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None


def write_result(value: Any) -> bytes:
    """The bytes of a handler's result. Fault when it cannot be JSON."""
    if isinstance(value, bytes):
        return value
    try:
        return encode(value).encode()
    except Exception as error:  # a user's own `__iter__` or `_asdict` may raise anything
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def encode(value: Any) -> str:
    """JSON text as simplejson would write it. TypeError or ValueError when there is none."""
    if _has_odd_containers(value):
        value = _with_objects(value, set())
    literals = _Literals()
    text = json.dumps(value, ensure_ascii=identifier.minor() < 12, default=literals.replace)
    return literals.put_back(text)


class _Literals:
    """Numbers that the standard encoder cannot write: a random mark goes in their place, the literal replaces it."""

    def __init__(self) -> None:
        self._mark = ""
        self._literals: list[str] = []

    def replace(self, value: Any) -> Any:
        """The `default` of the encoder."""
        decimal = sys.modules.get("decimal")  # not loaded: nothing can be one
        if decimal is not None and isinstance(value, decimal.Decimal):
            return self._keep(str(value))
        if isinstance(value, (bytes, bytearray)):
            return str(value, "utf-8")
        if callable(getattr(value, "_asdict", None)):
            return value._asdict()
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")

    def _keep(self, literal: str) -> str:
        self._mark = self._mark or "neve-literal-" + os.urandom(16).hex() + ":"
        self._literals.append(literal)
        return self._mark + str(len(self._literals) - 1)

    def put_back(self, text: str) -> str:
        """The text with every mark replaced."""
        if not self._literals:
            return text
        import re

        return re.sub('"' + self._mark + '([0-9]+)"', lambda found: self._literals[int(found.group(1))], text)


def _has_odd_containers(value: Any) -> bool:
    """Whether something inside is a named tuple or has a Decimal key: what the encoder would take for something else."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if id(item) in seen or not isinstance(item, _PLAIN):
            continue
        seen.add(id(item))
        if _is_odd(item):
            return True
        inner = item.values() if isinstance(item, dict) else item
        if not _LEAVES.issuperset(map(type, inner)):  # at C speed: most containers hold leaves only
            stack.extend(inner)
    return False


def _is_odd(item: Any) -> bool:
    if isinstance(item, dict):
        return not _LEAVES.issuperset(map(type, item))
    return callable(getattr(item, "_asdict", None))


def _with_objects(value: Any, path: set[int]) -> Any:
    """A copy in which named tuples are dicts and keys are what simplejson makes of them. ValueError for a circle."""
    if not isinstance(value, _PLAIN):
        return value
    if id(value) in path:
        raise ValueError("Circular reference detected")
    path.add(id(value))
    try:
        as_object = getattr(value, "_asdict", None)
        if callable(as_object):
            value = as_object()
        if isinstance(value, dict):
            return {_key(key): _with_objects(inner, path) for key, inner in value.items()}
        return [_with_objects(inner, path) for inner in value]
    finally:
        path.discard(id(value))


def _key(key: Any) -> Any:
    decimal = sys.modules.get("decimal")
    if isinstance(key, bytes):
        return str(key, "utf-8")
    if decimal is not None and isinstance(key, decimal.Decimal):
        return str(key)
    return key
