"""What the policy of a key lets its owner do."""

import json
from typing import Any

import pytest

from neve.domain.errors import AccessDenied, InvalidParameterValue
from neve.domain.identity_policy import FULL_ACCESS, Verdict, check_actions, document, parse
from neve.domain.principal import Principal

F = "arn:aws:lambda:us-east-1:123456789012:function:f"


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("statements", "action", "resource", "verdict"),
    [
        ([allow("lambda:InvokeFunction", F)], "lambda:InvokeFunction", F, Verdict.ALLOWED),
        ([allow("LAMBDA:invokefunction", F)], "lambda:InvokeFunction", F, Verdict.ALLOWED),
        ([allow("lambda:InvokeFunction", F)], "lambda:InvokeFunction", f"{F}:1", Verdict.NOT_ALLOWED),
        ([allow("lambda:InvokeFunction", [F, f"{F}:*"])], "lambda:InvokeFunction", f"{F}:1", Verdict.ALLOWED),
        ([allow("lambda:Get*")], "lambda:InvokeFunction", F, Verdict.NOT_ALLOWED),
        ([allow("lambda:Get*"), allow("lambda:List*")], "lambda:ListFunctions", "*", Verdict.ALLOWED),
        ([allow("*"), deny("lambda:Delete*")], "lambda:DeleteFunction", F, Verdict.DENIED),
        ([deny("lambda:Delete*"), allow("*")], "lambda:DeleteFunction", F, Verdict.DENIED),
        ([allow("*"), deny("lambda:*", f"{F}-prod")], "lambda:GetFunction", F, Verdict.ALLOWED),
        ([allow("*", f"{F[:-1]}?")], "lambda:GetFunction", F, Verdict.ALLOWED),
        ([allow("sqs:*")], "sqs:*", "*", Verdict.ALLOWED),
        ([allow("lambda:*")], "sqs:*", "*", Verdict.NOT_ALLOWED),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], "s3:*", "*", Verdict.NOT_ALLOWED),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], "sqs:*", "*", Verdict.ALLOWED),
        (
            [{"Effect": "Deny", "Action": "*", "NotResource": F}, allow("*")],
            "lambda:GetFunction",
            f"{F}2",
            Verdict.DENIED,
        ),
        (
            [allow("*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})],
            "lambda:GetFunction",
            F,
            Verdict.NOT_ALLOWED,
        ),
        (
            [allow("*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})],
            "lambda:GetFunction",
            F,
            Verdict.ALLOWED,
        ),
    ],
)
def test_verdicts(statements: Any, action: str, resource: str, verdict: Verdict) -> None:
    parsed = parse(policy(*statements))
    assert parsed.decide(action, resource, {"aws:requestedregion": "us-east-1"}) is verdict
    assert parse(document(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is no JSON"),
        ("[]", "it is no JSON object"),
        (policy(), "it has no Statement"),
        ('{"Statement": [1]}', "no JSON object"),
        (policy(allow("lambda:*", Principal="*")), "about that key"),
        (policy({"Effect": "Allow", "Action": "*"}), "either Resource or NotResource"),
        (policy({"Effect": "allow", "Action": "*", "Resource": "*"}), "neither Allow nor Deny"),
        (policy(allow("InvokeFunction")), "is not like lambda:InvokeFunction"),
        (policy(allow("*:Get*")), "is not like lambda:InvokeFunction"),
        (policy(deny("s3:DeleteObject")), "write s3:* instead of s3:DeleteObject"),
        (policy(deny("*", "arn:aws:s3:::secret")), "not arn:aws:s3:::secret"),
        (policy(deny("sqs:*", F)), 'needs "Resource": "*"'),
        (policy(allow("*", "f")), "neither an ARN nor"),
        (policy(deny("*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})), "condition operator IpAddress"),
        (policy(deny("*", Condition={"StringEquals": {"aws:username": "x"}})), "condition key aws:username"),
        (policy(allow("*", Sid="x" * 11_000)), "longer than 10240 bytes"),
    ],
)
def test_what_could_not_be_held_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidParameterValue, match="The policy is invalid") as caught:
        parse(text)
    assert reason in caught.value.message


NAMES = {
    "lambda:invoke": "lambda:InvokeFunction",
    "lambda:invokefunction": "lambda:InvokeFunction",
    "lambda:getfunction": "lambda:GetFunction",
    "logs:getlogevents": "logs:GetLogEvents",
}


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("lambda:InvokeFuncton", "there is no action lambda:InvokeFuncton; there is lambda:InvokeFunction"),
        ("lambda:Invoke", "there is no action lambda:Invoke; there is lambda:InvokeFunction"),
        ("lambda:GetFuncton*", "there is no action lambda:GetFuncton*; there is lambda:GetFunction"),
        ("lambda:GetLogEvents", "there is no action lambda:GetLogEvents; there is logs:GetLogEvents"),
        ("neve:Xyz", "there is no action neve:Xyz."),
        ("lamda:*", "there is no service lamda; there is lambda"),
    ],
)
def test_an_action_that_there_is_not_is_refused(action: str, said: str) -> None:
    for statement in (deny([action, "lambda:GetFunction"]), {"Effect": "Allow", "NotAction": action, "Resource": "*"}):
        with pytest.raises(InvalidParameterValue) as caught:
            check_actions(parse(policy(allow("*"), statement)), NAMES)
        assert said in caught.value.message


@pytest.mark.parametrize("action", ["*", "lambda:*", "LAMBDA:get*", "lambda:?nvokeFunction", "s3:*", "dynamodb:*"])
def test_an_action_that_there_is_is_taken(action: str) -> None:
    check_actions(parse(policy(allow(action))), NAMES)


def test_the_refusal_is_in_the_words_of_aws() -> None:
    ada = Principal(
        "123456789012", "arn:aws:iam::123456789012:user/ada", "AKIA", "AKIA", parse(policy(allow("lambda:Get*")))
    )
    with pytest.raises(AccessDenied) as caught:
        ada.check_may("lambda:InvokeFunction", F, "us-east-1")
    assert caught.value.message == (
        f"User: arn:aws:iam::123456789012:user/ada is not authorized to perform: lambda:InvokeFunction on resource: {F} "
        "because no identity-based policy allows the lambda:InvokeFunction action"
    )


def test_a_denial_says_that_it_is_one() -> None:
    ada = Principal(
        "1" * 12, "arn:aws:iam::111111111111:user/ada", "AKIA", "AKIA", parse(policy(allow("*"), deny("lambda:*")))
    )
    with pytest.raises(AccessDenied, match="with an explicit deny in an identity-based policy"):
        ada.check_may("lambda:InvokeFunction", F, "us-east-1")


def test_a_new_key_may_do_everything() -> None:
    Principal("1" * 12, "arn", "AKIA", "AKIA").check_may("lambda:DeleteFunction", F, "us-east-1")
    assert FULL_ACCESS.decide("sqs:*", "*", {}) is Verdict.ALLOWED
