"""Conditions inside `{ … }` and `[ … ]`: comparisons joined by `&&` and `||` (`&&` binds tighter), with parentheses.

What an operand means is the caller's: a JSON selector finds any number of values, a field name one word. A condition holds
when one of the values found fulfils it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import re2

from neve.companions.logs.faults import invalid

T = TypeVar("T")
Condition = Callable[[T], bool]
Values = Callable[[T], Iterable[Any]]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<regex>%[^%]*%)
      | (?P<sign>&&|\|\||<=|>=|!=|[=<>()])
      | (?P<selector>\$(?:\.?\[\s*'[^']*'\s*\]|\.?\[\s*(?:\d+|\*)\s*\]|\.[\w-]+|\.\*)*)
      | (?P<word>[^\s"%()&|=<>!]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
# Nothing here may match one text in two ways: messages are a quarter of a megabyte of whatever a function prints.
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_REGEX = re.compile(r"[A-Za-z0-9:_#=@/;,\-\s^$?\[\]{}|\\*+.!]*")
_QUIET = re2.Options()
_QUIET.log_errors = False
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


class Expression(Generic[T]):
    """A parser of one expression. `operand` turns a selector or a name into what finds its values in a `T`."""

    def __init__(self, text: str, operand: Callable[[str], Values[T]]) -> None:
        self._text = text
        self._operand = operand
        self._tokens = _tokens(text)
        self._next = 0

    def compile(self) -> Condition[T]:
        """The whole text as one condition. InvalidParameterException when it is none."""
        condition = self._any()
        if self._peek():
            raise self._wrong()
        return condition

    def _any(self) -> Condition[T]:
        conditions = [self._all()]
        while self._peek() == "||":
            self._take()
            conditions.append(self._all())
        return conditions[0] if len(conditions) == 1 else lambda subject: any(holds(subject) for holds in conditions)

    def _all(self) -> Condition[T]:
        conditions = [self._one()]
        while self._peek() == "&&":
            self._take()
            conditions.append(self._one())
        return conditions[0] if len(conditions) == 1 else lambda subject: all(holds(subject) for holds in conditions)

    def _one(self) -> Condition[T]:
        if self._peek() != "(":
            return self._comparison()
        self._take()
        condition = self._any()
        if self._take() != ")":
            raise self._wrong()
        return condition

    def _comparison(self) -> Condition[T]:
        values = self._operand(self._take())
        sign = self._take().upper()
        operand = self._take()
        if sign == "NOT" and operand.upper() == "EXISTS":
            return lambda subject: not any(True for _ in values(subject))
        holds = self._test(sign, operand)
        return lambda subject: any(holds(value) for value in values(subject))

    def _test(self, sign: str, operand: str) -> Callable[[Any], bool]:
        if sign == "IS":
            return self._is(operand.upper())
        if sign in _ORDER and _NUMBER.fullmatch(operand):
            return _ordered(_ORDER[sign], float(operand))
        if sign in ("=", "!="):
            return _equal(operand, wanted=sign == "=")
        raise self._wrong()

    def _is(self, operand: str) -> Callable[[Any], bool]:
        constants = {"NULL": None, "TRUE": True, "FALSE": False}
        if operand not in constants:
            raise self._wrong()
        return lambda value: value is constants[operand]

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise self._wrong()
        self._next += 1
        return token

    def _wrong(self) -> Exception:
        return invalid(f"Invalid filter pattern: {self._text}")


def _tokens(text: str) -> list[str]:
    found = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise invalid(f"Invalid filter pattern: {text}")
        found.append(match[0].strip())
        position = match.end()
    return found


def _ordered(compare: Callable[[float, float], bool], limit: float) -> Callable[[Any], bool]:
    def holds(value: object) -> bool:
        number = _number(value)
        return number is not None and compare(number, limit)

    return holds


def _equal(operand: str, wanted: bool) -> Callable[[Any], bool]:
    """`=` and `!=` look at strings and numbers only: an object, an array, a null fits neither (guide)."""
    equals = _equality(operand)

    def holds(value: object) -> bool:
        return isinstance(value, str | int | float) and equals(value) is wanted

    return holds


def _equality(operand: str) -> Callable[[Any], bool]:
    if operand.startswith("%"):
        has = compile_regex(operand[1:-1])
        return lambda value: has(_text(value))
    if _NUMBER.fullmatch(operand):
        number = float(operand)
        return lambda value: _number(value) == number if not isinstance(value, str) else _same(value, operand, number)
    wanted = unquote(operand) if operand.startswith('"') else operand
    return _wildcard(wanted)


def _same(value: str, operand: str, number: float) -> bool:
    return value == operand or _number(value) == number


def _wildcard(wanted: str) -> Callable[[Any], bool]:
    """`*` stands for any text at the start and at the end of a string, and for itself elsewhere."""
    core = wanted.removeprefix("*").removesuffix("*")
    open_start, open_end = wanted.startswith("*"), wanted.endswith("*")
    if open_start and open_end:
        return lambda value: core in _text(value)
    if open_start:
        return lambda value: _text(value).endswith(core)
    if open_end:
        return lambda value: _text(value).startswith(core)
    return lambda value: _text(value) == wanted


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def unquote(quoted: str) -> str:
    """The text of a string in double quotes; a backslash takes the next character as it is."""
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)


def compile_regex(text: str) -> Callable[[str], bool]:
    """Whether a message has what a regular expression between `%` describes; the guide allows no groups.

    In time that grows with the message and no faster, whatever the expression: the caller's text must not stop the server.
    """
    if not text or not _REGEX.fullmatch(text):
        raise invalid(f"Invalid regular expression in filter pattern: {text}")
    try:
        regex = re2.compile(text, _QUIET)
    except re2.error as error:
        raise invalid(f"Invalid regular expression in filter pattern: {text}") from error
    return lambda message: regex.search(_valid(message)) is not None


def _valid(message: str) -> str:
    """Lone surrogates are no UTF-8."""
    return message if message.isascii() else message.encode("utf-8", "replace").decode()
