"""Resource-based policies: statements that let others use a function, a version, an alias or a layer version.

Source: control-api facts §5, §6.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from neve.domain import limits
from neve.domain.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound, ServiceSpecific
from neve.domain.policy_document import NotAPolicyError, check_condition, read_policy

Statement = Mapping[str, Any]
"""As the policy language of IAM spells it."""

INVOKE_URL = "lambda:InvokeFunctionUrl"
_SERVICE = re.compile(r"[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)")
_IDENTITY = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/\S+)")


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """The policy of one function, version or alias; it has a statement at least."""

    statements: tuple[Statement, ...]
    id: str | None = "default"
    version: str = "2012-10-17"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a caller gives to let somebody use a function. `via_function_url`: only when its URL is called."""

    sid: str
    action: str
    principal: str
    source_arn: str | None = None
    source_account: str | None = None
    event_source_token: str | None = None
    organization: str | None = None
    url_auth_type: str | None = None
    via_function_url: bool | None = None


def statement(arn: str, grant: Grant) -> Statement:
    """The statement for a grant on the function, version or alias of that ARN. InvalidParameterValue."""
    if grant.url_auth_type is not None and grant.action != INVOKE_URL:
        raise InvalidParameterValue(f"FunctionUrlAuthType is only supported for {INVOKE_URL} action")
    made: dict[str, Any] = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Principal": _principal(grant.principal),
        "Action": grant.action,
        "Resource": arn,
    }
    condition = _condition(grant)
    return made | {"Condition": condition} if condition else made


def _principal(text: str) -> str | Mapping[str, str]:
    if text == "*":
        return text
    if len(text) == 12 and text.isascii() and text.isdigit():
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if _IDENTITY.fullmatch(text):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise InvalidParameterValue("The provided principal was invalid. Please check the principal and try again.")


def _condition(grant: Grant) -> Mapping[str, Mapping[str, str]]:
    """Bool, StringEquals and ArnLike on what was given."""
    via_url = None if grant.via_function_url is None else str(grant.via_function_url).lower()
    equal = {
        "lambda:FunctionUrlAuthType": grant.url_auth_type,
        "AWS:SourceAccount": grant.source_account,
        "lambda:EventSourceToken": grant.event_source_token,
        "aws:PrincipalOrgID": grant.organization,
    }
    by_operator = {
        "StringEquals": equal,
        "ArnLike": {"AWS:SourceArn": grant.source_arn},
        "Bool": {"lambda:InvokedViaFunctionUrl": via_url},
    }
    given = {
        operator: {key: value for key, value in keys.items() if value is not None}
        for operator, keys in by_operator.items()
    }
    return {operator: keys for operator, keys in given.items() if keys}


def added(statements: Sequence[Statement], new: Statement, most: int = limits.POLICY_BYTES) -> tuple[Statement, ...]:
    """With one more. ResourceConflict for a statement id that is taken, PolicyLengthExceededException above `most` bytes."""
    sid = new["Sid"]
    if any(each.get("Sid") == sid for each in statements):
        raise ResourceConflict(
            f"The statement id ({sid}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )
    changed = (*statements, new)
    size = len(document(ResourcePolicy(changed)).encode())
    if size > most:
        raise ServiceSpecific(
            "PolicyLengthExceededException",
            f"The final policy size ({size}) is bigger than the limit ({most}).",
        )
    return changed


def removed(statements: Sequence[Statement], sid: str) -> tuple[Statement, ...]:
    """Without that one. ResourceNotFound when there is none."""
    left = tuple(each for each in statements if each.get("Sid") != sid)
    if len(left) == len(statements):
        raise ResourceNotFound(f"Statement {sid} is not found in resource policy.")
    return left


def with_statement(policy: ResourcePolicy | None, new: Statement, most: int = limits.POLICY_BYTES) -> ResourcePolicy:
    """The policy, or the first one, with one more. Errors as `added`."""
    policy = policy or ResourcePolicy(())
    return replace(policy, statements=added(policy.statements, new, most))


def without_statement(policy: ResourcePolicy | None, sid: str) -> ResourcePolicy | None:
    """The policy without that one, None when it was the last. ResourceNotFound."""
    if policy is None:
        raise no_policy()
    left = removed(policy.statements, sid)
    return replace(policy, statements=left) if left else None


def no_policy() -> ResourceNotFound:
    """What has no policy."""
    return ResourceNotFound("No policy is associated with the given resource.")


def document(policy: ResourcePolicy) -> str:
    """The policy as JSON."""
    members = {"Version": policy.version, "Id": policy.id, "Statement": list(policy.statements)}
    return json.dumps({name: value for name, value in members.items() if value is not None}, separators=(",", ":"))


# Whole policies, as callers write them. Nobody recorded the service's texts.


def parse(text: str, arn: str) -> ResourcePolicy:
    """A policy for the function, version or alias of that ARN. InvalidParameterValue that says what is wrong with it."""
    try:
        return _read(text, arn)
    except NotAPolicyError as error:
        raise _malformed(str(error)) from None


def _read(text: str, arn: str) -> ResourcePolicy:
    read = read_policy(text)
    given = read.get("Statement")
    statements = tuple(given if isinstance(given, list) else [given])
    if not statements:
        raise _malformed("it has no Statement")
    for each in statements:
        _check_statement(each, arn)
    sids = [each["Sid"] for each in statements if "Sid" in each]
    if len(set(sids)) < len(sids):
        raise _malformed("two statements have the same Sid")
    return ResourcePolicy(statements, read.get("Id"), read.get("Version", "2012-10-17"))


def _check_statement(given: Any, arn: str) -> None:
    if not isinstance(given, dict):
        raise _malformed("a Statement is no JSON object")
    if given.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("the Effect of a statement is neither Allow nor Deny")
    if not _is_principal(given.get("Principal", given.get("NotPrincipal"))):
        raise _malformed("a statement has no Principal")
    if not all(_is_action(each) for each in _listed(given.get("Action", given.get("NotAction")))):
        raise _malformed("the Action of a statement is not one of Lambda's, like lambda:InvokeFunction")
    if not all(_concerns(each, arn) for each in _listed(given.get("Resource"))):
        raise _malformed(f"the Resource of a statement is not {arn}")
    check_condition(given.get("Condition", {}))


def _is_principal(value: Any) -> bool:
    return value == "*" or (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(each, str) for named in value.values() for each in _listed(named))
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) and value else [value]


def _is_action(value: Any) -> bool:
    return isinstance(value, str) and (value == "*" or value.startswith("lambda:"))


def _concerns(resource: Any, arn: str) -> bool:
    """The ARN itself, or all its versions and aliases."""
    return isinstance(resource, str) and (resource == arn or resource in {f"{arn}:*", f"{arn}*"})


def _malformed(reason: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"The provided policy is invalid: {reason}.")
