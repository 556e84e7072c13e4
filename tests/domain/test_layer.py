"""What a function may use of layers, and who may use a layer version."""

from dataclasses import replace

import pytest

from neve.domain import layer as rules
from neve.domain import limits
from neve.domain.errors import (
    AccessDenied,
    CallerError,
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
    ServiceSpecific,
)
from neve.domain.function import Code, Function, LoggingConfig, UsedLayer
from neve.domain.layer import LayerReference, LayerVersion
from neve.domain.world import World

WORLD = World("123456789012", "eu-west-1")
ARN = "arn:aws:lambda:eu-west-1:123456789012:layer"
LAYER = LayerVersion(WORLD, "l", 3, Code("c2hh", 1, 10), 0)
FUNCTION = Function(WORLD, "f", "nodejs24.x", "i.h", "r", Code("Y29kZQ==", 1, 10), LoggingConfig("/g"), 0, "r")


def text(caught: pytest.ExceptionInfo[CallerError]) -> str:
    return caught.value.message


def test_names_and_arns() -> None:
    assert (LAYER.layer_arn, LAYER.arn) == (f"{ARN}:l", f"{ARN}:l:3")
    assert rules.parse_version_arn(LAYER.arn) == LayerReference(WORLD, "l", 3)
    assert rules.parse_layer_name(World(), "l") == (World(), "l")
    assert rules.parse_layer_name(World(), LAYER.layer_arn) == (WORLD, "l")


def test_layers_of_the_service_itself_are_not_here() -> None:
    with pytest.raises(ResourceNotFound) as caught:
        rules.parse_version_arn("arn:aws:lambda:::awslayer:AmazonLinux2")
    assert text(caught) == "Layer version arn:aws:lambda:::awslayer:AmazonLinux2 does not exist."


@pytest.mark.parametrize("number", [0, -1])
def test_versions_count_from_one(number: int) -> None:
    with pytest.raises(InvalidParameterValue, match=r"^Layer Version Cannot be less than 1$"):
        rules.check_number(number)


def test_references_keep_their_order() -> None:
    arns = [f"{ARN}:{name}:{number}" for name, number in (("b", 1), ("a", 12))]
    assert rules.check_references(arns, "eu-west-1") == [LayerReference(WORLD, "b", 1), LayerReference(WORLD, "a", 12)]
    assert rules.check_references([], "eu-west-1") == []


@pytest.mark.parametrize(
    ("arns", "message"),
    [
        ([f"{ARN}:{name}:1" for name in "abcdef"], "Cannot reference more than 5 layers."),
        (
            [f"{ARN}:a:1", f"{ARN}:a:2"],
            "Two different versions of the same layer are not allowed to be referenced in the same function. "
            f"{ARN}:a:1 and {ARN}:a:2 are versions of the same layer.",
        ),
        (
            ["arn:aws:lambda:us-east-1:123456789012:layer:a:1"],
            "Layers are not in the same region as the function. Layers are expected to be in region eu-west-1.",
        ),
        (
            ["arn:aws:lambda:::awslayer:AmazonLinux2"],
            "Layer version arn:aws:lambda:::awslayer:AmazonLinux2 does not exist.",
        ),
    ],
)
def test_references_that_are_refused(arns: list[str], message: str) -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        rules.check_references(arns, "eu-west-1")
    assert text(caught) == message


def test_code_and_layers_together_have_a_limit() -> None:
    full = UsedLayer("a", Code("YQ==", 1, limits.CODE_SIZE_UNZIPPED - 10))
    rules.check_total(replace(FUNCTION, layers=(full,)))
    with pytest.raises(InvalidParameterValue) as caught:
        rules.check_total(replace(FUNCTION, layers=(full, UsedLayer("b", Code("Yg==", 1, 1)))))
    assert text(caught) == (
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. "
        "The actual size is 262144001 bytes."
    )


def test_key_is_of_contents_in_their_order() -> None:
    one, two = UsedLayer("a", Code("YQ==", 1)), UsedLayer("b", Code("Yg==", 1))
    assert rules.content_key([]) is None
    assert rules.content_key([one, two]) != rules.content_key([two, one])
    assert rules.content_key([one]) == rules.content_key([replace(one, arn="other")])
    assert len(rules.content_key([one]) or "") == 64


# The policy


def permit(principal: str, organization: str | None = None, sid: str = "s") -> LayerVersion:
    added = rules.statement(LAYER, sid, rules.GET, principal, organization)
    return rules.permitted(LAYER, added, "r1")


@pytest.mark.parametrize(
    ("principal", "shown"),
    [
        ("*", "*"),
        ("111111111111", {"AWS": "arn:aws:iam::111111111111:root"}),
        ("arn:aws:iam::111111111111:root", {"AWS": "arn:aws:iam::111111111111:root"}),
    ],
)
def test_statement(principal: str, shown: object) -> None:
    assert rules.statement(LAYER, "s", rules.GET, principal, None) == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": shown,
        "Action": "lambda:GetLayerVersion",
        "Resource": f"{ARN}:l:3",
    }


@pytest.mark.parametrize(
    ("layer", "account", "allowed"),
    [
        (LAYER, "123456789012", True),
        (LAYER, "111111111111", False),
        (permit("*"), "111111111111", True),
        (permit("111111111111"), "111111111111", True),
        (permit("111111111111"), "222222222222", False),
        (permit("*", "o-0123456789"), "111111111111", False),
    ],
)
def test_who_may_use_it(layer: LayerVersion, account: str, allowed: bool) -> None:
    if allowed:
        rules.check_allowed(layer, account)
        return
    with pytest.raises(AccessDenied) as caught:
        rules.check_allowed(layer, account)
    assert text(caught) == (
        f"User: arn:aws:iam::{account}:root is not authorized to perform: lambda:GetLayerVersion on resource: "
        f"{ARN}:l:3 because no resource-based policy allows the lambda:GetLayerVersion action"
    )


def test_statements_come_and_go() -> None:
    layer = permit("*", "o-0123456789")
    assert rules.policy(layer) == (
        '{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"s","Effect":"Allow","Principal":"*",'
        f'"Action":"lambda:GetLayerVersion","Resource":"{ARN}:l:3",'
        '"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-0123456789"}}}]}'
    )
    with pytest.raises(ResourceConflict) as taken:
        rules.permitted(layer, rules.statement(layer, "s", rules.GET, "*", None), "r2")
    assert text(taken) == (
        "The statement id (s) provided already exists. "
        "Please provide a new statement id, or remove the existing statement."
    )
    with pytest.raises(ResourceNotFound, match=r"^Statement t is not found in resource policy\.$"):
        rules.forbidden(layer, "t", "r2")
    assert rules.forbidden(layer, "s", "r2") == LAYER
    with pytest.raises(ResourceNotFound, match=r"^No policy is associated with the given resource\.$"):
        rules.policy(LAYER)


def test_policy_has_a_limit() -> None:
    several = tuple(rules.statement(LAYER, f"s{number}", rules.GET, "*", None) for number in range(200))
    layer = replace(LAYER, statements=several)
    with pytest.raises(ServiceSpecific) as caught:
        rules.permitted(layer, rules.statement(layer, "s", rules.GET, "*", None), "r")
    assert caught.value.code == "PolicyLengthExceededException"


def test_policy_is_guarded_by_its_revision() -> None:
    rules.check_policy_revision(permit("*"), "r1")
    rules.check_policy_revision(LAYER, None)
    for layer in (LAYER, permit("*")):
        with pytest.raises(PreconditionFailed) as caught:
            rules.check_policy_revision(layer, "r0")
        assert text(caught) == (
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetLayerPolicy API to retrieve the latest Revision Id"
        )
