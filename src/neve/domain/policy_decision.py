"""Whether a resource policy lets somebody do something. What nothing allows is denied, and a denial wins.

Who is known only as an account (the root of it, or nobody proved more) is let in by a statement that lets in one of its users or
roles, and kept out only by one that keeps out the account.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neve.domain.permission import ResourcePolicy, Statement
from neve.domain.policy_condition import holds, like
from neve.domain.policy_document import acts, listed


@dataclass(frozen=True, slots=True)
class Ask:
    """Who wants to do what: an account, a service (`s3.amazonaws.com`), or, without both, anybody.

    `identity` is the ARN of IAM of who asks for the account, where that is proven. `context` has what is known of the call, by
    condition key in lower case (`aws:sourcearn`).
    """

    action: str
    resource: str
    account: str | None = None
    service: str | None = None
    identity: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)


def allows(policy: ResourcePolicy | None, ask: Ask) -> bool:
    """Whether the policy lets it happen. No policy lets nothing happen."""
    effects = _effects(policy, ask)
    return "Allow" in effects and "Deny" not in effects


def denies(policy: ResourcePolicy | None, ask: Ask) -> bool:
    """Whether the policy says that it must not happen: that holds for the owner's account, too, which needs no permission."""
    return "Deny" in _effects(policy, ask)


def _effects(policy: ResourcePolicy | None, ask: Ask) -> set[str]:
    return {each["Effect"] for each in policy.statements if _applies(each, ask)} if policy is not None else set()


def _applies(statement: Statement, ask: Ask) -> bool:
    return (
        _is_meant(statement, ask)
        and acts(statement, ask.action)
        and any(like(each, ask.resource) for each in listed(statement["Resource"]))
        and holds(statement.get("Condition", {}), ask.context)
    )


def _is_meant(statement: Statement, ask: Ask) -> bool:
    if "Principal" in statement:
        return _names(statement["Principal"], ask, each_of_account=statement["Effect"] == "Allow")
    return not _names(statement["NotPrincipal"], ask, each_of_account=True)


def _names(principal: Any, ask: Ask, each_of_account: bool) -> bool:
    """`each_of_account`: whether who is known only as an account is meant when one of its users or roles is."""
    if principal == "*":
        return True
    named = listed(principal.get("AWS", []))
    return any(_is(each, ask, each_of_account) for each in named) or ask.service in listed(principal.get("Service", []))


def _is(named: str, ask: Ask, each_of_account: bool) -> bool:
    """`named` is an ARN of IAM, an account, or everybody."""
    parts = named.split(":", 5)
    account, who = parts[4:] if len(parts) == 6 else (named, "root")
    if account != ask.account:
        return named == "*"
    if who == "root":
        return True
    proven = (ask.identity or ":root").rpartition(":")[2]
    if proven == "root":
        return each_of_account
    return who == proven or _is_role_of(who, proven)


def _is_role_of(who: str, proven: str) -> bool:
    """Whether `role/PATH/NAME` is the role that `assumed-role/NAME/SESSION` plays."""
    named, played = who.split("/"), proven.split("/")
    return named[0] == "role" and played[0] == "assumed-role" and named[-1] == played[1]
