"""What both kinds of policies are before their statements are looked at."""

from collections.abc import Callable
from typing import Any

import pytest

from neve.domain import identity_policy, permission
from neve.domain.errors import InvalidParameterValue

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
BOTH = pytest.mark.parametrize(
    "parse", [identity_policy.parse, lambda text: permission.parse(text, ARN)], ids=["identity", "resource"]
)


@BOTH
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is no JSON"),
        ("[" * 10_000, "it is no JSON"),
        ("[]", "it is no JSON object"),
        ('{"Statements": []}', "unknown element Statements"),
        ('{"Version": "2020-01-01"}', "its Version is not 2012-10-17"),
    ],
    ids=lambda value: value[:12],
)
def test_what_is_no_policy_is_refused(parse: Callable[[str], Any], text: str, reason: str) -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        parse(text)
    assert reason in caught.value.message
