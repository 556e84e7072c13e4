"""The constraints of the service model, in the service's own sentences (control-api facts §4).

Order of several constraints on one value, as recorded for `layers`: length or value at most, at least, pattern, enum, not
null. Patterns are Java's and have to match the whole value; they are compiled on first use.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from neve.api.model import Shape

NOT_NULL = "Member must not be null"


class Constraint(NamedTuple):
    """A sentence and whether a value breaks it."""

    sentence: str
    broken_by: Callable[[Any], bool]


def of(shape: Shape) -> tuple[Constraint, ...]:
    """What the model asks of a value of this shape, in the service's order."""
    found: list[Constraint] = []
    if shape["type"] in ("integer", "long", "float", "double"):
        found += _bounds(shape, "value", lambda value: value)
    elif shape["type"] != "structure":
        found += _bounds(shape, "length", _length)
    if "pattern" in shape:
        found.append(_pattern(shape["pattern"]))
    if "enum" in shape:
        found.append(_enum(shape["enum"]))
    return tuple(found)


def broken(constraints: Sequence[Constraint], value: Any) -> list[str]:
    """The sentences that a value breaks."""
    return [each.sentence for each in constraints if each.broken_by(value)]


def problem(shown: str | None, path: str, sentence: str) -> str:
    """One sentence of the answer; `shown` None leaves the value out, as the service does for sensitive members."""
    value = "Value" if shown is None else f"Value {shown}"
    return f"{value} at '{path}' failed to satisfy constraint: {sentence}"


def report(problems: Sequence[str]) -> str:
    """The text of a ValidationException."""
    noun = "error" if len(problems) == 1 else "errors"
    return f"{len(problems)} validation {noun} detected: {'; '.join(problems)}"


def text_of(value: Any) -> str:
    """A value as Java prints it: lists `[a, b]`, maps `{k=v}`, booleans and null in lower case."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={text_of(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(text_of, value)) + "]"
    return str(value)


@cache
def java_pattern(pattern: str) -> re.Pattern[str]:
    r"""A Java pattern as one of Python's, to be used with `fullmatch`.

    What differs and occurs in the models: `.` stops at more line ends; `\d \w \s` mean ASCII; a class inside a range
    (`[\w-_]`) is no range; `\p{L}`, `\p{N}` and `\p{Z}`. The models write `\p{L}` and `\p{N}` only together, and with `_`,
    in one class: that is Python's `\w` without ASCII (a test holds them to it).
    """
    unicode = r"\p{" in pattern
    return re.compile(_translate(pattern), 0 if unicode else re.ASCII)


_ANY = r"[^\n\r\u0085\u2028\u2029]"
_PROPERTIES = {"L": r"\w", "N": r"\w", "Z": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"}
_TOKEN = re.compile(r"\\p\{(?P<property>\w)\}|\\.|\[\^?\]?|.", re.DOTALL)


def _translate(pattern: str) -> str:
    parts: list[str] = []
    inside = False
    for token in _TOKEN.finditer(pattern):
        text = token.group()
        if token["property"]:
            text = _PROPERTIES[token["property"]]
        elif text.startswith("[") and not inside:
            inside = True
        elif text == "]":
            inside = False
        elif text == "." and not inside:
            text = _ANY
        elif text == "-" and inside and parts[-1] in (r"\w", r"\d", r"\s"):
            text = r"\-"
        parts.append(text)
    return "".join(parts)


def _bounds(shape: Shape, what: str, measure: Callable[[Any], float]) -> list[Constraint]:
    found = []
    if "max" in shape:
        most = shape["max"]
        found.append(
            Constraint(f"Member must have {what} less than or equal to {most}", lambda value: measure(value) > most)
        )
    if shape.get("min") or (what == "value" and "min" in shape):  # nothing is shorter than nothing
        least = shape["min"]
        found.append(
            Constraint(
                f"Member must have {what} greater than or equal to {least}", lambda value: measure(value) < least
            )
        )
    return found


def _length(value: Any) -> int:
    """Length as Java counts it: a string has UTF-16 units."""
    if isinstance(value, str) and not value.isascii():
        return len(value.encode("utf-16-le", "surrogatepass")) // 2
    return len(value)


def _pattern(pattern: str) -> Constraint:
    return Constraint(
        f"Member must satisfy regular expression pattern: {pattern}",
        lambda value: java_pattern(pattern).fullmatch(value) is None,
    )


def _enum(values: Sequence[str]) -> Constraint:
    known = frozenset(values)
    return Constraint(f"Member must satisfy enum value set: [{', '.join(values)}]", lambda value: value not in known)
