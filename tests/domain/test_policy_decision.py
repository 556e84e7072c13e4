"""What policies let happen."""

from typing import Any

import pytest

from neve.domain.permission import Grant, ResourcePolicy, statement
from neve.domain.policy_condition import is_operator
from neve.domain.policy_decision import Ask, allows, denies

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
INVOKE = "lambda:InvokeFunction"
FRIEND, OTHER = "111111111111", "222222222222"
BASE: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": INVOKE, "Resource": ARN}
CALL = Ask(INVOKE, ARN, FRIEND)


def decide(ask: Ask, *changes: dict[str, Any]) -> bool:
    """By a policy of one statement for each change of `BASE`; a member that is None is left out."""
    statements = ({name: value for name, value in (BASE | change).items() if value is not None} for change in changes)
    return allows(ResourcePolicy(tuple(statements)), ask)


def test_nothing_is_allowed_without_a_policy() -> None:
    assert not allows(None, CALL)


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": FRIEND}}, True),
        ({"Principal": {"AWS": [f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{FRIEND}:root"]}}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{FRIEND}:role/r"}}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}}, False),
        ({"Principal": {"Service": "s3.amazonaws.com"}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": OTHER}}, True),
        ({"Principal": None, "NotPrincipal": {"AWS": FRIEND}}, False),
        ({"Action": "lambda:*"}, True),
        ({"Action": "*"}, True),
        ({"Action": ["lambda:GetFunction", "lambda:invokefunction"]}, True),
        ({"Action": "lambda:GetFunction"}, False),
        ({"Action": None, "NotAction": "lambda:GetFunction"}, True),
        ({"Action": None, "NotAction": "lambda:Invoke*"}, False),
        ({"Resource": f"{ARN}*"}, True),
        ({"Resource": f"{ARN}:1"}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"StringEquals": {"AWS:SourceAccount": FRIEND}}}, False),
    ],
)
def test_one_statement(change: dict[str, Any], allowed: bool) -> None:
    assert decide(CALL, change) == allowed


USER, ROLE = f"arn:aws:iam::{FRIEND}:user/ada", f"arn:aws:iam::{FRIEND}:role/path/r"
ASSUMED, ROOT = f"arn:aws:sts::{FRIEND}:assumed-role/r/session", f"arn:aws:iam::{FRIEND}:root"


@pytest.mark.parametrize(
    ("principal", "identity", "allowed", "denied"),
    [
        ("*", USER, True, True),
        ("*", None, True, True),
        ({"AWS": FRIEND}, USER, True, True),
        ({"AWS": ROOT}, None, True, True),
        ({"AWS": USER}, USER, True, True),
        ({"AWS": USER}, USER + "2", False, False),
        ({"AWS": USER}, ROOT, True, False),
        ({"AWS": USER}, None, True, False),
        ({"AWS": USER.replace(FRIEND, OTHER)}, USER, False, False),
        ({"AWS": ROLE}, ASSUMED, True, True),
        ({"AWS": ASSUMED}, ASSUMED, True, True),
        ({"AWS": ASSUMED}, ASSUMED + "2", False, False),
        ({"AWS": ROLE}, ASSUMED.replace("/r/", "/s/"), False, False),
        ({"AWS": ROLE}, USER, False, False),
        ({"AWS": "arn:nobody"}, USER, False, False),
        ({"Service": "s3.amazonaws.com"}, USER, False, False),
    ],
)
def test_who_is_let_in_and_kept_out(principal: Any, identity: str | None, allowed: bool, denied: bool) -> None:
    ask = Ask(INVOKE, ARN, FRIEND, identity=identity)
    assert allows(ResourcePolicy((BASE | {"Principal": principal},)), ask) == allowed
    assert denies(ResourcePolicy((BASE | {"Principal": principal, "Effect": "Deny"},)), ask) == denied


def test_a_denial_of_all_others_keeps_nobody_out_who_may_be_meant() -> None:
    others = BASE | {"NotPrincipal": {"AWS": USER}, "Effect": "Deny"}
    del others["Principal"]
    policy = ResourcePolicy((others,))
    asks = {each: Ask(INVOKE, ARN, FRIEND, identity=each) for each in (USER, ROOT, f"{USER}2")}
    assert [each for each, ask in asks.items() if denies(policy, ask)] == [f"{USER}2"]


def test_without_a_policy_nothing_is_denied() -> None:
    assert not denies(None, CALL)
    assert not denies(ResourcePolicy((BASE,)), CALL)


def test_a_denial_wins() -> None:
    assert decide(CALL, {}, {"Effect": "Deny", "Principal": {"AWS": OTHER}})
    assert not decide(CALL, {}, {"Effect": "Deny", "Principal": {"AWS": FRIEND}})


def test_services_and_everybody() -> None:
    service = Ask(INVOKE, ARN, service="s3.amazonaws.com", context={"aws:sourcearn": "arn:aws:s3:::b"})
    bucket = {
        "Principal": {"Service": "s3.amazonaws.com"},
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b*"}},
    }
    assert decide(service, bucket)
    assert not decide(service, bucket | {"Principal": {"Service": "sns.amazonaws.com"}})
    assert not decide(Ask(INVOKE, ARN), {"Principal": {"AWS": FRIEND}})
    assert decide(Ask(INVOKE, ARN), {})


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "a*c?", "abbcd", True),
        ("StringLike", "a.c", "abc", False),
        ("StringNotLike", "a*", "b", True),
        ("ArnLike", "arn:aws:s3:::*", "arn:aws:s3:::b", True),
        ("ArnNotLike", "arn:aws:s3:::*", "arn:aws:s3:::b", False),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("Null", "true", None, True),
        ("Null", "true", "a", False),
    ],
)
def test_conditions(operator: str, wanted: Any, given: str | None, holds: bool) -> None:
    context = {} if given is None else {"aws:k": given}
    assert is_operator(operator)
    assert decide(Ask(INVOKE, ARN, FRIEND, context=context), {"Condition": {operator: {"AWS:k": wanted}}}) == holds


@pytest.mark.parametrize("operator", ["NumericEquals", "ForAllValues:StringLike", "stringequals", "NullIfExists"])
def test_what_is_no_operator(operator: str) -> None:
    assert not is_operator(operator)


def test_grants_are_statements_that_let_in_whom_they_name() -> None:
    def granted(ask: Ask, **members: Any) -> bool:
        return allows(ResourcePolicy((statement(ARN, Grant(sid="s", **{"action": INVOKE} | members)),)), ask)

    url = Ask("lambda:InvokeFunctionUrl", ARN, context={"lambda:functionurlauthtype": "NONE"})
    assert granted(url, principal="*", action="lambda:InvokeFunctionUrl", url_auth_type="NONE")
    assert not granted(url, principal="*", action="lambda:InvokeFunctionUrl", url_auth_type="AWS_IAM")
    assert granted(CALL, principal=FRIEND)
    assert not granted(CALL, principal=OTHER)
    assert not granted(CALL, principal="*", via_function_url=True)
    assert granted(
        Ask(INVOKE, ARN, context={"lambda:invokedviafunctionurl": "true"}), principal="*", via_function_url=True
    )
