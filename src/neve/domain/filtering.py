"""Event patterns: which records of a source reach the function. Source: concurrency-scaling facts §5.

A pattern is a JSON object: every key has to match; a list at its end holds alternatives, of which one has to. Strings are
compared exactly, numbers by their text (300 is not 300.0) unless the operator is numeric: read events with `read`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

Pattern = Mapping[str, Any]
_MISSING = object()


class Numeral(float):
    """A number that knows how it was written."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class InvalidPattern(ValueError):
    """A text that is no pattern."""


def read(text: str | bytes) -> Any:
    """A JSON text as it can be matched. ValueError for another."""
    return json.loads(text, parse_int=Numeral, parse_float=Numeral)


def parse(text: str) -> Pattern:
    """The pattern of a text. InvalidPattern."""
    try:
        pattern = read(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPattern(str(error)) from error
    _check_object(pattern)
    return pattern  # type: ignore[no-any-return]


def matches(pattern: Pattern, event: Any) -> bool:
    """Whether an event (or a part of one) passes."""
    return all(_key_matches(key, wanted, event) for key, wanted in pattern.items())


def _key_matches(key: str, wanted: Any, event: Any) -> bool:
    if key == "$or":
        return any(matches(each, event) for each in wanted)
    value = event.get(key, _MISSING) if isinstance(event, Mapping) else _MISSING
    if isinstance(wanted, Mapping):
        parts: list[Any] = value if isinstance(value, list) else [value]
        return any(matches(wanted, each) for each in parts)
    return any(_alternative(each, value) for each in wanted)


def _alternative(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        operator, operand = next(iter(wanted.items()))
        if operator == "exists":
            return bool(operand) == (value is not _MISSING and not isinstance(value, Mapping))
        return any(_OPERATORS[operator](operand, each) for each in _values(value))
    return any(_equal(wanted, each) for each in _values(value))


def _values(value: Any) -> list[Any]:
    """What may match at the end of a path: every element of a list, nothing of an object."""
    if value is _MISSING or isinstance(value, Mapping):
        return []
    return value if isinstance(value, list) else [value]


def _equal(wanted: Any, value: Any) -> bool:
    if _is_number(wanted) and _is_number(value):
        return _written(wanted) == _written(value)
    return type(wanted) is type(value) and bool(wanted == value)


def _written(number: float) -> str:
    return number.text if isinstance(number, Numeral) else json.dumps(number)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# Operators: does it match, and is its operand one.


def _listed(operand: Any) -> list[Any]:
    return operand if isinstance(operand, list) else [operand]


def _anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        operator, inner = next(iter(operand.items()))
        return not any(_OPERATORS[operator](each, value) for each in _listed(inner))
    return not any(_equal(each, value) for each in _listed(operand))


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def _numeric(operand: Any, value: Any) -> bool:
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return _is_number(value) and all(_COMPARISONS[sign](value, bound) for sign, bound in pairs)


def _text(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """A comparison of texts, or, for an operand that says so, of texts whose case is ignored."""

    def compared(operand: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(operand, Mapping):
            return compare(value.casefold(), operand["equals-ignore-case"].casefold())
        return compare(value, operand)

    return compared


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals-ignore-case": _text(lambda value, operand: value.casefold() == operand.casefold()),
    "prefix": _text(str.startswith),
    "suffix": _text(str.endswith),
    "anything-but": _anything_but,
    "numeric": _numeric,
}


def _check_object(pattern: Any) -> None:
    if not isinstance(pattern, dict) or not pattern:
        raise InvalidPattern("a pattern is an object with keys")
    for key, wanted in pattern.items():
        if key == "$or":
            _check_or(wanted)
        elif isinstance(wanted, dict):
            _check_object(wanted)
        elif isinstance(wanted, list) and wanted:
            for each in wanted:
                _check_alternative(each)
        else:
            raise InvalidPattern(f"{key} has neither a list of alternatives nor an object")


def _check_or(wanted: Any) -> None:
    if not isinstance(wanted, list) or len(wanted) < 2:
        raise InvalidPattern("$or is a list of patterns")
    for each in wanted:
        _check_object(each)


def _check_alternative(wanted: Any) -> None:
    if isinstance(wanted, list):
        raise InvalidPattern("an alternative is no list")
    if not isinstance(wanted, dict):
        return
    if len(wanted) != 1:
        raise InvalidPattern("an alternative has one operator")
    operator, operand = next(iter(wanted.items()))
    if not _OPERANDS.get(operator, lambda given: False)(operand):
        raise InvalidPattern(f"{operator} is no operator, or has no operand of its kind")


def _is_text(operand: Any) -> bool:
    return isinstance(operand, str)


def _is_affix(operand: Any) -> bool:
    return _is_text(operand) or (
        isinstance(operand, dict)
        and list(operand) == ["equals-ignore-case"]
        and _is_text(operand["equals-ignore-case"])
    )


def _is_excluded(operand: Any) -> bool:
    if isinstance(operand, dict):
        operator, inner = next(iter(operand.items()), ("", None))
        known = len(operand) == 1 and operator in ("prefix", "suffix", "equals-ignore-case")
        return known and inner != [] and all(map(_is_text, _listed(inner)))
    return operand != [] and all(_is_text(each) or _is_number(each) for each in _listed(operand))


def _is_range(operand: Any) -> bool:
    return (
        isinstance(operand, list)
        and len(operand) in (2, 4)
        and all(sign in _COMPARISONS for sign in operand[::2])
        and all(_is_number(bound) for bound in operand[1::2])
    )


_OPERANDS: Mapping[str, Callable[[Any], bool]] = {
    "exists": lambda operand: isinstance(operand, bool),
    "equals-ignore-case": _is_text,
    "prefix": _is_affix,
    "suffix": _is_affix,
    "anything-but": _is_excluded,
    "numeric": _is_range,
}
