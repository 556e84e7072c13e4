"""Jackson's sentences for bytes that are not JSON: the table of the facts in three eras, and what lies beside it."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neve.domain.json_text import Era, explain, invalid_request_text

NOW, MIDDLE, OLD = Era.CURRENT, Era.JACKSON_2_12, Era.JACKSON_2_9
ERAS = (NOW, MIDDLE, OLD)
EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
OLD_TOKENS = "('true', 'false' or 'null')"
OLD_LITERAL = "'null', 'true', 'false' or NaN"
OLD_VALUES = "(number, String, array, object, 'true', 'false' or 'null')"
FEATURE = "enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
OLD_FEATURE = "enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow"
PLUS = (
    "Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs: "
    "enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow"
)
OLD_PLUS = (
    "Unexpected character ('1' (code 49)) in numeric value: "
    "expected digit (0-9) to follow minus sign, for valid numeric value"
)
COMMENT = (
    "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)"
)


def place(body: bytes, era: Era, line: int, column: int | None) -> str:
    where = f"line: {line}" + ("" if column is None else f", column: {column}")
    if era is NOW:
        return f"[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); {where}]"
    return f'[Source: (byte[])"{body.decode(errors="replace")}"; {where}]'


def token(read: str) -> tuple[str, str, str]:
    text = f"Unrecognized token '{read}': was expecting "
    return text + EXPECTED, text + EXPECTED, text + (OLD_LITERAL if read[0] in "tfn" else OLD_TOKENS)


def no_value(char: str) -> tuple[str, str, str]:
    text = f"Unexpected character ({char}): expected a valid value "
    return text + EXPECTED, text + EXPECTED, text + OLD_VALUES


def same(text: str) -> tuple[str, str, str]:
    return text, text, text


# body; the message now, in 2.12, in 2.9; the columns. `LOC(n)` is a nested location at column n of line 1.
TABLE: list[tuple[bytes, tuple[str, str, str], tuple[int, int, int]]] = [
    (b"value", token("value"), (6, 6, 11)),
    (b"v", token("v"), (2, 2, 3)),
    (b"undefined", token("undefined"), (10, 10, 19)),
    (b"test data", token("test"), (6, 6, 6)),
    (b"hello world", token("hello"), (7, 7, 7)),
    (b"a=b", token("a"), (3, 3, 3)),
    (b"nul", token("nul"), (4, 4, 10)),
    (b"True", token("True"), (5, 5, 9)),
    (b'{"a":tru}', token("tru"), (10, 10, 10)),
    (
        b"NaN",
        (
            f"Non-standard token 'NaN': {FEATURE}",
            f"Non-standard token 'NaN': {OLD_FEATURE}",
            f"Non-standard token 'NaN': {OLD_FEATURE}",
        ),
        (4, 4, 7),
    ),
    (b"'test'", no_value("''' (code 39)"), (1, 2, 2)),
    (b"<html>", no_value("'<' (code 60)"), (1, 2, 2)),
    (b'{"a":.5}', no_value("'.' (code 46)"), (6, 7, 7)),
    (
        b"{",
        same("Unexpected end-of-input: expected close marker for Object (start marker at LOC(1))"),
        (2, 2, 3),
    ),
    (b"[", same("Unexpected end-of-input: expected close marker for Array (start marker at LOC(1))"), (2, 2, 3)),
    (
        b'{"a":1',
        same("Unexpected end-of-input: expected close marker for Object (start marker at LOC(1))"),
        (7, 7, 19),
    ),
    (b"[1,2", same("Unexpected end-of-input: expected close marker for Array (start marker at LOC(1))"), (5, 5, 13)),
    (b'{"a"', same("Unexpected end-of-input within/between Object entries"), (5, 5, 9)),
    (b'{"a":', same("Unexpected end-of-input within/between Object entries"), (6, 6, 11)),
    (b'{"a":1,', same("Unexpected end-of-input within/between Object entries"), (8, 8, 15)),
    (
        b'{"a":1,}',
        same("Unexpected character ('}' (code 125)): was expecting double-quote to start field name"),
        (8, 9, 9),
    ),
    (b"[1,2,]", same("Unexpected character (']' (code 93)): expected a value"), (6, 7, 7)),
    (b",", same("Unexpected character (',' (code 44)): expected a value"), (1, 2, 2)),
    (b"{a:1}", same("Unexpected character ('a' (code 97)): was expecting double-quote to start field name"), (2, 3, 3)),
    (
        b"{'a':1}",
        same("Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
        (2, 3, 3),
    ),
    (
        b'{"a" 1}',
        same("Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value"),
        (6, 7, 7),
    ),
    (
        b'{"a":1 "b":2}',
        same("Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries"),
        (8, 9, 9),
    ),
    (
        b"[1 2]",
        same("Unexpected character ('2' (code 50)): was expecting comma to separate Array entries"),
        (4, 5, 5),
    ),
    (b'"abc', same("Unexpected end-of-input in VALUE_STRING"), (5, 5, 9)),
    (b'{"a":"b', same("Unexpected end-of-input in VALUE_STRING"), (8, 8, 15)),
    (
        b'{"a":"b\nc"}',
        same(
            "Illegal unquoted character ((CTRL-CHAR, code 10)): "
            "has to be escaped using backslash to be included in string value"
        ),
        (8, 9, 9),
    ),
    (b'"\\x"', same("Unrecognized character escape 'x' (code 120)"), (3, 4, 4)),
    (b'"\\u12', same("Unexpected end-of-input in character escape sequence"), (6, 6, 11)),
    (b"01", same("Invalid numeric value: Leading zeroes not allowed"), (2, 2, 2)),
    (b"-", same("Unexpected end-of-input in null"), (2, 2, 3)),
    (b"1e", same("Unexpected end-of-input in null"), (3, 3, 5)),
    (
        b"1.",
        same("Unexpected character ('.' (code 46)) in numeric value: Decimal point not followed by a digit"),
        (2, 3, 5),
    ),
    (b"+1", (PLUS, OLD_PLUS, OLD_PLUS), (2, 3, 3)),
    (b"}", same("Unexpected close marker '}': expected ']' (for root starting at ROOT)"), (1, 2, 2)),
    (b"]", same("Unexpected close marker ']': expected '}' (for root starting at ROOT)"), (1, 2, 2)),
    (b'{"a":1]', same("Unexpected close marker ']': expected '}' (for Object starting at LOC(1))"), (7, 8, 8)),
    (b"[1}", same("Unexpected close marker '}': expected ']' (for Array starting at LOC(1))"), (3, 4, 4)),
    # The recorded one (2020) was located at column 3.
    (
        b"0D\xa1",
        same("Unexpected character ('D' (code 68)): Expected space separating root-level values"),
        (2, 3, 3),
    ),
    (b"// c", same(f"Unexpected character ('/' (code 47)): {COMMENT}"), (1, 2, 2)),
    (b"\x6e\x87\x72\x9e", same("Invalid UTF-8 start byte 0x87"), (3, 3, 3)),
    (b"\x99", no_value("(CTRL-CHAR, code 153)"), (1, 2, 2)),
    (b"\x22\xff\x22", same("Invalid UTF-8 start byte 0xff"), (3, 3, 3)),
]
CASES = [(body, era, texts[i], columns[i]) for body, texts, columns in TABLE for i, era in enumerate(ERAS)]


@pytest.mark.parametrize(("body", "era", "text", "column"), CASES)
def test_the_table_of_the_facts(body: bytes, era: Era, text: str, column: int) -> None:
    text = text.replace("LOC(1)", place(body, era, 1, 1))
    text = text.replace("ROOT", place(body, era, 1, None if era is NOW else 0))
    assert explain(body, era) == f"{text}\n at {place(body, era, 1, column)}"


@pytest.mark.parametrize(
    "body", [b"5", b'"x"', b"null", b"true", b"{}", b"[]", b" [1, {}] ", b"-0.5e+7", b"0", b"1e3 "]
)
def test_any_json_value_is_an_event(body: bytes) -> None:
    assert [explain(body, era) for era in ERAS] == [None] * 3


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t", b"\xef\xbb\xbf"])
def test_nothing_is_no_error(body: bytes) -> None:
    assert explain(body) is None
    assert invalid_request_text(body) is None


@pytest.mark.parametrize("body", [b"{} x", b'"a"b', b"1 2", b"[]]", b"true false", b'{"a":1}}'])
def test_jackson_stops_after_the_first_value(body: bytes) -> None:
    assert explain(body) is None


@pytest.mark.parametrize(
    "body", [rb'"\ud800"', rb'"\udc00\ud800"', rb'{"\ud800":1}', b'\xef\xbb\xbf{"a":1}', b'"\x7f"']
)
def test_what_jackson_takes_and_strict_parsers_refuse(body: bytes) -> None:
    assert explain(body) is None


def test_the_whole_text_has_both_prefixes_since_2021_and_one_before() -> None:
    both = "Could not parse request body into json: Could not parse payload into json: "
    assert (invalid_request_text(b"v") or "").startswith(both + "Unrecognized token 'v'")
    assert (invalid_request_text(b"v", MIDDLE) or "").startswith(both + "Unrecognized token 'v'")
    assert invalid_request_text(b"value", OLD) == (
        "Could not parse request body into json: Unrecognized token 'value': was expecting ('true', 'false' or 'null')\n"
        ' at [Source: (byte[])"value"; line: 1, column: 11]'
    )


def test_lines_are_counted_and_columns_begin_anew() -> None:
    body = b'{\n  "a": [\r\n    1,\r    x\n  ]\n}'
    assert (explain(body) or "").endswith("line: 4, column: 7]")


def test_the_start_of_a_nested_container_has_its_own_line() -> None:
    body = b'{\n "a":  [ 1,\n 2'
    assert explain(body) == (
        "Unexpected end-of-input: expected close marker for Array "
        f"(start marker at {place(body, NOW, 2, 8)})\n at {place(body, NOW, 3, 3)}"
    )


def test_a_newline_inside_a_string_is_no_line_yet() -> None:
    assert (explain(b'[\n"b\nc"]') or "").endswith("line: 2, column: 3]")


def test_columns_count_bytes() -> None:
    body = '{"ключ": "значение" 1}'.encode()
    assert (explain(body) or "").endswith(f"line: 1, column: {body.index(b'1}') + 1}]")


def test_a_name_outside_ascii_is_told_by_its_code_point() -> None:
    assert (explain("{€:1}".encode()) or "").startswith(
        "Unexpected character ('€' (code 8364 / 0x20ac)): was expecting"
    )
    assert (explain("{é:1}".encode()) or "").startswith("Unexpected character ('é' (code 233)): was expecting")


@pytest.mark.parametrize(
    ("body", "text", "column"),
    [
        (b"\xc3\xa9", "Invalid UTF-8 start byte 0xa9", 3),  # the first byte alone looks like a letter of Latin-1
        (b'"\xc3("', "Invalid UTF-8 middle byte 0x28", 4),
        (b'"\xe2\x82', "Unexpected end-of-input in VALUE_STRING", 4),
        (b'{"\xff":1}', "Invalid UTF-8 start byte 0xff", 5),  # a name is decoded when it is whole
        (b'{"\xc3x":1}', "Invalid UTF-8 middle byte 0x78", 6),
        (b'{"', "Unexpected end-of-input: was expecting closing '\"' for name", 3),
        (b'{"a', "Unexpected end-of-input in field name", 4),
        (b'{"a":1e', "Unexpected end-of-input in FIELD_NAME", 8),
        (b"[-", "Unexpected end-of-input in START_ARRAY", 3),
        (b"[1,-", "Unexpected end-of-input in VALUE_NUMBER_INT", 5),
        (b"-Infinity", f"Non-standard token '-Infinity': {FEATURE}", 10),
        (b"+", "Unexpected end-of-input in a Number value", 2),
    ],
)
def test_bytes_and_ends(body: bytes, text: str, column: int) -> None:
    assert explain(body) == f"{text}\n at {place(body, NOW, 1, column)}"


@pytest.mark.parametrize(
    ("body", "start", "column"),
    [
        (b"\x00", "Illegal character ((CTRL-CHAR, code 0)): only regular white space (\\r, \\n, \\t) is allowed", 1),
        (b'"\\u12g4"', "Unexpected character ('g' (code 103)): expected a hex-digit", 6),
        (b"1ex", "Unexpected character ('x' (code 120)) in numeric value: Exponent indicator not followed", 3),
        (b"1. ", "Unexpected character (' ' (code 32)) in numeric value: Decimal point not followed", 3),
        (b"-x", "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus", 2),
        (b"-.5", "Unexpected character ('.' (code 46)): expected a valid value", 2),
        (b"1,2", "Unexpected character (',' (code 44)): Expected space separating root-level values", 2),
        (b"truex", "Unrecognized token 'truex'", 6),
        (b'{"a":]', "Unexpected character (']' (code 93)): expected a valid value", 6),
        (b'{"a":}', "Unexpected character ('}' (code 125)): expected a value", 6),
        (b"#", "Unexpected character ('#' (code 35)): expected a valid value", 1),
    ],
)
def test_beside_the_table(body: bytes, start: str, column: int) -> None:
    message = explain(body) or ""
    assert message.startswith(start)
    assert message.endswith(f"line: 1, column: {column}]")


def test_long_tokens_are_cut() -> None:
    assert (explain(b"x" * 1000) or "").startswith(f"Unrecognized token '{'x' * 256}...': was")


@pytest.mark.parametrize("era", [MIDDLE, OLD])
def test_the_quoted_source_is_cut_at_500_bytes(era: Era) -> None:
    body = b"[" + b" " * 600
    assert f'[Source: (byte[])"[{" " * 499}"[truncated 101 bytes]; line: 1' in (explain(body, era) or "")


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 100_000])
def test_deep_nesting_needs_no_recursion(body: bytes) -> None:
    assert (explain(body) or "").startswith("Unexpected end-of-input")


def test_large_strings_are_skipped_fast() -> None:
    body = b'{"text":"' + "žluťoučký kůň \\n ".encode() * 250_000 + b'", oops'
    started = time.process_time()
    assert (explain(body) or "").startswith("Unexpected character ('o' (code 111))")
    assert time.process_time() - started < 2.0


def strict(constant: str) -> Any:
    raise ValueError(constant)


def is_json(body: bytes) -> bool:
    try:
        json.loads(body.decode("utf-8"), parse_constant=strict)
    except (ValueError, RecursionError):
        return False
    return True


NEARLY_JSON = st.lists(
    st.sampled_from(
        [
            *"{}[],:\"\\ \n\r\t01.e+-/#xuEN'",
            "true",
            "false",
            "null",
            "NaN",
            '"a"',
            '"a":',
            "é",
            "\\u00e9",
            "12.5e3",
            "\x00",
        ]
    ),
    max_size=12,
).map("".join)


@given(st.one_of(st.text(max_size=40), NEARLY_JSON))
def test_text_never_raises_and_json_is_never_refused(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    messages = [explain(body, era) for era in ERAS]
    assert len({message is None for message in messages}) == 1
    if is_json(body):
        assert messages[0] is None


@given(st.binary(max_size=40))
def test_bytes_never_raise(body: bytes) -> None:
    for era in ERAS:
        message = explain(body, era)
        assert message is None or "\n at [Source: " in message


@given(st.one_of(st.text(max_size=40), NEARLY_JSON))
def test_what_is_taken_begins_with_a_json_value(text: str) -> None:
    """Where nothing follows the value, both grammars are one (a literal before a sign below `0` is Jackson's own leniency)."""
    body = text.encode("utf-8", "surrogatepass")
    if explain(body) is not None or not body.strip(b" \t\r\n"):
        return
    try:
        first, end = json.JSONDecoder(parse_constant=strict).raw_decode(text, len(text) - len(text.lstrip(" \t\r\n")))
    except ValueError:
        first, end = None, -1
    assert end >= 0 or _has_lenient_literal(text), first


def _has_lenient_literal(text: str) -> bool:
    return any(word in text for word in ("true", "false", "null"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
    st.data(),
)
def test_a_cut_document_is_refused(value: Any, data: st.DataObject) -> None:
    body = json.dumps({"value": value}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    cut = data.draw(st.integers(1, len(body) - 1))
    assert explain(body) is None
    assert explain(body[:cut]) is not None
