"""Function names as callers write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neve.domain import arn
from neve.domain.arn import FunctionName, parse_function_name
from neve.domain.errors import AccessDenied, InvalidParameterValue, NeveError, ResourceNotFound, ValidationFailed
from neve.domain.world import World

PATTERN = re.compile(arn.FUNCTION_NAME_PATTERN, re.ASCII)
PIECES = [
    "arn",
    "aws",
    "aws-us-gov",
    "",
    "lambda",
    "us-east-1",
    "us-gov-west-1",
    "us-isob-east-1",
    "us-iso-east-1",
    "eusc-de-east-1",
    "eu-west",
    "US-east-1",
    "000000000000",
    "00000000000",
    "function",
    "f",
    "a.b",
    "my-name_1",
    "$LATEST",
    "$LATEST.PUBLISHED",
    "$latest",
    "7",
    "live",
    "a b",
    "é",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f", FunctionName("f")),
        ("f:7", FunctionName("f", "7")),
        ("f:$LATEST", FunctionName("f", "$LATEST")),
        ("123456789012:f", FunctionName("f", None, "123456789012")),
        ("123456789012:function:f:live", FunctionName("f", "live", "123456789012")),
        ("us-east-1:123456789012:function:f", FunctionName("f", None, "123456789012", "us-east-1")),
        (
            "arn:aws:lambda:us-east-1:123456789012:function:f:live",
            FunctionName("f", "live", "123456789012", "us-east-1"),
        ),
        (
            "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f",
            FunctionName("f", None, "123456789012", "us-gov-west-1"),
        ),
        ("eusc-de-east-1:f", FunctionName("f", None, None, "eusc-de-east-1")),
        # Words of the grammar are names where no name would be left without them.
        ("function", FunctionName("function")),
        ("function:$LATEST", FunctionName("function", "$LATEST")),
        ("123456789012", FunctionName("123456789012")),
        ("us-east-1:$LATEST", FunctionName("us-east-1", "$LATEST")),
        ("arn:aws", FunctionName("arn", "aws")),
    ],
)
def test_name_is_taken_apart(text: str, expected: FunctionName) -> None:
    assert parse_function_name(text) == expected


@pytest.mark.parametrize(
    "text", ["", "a b", "f:", ":f", "f:$latest", "f:a:b", "arn:aws:s3:::bucket", "$LATEST", "f\n", "é"]
)
def test_other_text_is_refused_with_the_services_sentence(text: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        parse_function_name(text)
    assert caught.value.message == (
        f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {arn.FUNCTION_NAME_PATTERN}"
    )


@given(st.lists(st.sampled_from(PIECES), max_size=8).map(":".join) | st.text(max_size=40))
def test_parsing_agrees_with_the_services_pattern(text: str) -> None:
    match = PATTERN.fullmatch(text)
    try:
        parsed = parse_function_name(text)
    except ValidationFailed:
        assert match is None
        return
    assert match is not None
    region, account = match[3], match[9]
    assert parsed == FunctionName(
        match[11], match[13], account[:-1] if account else None, region[:-1] if region else None
    )


@given(st.text(), st.none() | st.text())
def test_nothing_but_neve_errors(text: str, qualifier: str | None) -> None:
    world = World()
    try:
        name = parse_function_name(text)
        arn.check_reachable(world, name, "lambda:InvokeFunction")
        arn.qualified(name, qualifier)
    except NeveError:
        pass


@pytest.mark.parametrize(
    ("text", "beside", "expected"), [("f", None, None), ("f", "1", "1"), ("f:1", None, "1"), ("f:1", "1", "1")]
)
def test_qualifier_comes_from_either_place(text: str, beside: str | None, expected: str | None) -> None:
    assert arn.qualified(parse_function_name(text), beside) == expected


def test_qualifiers_that_differ_are_refused() -> None:
    with pytest.raises(
        InvalidParameterValue, match=r"^The derived qualifier from the function name does not match the"
    ):
        arn.qualified(parse_function_name("f:1"), "$LATEST")


def test_another_region_is_not_reachable() -> None:
    name = parse_function_name("arn:aws:lambda:eu-west-1:000000000000:function:f")
    with pytest.raises(ResourceNotFound) as caught:
        arn.check_reachable(World(), name, "lambda:GetFunction")
    assert caught.value.message == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"


def test_another_account_is_denied() -> None:
    with pytest.raises(AccessDenied, match="because no resource-based policy allows the lambda:GetFunction action"):
        arn.check_reachable(World(), parse_function_name("123456789012:f"), "lambda:GetFunction")
