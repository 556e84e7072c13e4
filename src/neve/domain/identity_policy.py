"""What the owner of an access key may do: statements in the policy language of IAM. What nothing allows is denied, and a
denial wins.

Actions of Lambda (`lambda:InvokeFunction`), of the logs (`logs:FilterLogEvents`) and of Neve's own API (`neve:ReadRecords`) are
judged one by one. Of the neighbours Neve knows the service alone, so `sqs:*` is as fine as it gets: what would promise more is
refused when the policy is given, because a denial that is not enforced is worse than none.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any

from neve.domain.errors import InvalidParameterValue
from neve.domain.policy_condition import holds, like
from neve.domain.policy_document import NotAPolicyError, acts, check_condition, listed, read_policy

Statement = Mapping[str, Any]

OURS = ("lambda", "logs", "neve")
"""Services whose actions are told apart."""

CONDITION_KEYS = ("aws:requestedregion", "aws:principalaccount", "aws:principalarn")
MOST_BYTES = 10_240
_ELEMENTS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})


class Verdict(Enum):
    """Whether something may be done, and if not, whether a statement says so."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """The policy of one key."""

    statements: tuple[Statement, ...]

    def decide(self, action: str, resource: str, context: Mapping[str, str]) -> Verdict:
        """The verdict on an action (`lambda:GetFunction`) on a resource (an ARN or `*`); `context` by `CONDITION_KEYS`."""
        effects = {each["Effect"] for each in self.statements if _applies(each, action, resource, context)}
        if "Deny" in effects:
            return Verdict.DENIED
        return Verdict.ALLOWED if "Allow" in effects else Verdict.NOT_ALLOWED


FULL_ACCESS = IdentityPolicy(({"Effect": "Allow", "Action": "*", "Resource": "*"},))
"""Everything in the account of the key, which is what a new key may do."""


def parse(text: str) -> IdentityPolicy:
    """A policy as people write it. InvalidParameterValue that says what is wrong with it."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise _malformed(f"it is longer than {MOST_BYTES} bytes")
    try:
        return _read(text)
    except NotAPolicyError as error:
        raise _malformed(str(error)) from None


def _read(text: str) -> IdentityPolicy:
    statements = tuple(listed(read_policy(text).get("Statement", [])))
    if not statements:
        raise _malformed("it has no Statement; a key that may do nothing is one that is disabled")
    for each in statements:
        _check(each)
    return IdentityPolicy(statements)


def check_actions(policy: IdentityPolicy, names: Mapping[str, str]) -> None:
    """InvalidParameterValue for an action that there is not, or a pattern that none fits: it would do nothing, and a denial that
    does nothing is worse than none. `names` has the actions of our services, by what people may think that they are called, in
    lower case."""
    for statement in policy.statements:
        for each in listed(statement.get("Action", statement.get("NotAction"))):
            _check_is_there(each, names)


def _check_is_there(text: str, names: Mapping[str, str]) -> None:
    lower = text.lower()
    service = lower.partition(":")[0]
    if text == "*" or (service in OURS and any(like(lower, action.lower()) for action in set(names.values()))):
        return
    if service in OURS:
        near = get_close_matches(lower.replace("*", "").replace("?", ""), names, 3, 0.6)
        said = ", ".join(dict.fromkeys(names[name] for name in near))
        raise _malformed(f"there is no action {text}" + (f"; there is {said}" if said else ""))
    alike = get_close_matches(service, OURS, 1, 0.8)
    if alike:
        raise _malformed(f"there is no service {service}; there is {alike[0]}")


def document(policy: IdentityPolicy) -> str:
    """The policy as JSON, which `parse` takes."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(policy.statements)}, separators=(",", ":"))


def _applies(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    return (
        acts(statement, action)
        and _concerns(statement, resource)
        and ("Condition" not in statement or holds(statement["Condition"], context))
    )


def _concerns(statement: Statement, resource: str) -> bool:
    if "Resource" in statement:
        return any(like(each, resource) for each in listed(statement["Resource"]))
    return not any(like(each, resource) for each in listed(statement["NotResource"]))


# What is wrong with a statement


def _check(given: Any) -> None:
    if not isinstance(given, dict):
        raise _malformed("a Statement is no JSON object")
    if "Principal" in given or "NotPrincipal" in given:
        raise _malformed("a Statement has a Principal; the policy of a key is about that key")
    unknown = set(given) - _ELEMENTS
    if unknown:
        raise _malformed(f"a Statement has the unknown element {min(unknown)}")
    if given.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("the Effect of a Statement is neither Allow nor Deny")
    actions, resources = _one_of(given, "Action", "NotAction"), _one_of(given, "Resource", "NotResource")
    for each in actions:
        _check_action(each)
    for each in resources:
        _check_resource(each)
    neighbours = sorted({each for each in actions if each != "*" and each.partition(":")[0].lower() not in OURS})
    if neighbours and "Action" in given and not ("Resource" in given and "*" in resources):
        raise _malformed(f'Neve tells no resources of other services apart: {neighbours[0]} needs "Resource": "*"')
    _check_condition(given.get("Condition", {}))


def _one_of(given: Statement, name: str, opposite: str) -> list[str]:
    if (name in given) == (opposite in given):
        raise _malformed(f"a Statement needs either {name} or {opposite}")
    values = listed(given.get(name, given.get(opposite)))
    if not values or not all(isinstance(each, str) and each for each in values):
        raise _malformed(f"the {name} of a Statement is no text, nor a list of texts")
    return values


def _check_action(text: str) -> None:
    service, mark, name = text.partition(":")
    if text == "*":
        return
    if not mark or not name or "*" in service or "?" in service:
        raise _malformed(f"the Action {text!r} is not like lambda:InvokeFunction, lambda:Get* or *")
    if service.lower() not in OURS and name != "*":
        raise _malformed(f"Neve tells no actions of other services apart: write {service}:* instead of {text}")


def _check_resource(text: str) -> None:
    parts = text.split(":")
    if text == "*":
        return
    if len(parts) < 6 or parts[0] != "arn":
        raise _malformed(f"the Resource {text!r} is neither an ARN nor *")
    if parts[2] not in OURS:
        raise _malformed(f"Neve tells resources of Lambda and the logs apart, not {text}")


def _check_condition(given: Any) -> None:
    check_condition(given)
    for keys in given.values():
        for key in keys:
            if key.lower() not in CONDITION_KEYS:
                raise _malformed(f"Neve does not know the condition key {key}, only {', '.join(CONDITION_KEYS)}")


def _malformed(reason: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"The policy is invalid: {reason}.")
