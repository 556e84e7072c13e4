r"""What the service's JSON parser says about bytes that are not JSON (invoke-api facts §4).

The service parses events with Jackson, and its callers see Jackson's sentences. This is a plain recognizer that walks the
bytes as Jackson's byte parser does, because the text, the line and the column follow from *how* it reads: which byte it had
taken when it gave up. It is for bytes that a fast parser has refused already; megabytes take seconds, so call it off the
event loop when the body is large. Deep nesting costs eight bytes a level and no recursion.

Where Jackson is more lenient than JSON, so is this: it stops after the first value (a number needs white space behind it),
takes a byte order mark, lone surrogate escapes, and UTF-8 that is overlong. Its limits on depth (1,000) and on the length of
numbers and names are left out: no recording shows whether the service keeps them. Input is taken as UTF-8 only.
"""

import re
import unicodedata
from array import array
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

BODY_PREFIX = "Could not parse request body into json: "
PAYLOAD_PREFIX = "Could not parse payload into json: "


class Era(Enum):
    """Which Jackson the service ran: since about 2024, from 2021 on, and until 2020."""

    CURRENT = "2.18"
    JACKSON_2_12 = "2.12"
    JACKSON_2_9 = "2.9"


def explain(body: bytes, era: Era = Era.CURRENT) -> str | None:
    """The parser's message with its location; None when `body` begins with one JSON value or holds only white space."""
    try:
        _Parser(body, _WORDS[era]).check()
    except _Refused as refused:
        return str(refused)
    return None


def invalid_request_text(body: bytes, era: Era = Era.CURRENT) -> str | None:
    """The whole text of the InvalidRequestContentException of an Invoke, or None as `explain`."""
    message = explain(body, era)
    return None if message is None else _WORDS[era].prefix + message


class _Refused(Exception):
    """The parser gave up; the text is the message."""


@dataclass(frozen=True, slots=True)
class _Words:
    """How one era speaks and counts.

    `steps_back`: an unexpected character is located at itself, not one past it. `shifts`: each attempt to load more input
    at its end moved the column by the length of the input. `plus`: knows numbers that begin with a plus
    sign or a period, and refuses them as such.
    """

    prefix: str
    tokens: str
    after_literal: str
    values: str
    feature: str
    quotes_source: bool
    steps_back: bool
    shifts: bool
    plus: bool


_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_OLD_FEATURE = "enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow"
_WORDS = {
    Era.CURRENT: _Words(
        prefix=BODY_PREFIX + PAYLOAD_PREFIX,
        tokens=_EXPECTED,
        after_literal=_EXPECTED,
        values=_EXPECTED,
        feature="enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow",
        quotes_source=False,
        steps_back=True,
        shifts=False,
        plus=True,
    ),
    Era.JACKSON_2_12: _Words(
        prefix=BODY_PREFIX + PAYLOAD_PREFIX,
        tokens=_EXPECTED,
        after_literal=_EXPECTED,
        values=_EXPECTED,
        feature=_OLD_FEATURE,
        quotes_source=True,
        steps_back=False,
        shifts=False,
        plus=False,
    ),
    Era.JACKSON_2_9: _Words(
        prefix=BODY_PREFIX,
        tokens="('true', 'false' or 'null')",
        after_literal="'null', 'true', 'false' or NaN",
        values="(number, String, array, object, 'true', 'false' or 'null')",
        feature=_OLD_FEATURE,
        quotes_source=True,
        steps_back=False,
        shifts=True,
        plus=False,
    ),
}

_QUOTED_BYTES = 500
_TOKEN_LENGTH = 256
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LITERALS = {
    ord("t"): (b"true", "VALUE_TRUE"),
    ord("f"): (b"false", "VALUE_FALSE"),
    ord("n"): (b"null", "VALUE_NULL"),
}
_DIGITS = re.compile(rb"[0-9]*")
_HEX = re.compile(rb"[0-9A-Fa-f]{0,4}")
_SPACE = re.compile(rb"[ \t\r\n]*")
_ESCAPE = rb'\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4}'
_WIDE = rb"[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3}"
# Bounded, and matched again and again: the engine remembers every step of a repetition. (Possessive ones, which would not,
# are wrong in Python 3.11 before 3.11.3.)
_STEPS = rb"{0,10000}"
_IN_STRING = re.compile(rb'(?:[^"\\\x00-\x1f\x80-\xff]+|' + _ESCAPE + rb"|" + _WIDE + rb")" + _STEPS)
_IN_NAME = re.compile(rb'(?:[^"\\\x00-\x1f]+|' + _ESCAPE + rb")" + _STEPS)
_UTF8 = re.compile(rb"(?:[\x00-\x7f]+|" + _WIDE + rb")" + _STEPS)


class _Parser:
    """One pass over the bytes. `at` is one past the byte taken last, as in Jackson: columns come from it."""

    def __init__(self, data: bytes, words: _Words) -> None:
        self._data = data
        self._size = len(data)
        self._words = words
        self._at = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
        self._rows_end = 0  # line ends are counted up to here: only those that were skipped as white space
        self._loads = 0  # vain attempts to load more input
        self._open = array("q")  # where containers start: twice the position, plus one for an object
        self._first = True  # no entry of the innermost container was read yet
        self._token: str | None = None  # what was read before: some messages name it

    def check(self) -> None:
        """Read one value; _Refused when it cannot be read."""
        char = self._skip_space()
        if char < 0:
            return
        if char in b"]}":
            self._mismatched(char)
        self._value(char)
        while self._open:
            self._entry()

    # Containers.

    def _entry(self) -> None:
        char = self._skip_space()
        if char < 0:
            self._end(f": expected close marker for {self._kind()} (start marker at {self._start()})")
        if char in b"]}":
            self._close(char)
            return
        if not self._first:
            if char != ord(","):
                self._unexpected(char, f"was expecting comma to separate {self._kind()} entries")
            char = self._skip_space_inside()
        if self._open[-1] & 1:
            self._name(char)
            char = self._skip_colon()
        self._value(char)

    def _close(self, char: int) -> None:
        if (char == ord("}")) != bool(self._open[-1] & 1):
            self._mismatched(char)
        self._open.pop()
        self._done("END_OBJECT" if char == ord("}") else "END_ARRAY")

    def _open_container(self, char: int) -> None:
        is_object = char == ord("{")
        self._open.append((self._at - 1) * 2 + is_object)
        self._token = "START_OBJECT" if is_object else "START_ARRAY"
        self._first = True

    def _done(self, token: str) -> None:
        self._token = token
        self._first = False

    def _kind(self) -> str:
        if not self._open:
            return "root"
        return "Object" if self._open[-1] & 1 else "Array"

    def _start(self) -> str:
        """The location of the innermost container's first character; the root has a column of its own."""
        if not self._open:
            return self._location(1, 0)
        position = self._open[-1] >> 1
        line, row = self._row(position)
        return self._location(line, position - row + 1)

    # What stands between tokens.

    def _skip_space(self) -> int:
        """The next character, or -1 at the end."""
        self._at = self._rows_end = _end_of(_SPACE, self._data, self._at)
        if self._at == self._size:
            self._loads += 1
            return -1
        char = self._take()
        if char < 0x20:
            text = f"Illegal character ({_described(char)}): only regular white space (\\r, \\n, \\t) is allowed between tokens"
            self._refuse(text, step_back=True)
        if char == ord("/"):
            self._unexpected(
                char,
                "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)",
            )
        return char

    def _skip_space_inside(self) -> int:
        """The next character; the end is an error here."""
        char = self._skip_space()
        if char < 0:
            self._end(f" within/between {self._kind()} entries")
        return char

    def _skip_colon(self) -> int:
        char = self._skip_space_inside()
        if char != ord(":"):
            self._unexpected(char, "was expecting a colon to separate field name and value")
        return self._skip_space_inside()

    # Values.

    def _value(self, char: int) -> None:
        if char == ord('"'):
            self._string()
        elif char in b"{[":
            self._open_container(char)
        elif char in _LITERALS:
            word, token = _LITERALS[char]
            self._literal(word, 1)
            self._done(token)
        elif char == ord("-"):
            self._negative()
        elif char in b"0123456789":
            self._number(char)
        else:
            self._no_value(char)

    def _no_value(self, char: int) -> NoReturn:
        if char in b",}" or (char == ord("]") and self._kind() == "Array"):
            self._unexpected(char, "expected a value")
        if char == ord("N"):
            self._non_standard(b"NaN", 1)
        if char == ord("I"):
            self._non_standard(b"Infinity", 1)
        if char == ord("+"):
            if self._at == self._size:
                self._loads += 1
                self._end(" in a Number value")
            self._bad_number_start(self._take(), negative=False)
        if _starts_identifier(char):
            self._unrecognized(chr(char), self._words.tokens)
        self._unexpected(char, f"expected a valid value {self._words.values}")

    def _literal(self, word: bytes, known: int) -> None:
        """Read the rest of a word whose first `known` letters are there; nothing that continues a name may follow it."""
        for index in range(known, len(word)):
            if self._at == self._size:
                self._loads += 1
                self._unrecognized(word[:index].decode(), self._words.after_literal)
            if self._data[self._at] != word[index]:
                self._unrecognized(word[:index].decode(), self._words.after_literal)
            self._at += 1
        if self._at == self._size:
            self._loads += 1
            return
        char = self._data[self._at]
        if char >= ord("0") and char not in b"]}" and _continues_identifier(self._decode(char)):
            self._unrecognized(word.decode(), self._words.after_literal)

    def _non_standard(self, word: bytes, known: int) -> NoReturn:
        self._literal(word, known)
        self._refuse(f"Non-standard token '{word.decode()}': {self._words.feature}")

    def _unrecognized(self, read: str, expected: str) -> NoReturn:
        """Read on while it looks like a name, to tell the whole of it."""
        while True:
            if self._at == self._size:
                self._loads += 1
                break
            char = self._decode(self._take()) & 0xFFFF
            if not _continues_identifier(char):
                break
            read += chr(char)
            if len(read) >= _TOKEN_LENGTH:
                read += "..."
                break
        self._refuse(f"Unrecognized token '{read}': was expecting {expected}")

    # Numbers.

    def _negative(self) -> None:
        char = self._take_more()
        if char == ord(".") and self._words.plus:
            self._no_value(char)
        if char not in b"0123456789":
            self._bad_number_start(char, negative=True)
        self._number(char)

    def _number(self, char: int) -> None:
        if char == ord("0"):
            self._refuse_leading_zero()
        self._at = _end_of(_DIGITS, self._data, self._at)
        token = "VALUE_NUMBER_INT"
        if self._at == self._size:
            self._loads += 1
        elif self._data[self._at] in b".eE":
            self._float(self._take())
            token = "VALUE_NUMBER_FLOAT"
        else:
            self._separate_at_root()
        self._done(token)

    def _refuse_leading_zero(self) -> None:
        if self._at == self._size:
            self._loads += 1
        elif self._data[self._at] in b"0123456789":
            self._refuse("Invalid numeric value: Leading zeroes not allowed")

    def _float(self, char: int) -> None:
        if char == ord("."):
            start = self._at
            follower = self._after_digits()
            if self._at - (follower >= 0) == start:
                last = follower if follower >= 0 else char
                self._unexpected_in_number(last, "Decimal point not followed by a digit")
            char = follower
        if char in (ord("e"), ord("E")):
            char = self._exponent()
        if char >= 0:
            self._at -= 1
            self._separate_at_root()

    def _exponent(self) -> int:
        char = self._take_more()
        if char in b"+-":
            char = self._take_more()
        if char not in b"0123456789":
            self._unexpected_in_number(char, "Exponent indicator not followed by a digit")
        return self._after_digits()

    def _after_digits(self) -> int:
        """Skip digits and take what follows them; -1 at the end."""
        self._at = _end_of(_DIGITS, self._data, self._at)
        if self._at == self._size:
            self._loads += 1
            return -1
        return self._take()

    def _separate_at_root(self) -> None:
        """A number that is the whole event ends at white space, not at the next character that is no digit."""
        if not self._open and self._data[self._at] not in b" \t\r\n":
            self._unexpected(self._take(), "Expected space separating root-level values")

    def _bad_number_start(self, char: int, negative: bool) -> NoReturn:
        sign = "-" if negative else "+"
        if char == ord("I"):
            if self._at == self._size:
                self._loads += 1
                self._end(" in a Number value")
            char = self._take()
            if char == ord("N"):
                self._non_standard(f"{sign}INF".encode(), 3)
            if char == ord("n"):
                self._non_standard(f"{sign}Infinity".encode(), 3)
        if not negative and self._words.plus:
            self._unexpected_in_number(
                ord("+"),
                "JSON spec does not allow numbers to have plus signs: "
                "enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow",
            )
        self._unexpected_in_number(char, "expected digit (0-9) to follow minus sign, for valid numeric value")

    # Strings and names.

    def _string(self) -> None:
        self._done("VALUE_STRING")
        self._at = _end_of(_IN_STRING, self._data, self._at)
        char = self._take_more()
        if char == ord('"'):
            return
        if char == ord("\\"):
            self._escape()
        if char < 0x20:
            self._unquoted(char, "string value")
        self._decode(char)
        raise AssertionError("the pattern of a string stopped at nothing wrong")

    def _name(self, char: int) -> None:
        if char != ord('"'):
            self._unexpected(self._decode(char) & 0xFFFF, "was expecting double-quote to start field name")
        if self._at == self._size:
            self._loads += 1
            self._end(": was expecting closing '\"' for name")
        start = self._at
        self._at = _end_of(_IN_NAME, self._data, self._at)
        if self._at == self._size:
            self._loads += 1
            self._end(" in field name")
        char = self._take()
        if char == ord("\\"):
            self._escape()
        if char != ord('"'):
            self._unquoted(char, "name")
        self._check_name(self._data[start : self._at - 1])
        self._token = "FIELD_NAME"

    def _check_name(self, name: bytes) -> None:
        """Names are decoded when they are whole: what is wrong in them is located behind them."""
        end = _end_of(_UTF8, name, 0)
        if end == len(name):
            return
        needed = self._bytes_after(name[end])
        following = name[end + 1 : end + 1 + needed]
        if len(following) < needed:
            self._end(" in field name")
        self._refuse_middle(next(each for each in following if each & 0xC0 != 0x80))

    def _escape(self) -> NoReturn:
        """Tell what is wrong behind a backslash; a good escape never comes here."""
        if self._at == self._size:
            self._loads += 1
            self._end(" in character escape sequence")
        char = self._take()
        if char != ord("u"):
            text = f"Unrecognized character escape {_described(self._decode(char) & 0xFFFF)}"
            self._refuse(text, step_back=True)
        self._at = _end_of(_HEX, self._data, self._at)
        if self._at == self._size:
            self._loads += 1
            self._end(" in character escape sequence")
        self._unexpected(self._take(), "expected a hex-digit for character escape sequence")

    def _unquoted(self, char: int, where: str) -> NoReturn:
        text = f"Illegal unquoted character ({_described(char)}): has to be escaped using backslash to be included in {where}"
        self._refuse(text, step_back=True)

    # Bytes.

    def _take(self) -> int:
        char = self._data[self._at]
        self._at += 1
        return char

    def _take_more(self) -> int:
        """The next byte where one has to come; Jackson names the token before it, even when that is none."""
        if self._at == self._size:
            self._loads += 1
            self._end(f" in {self._token or 'null'}")
        return self._take()

    def _decode(self, first: int) -> int:
        """The code point that begins with a byte already taken."""
        if first < 0x80:
            return first
        needed = self._bytes_after(first)
        code = first & (0x3F >> needed)
        for _ in range(needed):
            following = self._take_more()
            if following & 0xC0 != 0x80:
                self._refuse_middle(following)
            code = code << 6 | following & 0x3F
        return code

    def _bytes_after(self, first: int) -> int:
        if not 0xC0 <= first < 0xF8:
            self._refuse(f"Invalid UTF-8 start byte 0x{first:x}")
        return 1 + (first >= 0xE0) + (first >= 0xF0)

    def _refuse_middle(self, byte: int) -> NoReturn:
        self._refuse(f"Invalid UTF-8 middle byte 0x{byte:x}")

    # Refusals.

    def _unexpected(self, char: int, comment: str) -> NoReturn:
        self._refuse(f"Unexpected character ({_described(char)}): {comment}", step_back=True)

    def _unexpected_in_number(self, char: int, comment: str) -> NoReturn:
        self._refuse(f"Unexpected character ({_described(char)}) in numeric value: {comment}", step_back=True)

    def _mismatched(self, char: int) -> NoReturn:
        expected = "}" if char == ord("]") else "]"
        text = f"Unexpected close marker '{chr(char)}': expected '{expected}' (for {self._kind()} starting at {self._start()})"
        self._refuse(text, step_back=True)

    def _end(self, where: str) -> NoReturn:
        self._refuse(f"Unexpected end-of-input{where}")

    def _refuse(self, text: str, step_back: bool = False) -> NoReturn:
        line, row = self._row(self._rows_end)
        column = self._at - row + 1
        if step_back and self._words.steps_back:
            column -= 1
        if self._words.shifts:
            column += self._loads * self._size
        raise _Refused(f"{text}\n at {self._location(line, column)}")

    def _row(self, position: int) -> tuple[int, int]:
        """The line of a position, counted from one, and where it starts; `\\r\\n` is one line end, a lone `\\r` too."""
        data = self._data
        ends = data.count(b"\n", 0, position) + data.count(b"\r", 0, position) - data.count(b"\r\n", 0, position)
        return ends + 1, max(data.rfind(b"\n", 0, position), data.rfind(b"\r", 0, position)) + 1

    def _location(self, line: int, column: int) -> str:
        if self._words.quotes_source:
            return f"[Source: (byte[]){self._quoted()}; line: {line}, column: {column}]"
        where = f"line: {line}, column: {column}" if column else f"line: {line}"
        return f"[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); {where}]"

    def _quoted(self) -> str:
        text = f'"{self._data[:_QUOTED_BYTES].decode(errors="replace")}"'
        left = self._size - _QUOTED_BYTES
        return f"{text}[truncated {left} bytes]" if left > 0 else text


def _end_of(pattern: re.Pattern[bytes], data: bytes, start: int) -> int:
    """Where the longest match from `start` ends; the patterns used here always match, if nothing."""
    while True:
        match = pattern.match(data, start)
        assert match is not None
        if match.end() == start:
            return start
        start = match.end()


def _described(char: int) -> str:
    """A character as Jackson prints it."""
    if char < 0x20 or 0x7F <= char < 0xA0:
        return f"(CTRL-CHAR, code {char})"
    if char > 0xFF:
        return f"'{chr(char)}' (code {char} / 0x{char:x})"
    return f"'{chr(char)}' (code {char})"


# Java's identifier characters, by Unicode category.
_STARTS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nl", "Sc", "Pc"})
_CONTINUES = _STARTS | {"Nd", "Mc", "Mn", "Cf"}


def _starts_identifier(char: int) -> bool:
    return unicodedata.category(chr(char)) in _STARTS


def _continues_identifier(char: int) -> bool:
    ignorable = char <= 8 or 0x0E <= char <= 0x1B or 0x7F <= char <= 0x9F
    return ignorable or unicodedata.category(chr(char)) in _CONTINUES
