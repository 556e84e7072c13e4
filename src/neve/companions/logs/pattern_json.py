"""Patterns for messages that are JSON: `{ $.user.id = 1 && $.actions[*] = "GET" }`. Other messages never match."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from neve.companions.logs.faults import invalid
from neve.companions.logs.pattern_expression import Expression, Values

_STEP = re.compile(r"\.?\[\s*'([^']*)'\s*\]|\.?\[\s*(\d+)\s*\]|(\.?\[\s*\*\s*\]|\.\*)|\.([\w-]+)")

_Step = str | int | None
"""A member's name, an index, or None for every member or element."""


def compile_json(text: str) -> Callable[[str], bool]:
    """What decides for a pattern in braces."""
    if not text.endswith("}"):
        raise invalid(f"Invalid filter pattern: {text}")
    condition = Expression[Any](text[1:-1], _selector).compile()

    def matches(message: str) -> bool:
        # Most lines are no JSON; not to try them keeps a search fast.
        if not message.lstrip().startswith(("{", "[")):
            return False
        try:
            subject = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return condition(subject)

    return matches


def _selector(text: str) -> Values[Any]:
    if not text.startswith("$"):
        raise invalid(f"Invalid filter pattern: {text}")
    steps = [_step(match) for match in _STEP.finditer(text)]
    return lambda subject: _values(subject, steps)


def _step(match: re.Match[str]) -> _Step:
    quoted, index, every, name = match.groups()
    if every is not None:
        return None
    if index is not None:
        return int(index)
    return quoted if quoted is not None else name


def _values(subject: Any, steps: Sequence[_Step]) -> Iterator[Any]:
    if not steps:
        yield subject
        return
    for value in _children(subject, steps[0]):
        yield from _values(value, steps[1:])


def _children(subject: Any, step: _Step) -> Sequence[Any]:
    if step is None:
        return list(subject.values()) if isinstance(subject, dict) else subject if isinstance(subject, list) else []
    if isinstance(step, int):
        return subject[step : step + 1] if isinstance(subject, list) else []
    return [subject[step]] if isinstance(subject, dict) and step in subject else []
