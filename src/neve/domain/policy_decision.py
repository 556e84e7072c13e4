"""Whether a resource policy lets somebody do something. What nothing allows is denied, and a denial wins.

Neve knows accounts and no identities within them: a statement for a role or a user of an account is one for the account.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neve.domain.permission import ResourcePolicy, Statement
from neve.domain.policy_condition import holds, like


@dataclass(frozen=True, slots=True)
class Ask:
    """Who wants to do what: an account, a service (`s3.amazonaws.com`), or, without both, anybody.

    `context` has what is known of the call, by condition key in lower case (`aws:sourcearn`).
    """

    action: str
    resource: str
    account: str | None = None
    service: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)


def allows(policy: ResourcePolicy | None, ask: Ask) -> bool:
    """Whether the policy lets it happen. No policy lets nothing happen."""
    effects = [each["Effect"] for each in policy.statements if _applies(each, ask)] if policy is not None else []
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Statement, ask: Ask) -> bool:
    return (
        _is_meant(statement, ask)
        and _acts(statement, ask.action)
        and any(like(each, ask.resource) for each in _listed(statement["Resource"]))
        and holds(statement.get("Condition", {}), ask.context)
    )


def _is_meant(statement: Statement, ask: Ask) -> bool:
    if "Principal" in statement:
        return _names(statement["Principal"], ask)
    return not _names(statement["NotPrincipal"], ask)


def _names(principal: Any, ask: Ask) -> bool:
    if principal == "*":
        return True
    accounts = (_account(each) for each in _listed(principal.get("AWS", [])))
    return any(each in ("*", ask.account) for each in accounts) or ask.service in _listed(principal.get("Service", []))


def _account(text: str) -> str:
    """Of an ARN of IAM, an account, or everybody."""
    return text.split(":")[4] if text.startswith("arn:") else text


def _acts(statement: Statement, action: str) -> bool:
    if "Action" in statement:
        return any(like(each.lower(), action.lower()) for each in _listed(statement["Action"]))
    return not any(like(each.lower(), action.lower()) for each in _listed(statement["NotAction"]))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
