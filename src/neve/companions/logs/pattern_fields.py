"""Patterns for words between spaces: `[ip, user, ..., status = 4*, bytes > 1000]`.

Text in square brackets or double quotes is one word. The pattern names every word; `...` stands for any number of them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from neve.companions.logs.faults import invalid
from neve.companions.logs.pattern_expression import Condition, Expression, Values

_WORD = re.compile(r"\S+")
_CLOSING = {"[": "]", '"': '"'}
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
        named = _assign(names, list(_words(message)), gaps[0] if gaps else None)
        return named is not None and all(holds(named) for holds in conditions)

    return matches


def _words(message: str) -> Iterator[str]:
    """Each mark that is never closed is looked for once, not once for each time that it is opened."""
    unclosed: set[str] = set()
    position = 0
    while (match := _WORD.search(message, position)) is not None:
        start, mark = match.start(), message[match.start()]
        end = message.find(_CLOSING[mark], start + 1) if mark in _CLOSING and mark not in unclosed else -1
        if end >= 0:
            yield message[start + 1 : end]
            position = end + 1
        else:
            unclosed.add(mark)
            yield match[0]
            position = match.end()


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
