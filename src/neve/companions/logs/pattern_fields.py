"""Patterns for words between spaces: `[ip, user, ..., status = 4*, bytes > 1000]`.

Text in square brackets or double quotes is one word. The pattern names every word; `...` stands for any number of them.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from neve.companions.logs.faults import invalid
from neve.companions.logs.pattern_expression import Condition, Expression, Values

_WORD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')
_PART = re.compile(r'(?:"(?:[^"\\]|\\.)*"|%[^%]*%|[^,"%])*')
_NAME = re.compile(r"\$?[\w-]+")
_ELLIPSES = ("...", "…")

_Named = Mapping[str, str]


def compile_fields(text: str) -> Callable[[str], bool]:
    """What decides for a pattern in square brackets."""
    if not text.endswith("]"):
        raise invalid(f"Invalid filter pattern: {text}")
    parts = _split(text[1:-1])
    gaps = [index for index, part in enumerate(parts) if part in _ELLIPSES]
    if len(gaps) > 1:
        raise invalid(f"Invalid filter pattern: {text}")
    names = [_name(part) for part in parts]
    conditions = [_condition(part) for part in parts if part and part not in _ELLIPSES and not _NAME.fullmatch(part)]

    def matches(message: str) -> bool:
        words = [next(group for group in match.groups() if group is not None) for match in _WORD.finditer(message)]
        named = _assign(names, words, gaps[0] if gaps else None)
        return named is not None and all(holds(named) for holds in conditions)

    return matches


def _split(text: str) -> list[str]:
    parts = []
    position = 0
    while True:
        match = _PART.match(text, position)
        end = match.end() if match else position
        parts.append(text[position:end].strip())
        if end >= len(text):
            return parts
        if text[end] != ",":
            raise invalid(f"Invalid filter pattern: [{text}]")
        position = end + 1


def _name(part: str) -> str:
    """The field that a part speaks of: its first name."""
    found = _NAME.search(part)
    return found[0] if found and part not in _ELLIPSES else ""


def _condition(part: str) -> Condition[_Named]:
    return Expression[_Named](part, _field).compile()


def _field(name: str) -> Values[_Named]:
    return lambda named: [named[name]] if name in named else []


def _assign(names: Sequence[str], words: Sequence[str], gap: int | None) -> _Named | None:
    """Names to words; None when their numbers do not fit."""
    if gap is None:
        return dict(zip(names, words, strict=True)) if len(names) == len(words) else None
    tail = len(names) - gap - 1
    if len(words) < gap + tail:
        return None
    named = dict(zip(names[:gap], words[:gap], strict=True))
    return named | dict(zip(names[gap + 1 :], words[len(words) - tail :], strict=True))
