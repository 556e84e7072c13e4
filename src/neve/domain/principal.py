"""Who a request is from, once that is proven, and what proves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from neve.domain.errors import AccessDenied
from neve.domain.identity_policy import FULL_ACCESS, IdentityPolicy, Verdict


@dataclass(frozen=True)
class Principal:
    """The owner of an access key. `arn` and `user_id` are what IAM would call him."""

    account: str
    arn: str
    access_key: str
    user_id: str
    policy: IdentityPolicy = FULL_ACCESS

    @property
    def is_limited(self) -> bool:
        """Whether there is anything in his account that he may not do."""
        return self.policy is not FULL_ACCESS

    def check_may(self, action: str, resource: str, region: str) -> None:
        """AccessDenied in the words of AWS unless his policy allows it."""
        if not self.is_limited:
            return
        verdict = self.policy.decide(action, resource, {**self._context, "aws:requestedregion": region})
        if verdict is not Verdict.ALLOWED:
            raise refusal(self, action, resource, verdict)

    @cached_property
    def _context(self) -> Mapping[str, str]:
        return {"aws:principalaccount": self.account, "aws:principalarn": self.arn}


def refusal(principal: Principal, action: str, resource: str, verdict: Verdict) -> AccessDenied:
    """Why somebody may not do something."""
    why = (
        "with an explicit deny in an identity-based policy"
        if verdict is Verdict.DENIED
        else f"because no identity-based policy allows the {action} action"
    )
    return AccessDenied(f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} {why}")


@dataclass(slots=True)
class Credential:
    """A secret that somebody signs with. A temporary one has a token that must come with each request.

    `signing_keys` are what the secret becomes for a day, region and service, remembered by who verifies. `valid` ends when
    the credential does, for whoever was let in and stays.
    """

    principal: Principal
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    valid: bool = True
    last_used: "LastUsed | None" = None
    signing_keys: dict[tuple[str, str, str], bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LastUsed:
    """The last request that a key has signed: Unix milliseconds, service and region."""

    at_ms: int
    service: str
    region: str
