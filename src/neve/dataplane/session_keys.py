"""The credentials of functions: temporary ones, made with each environment and ended with it, kept in memory alone.

A function may do everything in its own account but use Neve's own API: its role says so much and no more, because Neve keeps no
policies of roles.
"""

from collections import OrderedDict
from typing import NamedTuple

from neve.domain import record as kinds
from neve.domain.access_key import new_id, new_secret
from neve.domain.function import Function
from neve.domain.identity_policy import IdentityPolicy
from neve.domain.principal import Credential, Principal
from neve.domain.record import Record

FUNCTION_POLICY = IdentityPolicy((
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": "neve:*", "Resource": "*"},
))  # fmt: skip
_ENDED_REMEMBERED = 10_000
_TOKEN_LETTERS = 64


class Given(NamedTuple):
    """What a function finds in its environment variables."""

    access_key: str
    secret: str
    token: str


class SessionKeys:
    """Those of every environment. Without authorization nobody looks at them: the account is the key (design D13)."""

    def __init__(self, checked: bool) -> None:
        self._checked = checked
        self._valid: dict[str, Credential] = {}
        self._by_log_stream: dict[str, str] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def give(self, function: Function, log_stream: str) -> Given:
        """The credentials of the environment with this log stream, the same ones at each start of its processes."""
        if not self._checked or not log_stream:  # without one it is only worked out what an environment would be
            return Given(function.world.account, "neve", "neve")
        credential = self._of(function, log_stream)
        return Given(credential.principal.access_key, credential.secret, credential.token or "")

    def find(self, access_key: str) -> Credential | None:
        """The credential, while its environment lives."""
        return self._valid.get(access_key)

    def has_ended(self, access_key: str) -> bool:
        """Whether it was one once; only the last ones are remembered."""
        return access_key in self._ended

    def __call__(self, record: Record, line: str | None) -> None:
        """As a subscriber of the stream: what ends with an environment."""
        if record.type != kinds.ENVIRONMENT_STOPPED:
            return
        access_key = self._by_log_stream.pop(record.origin.log_stream, None)
        if access_key is not None:
            self._valid.pop(access_key).valid = False
            self._ended[access_key] = None
            if len(self._ended) > _ENDED_REMEMBERED:
                self._ended.popitem(last=False)

    def _of(self, function: Function, log_stream: str) -> Credential:
        known = self._by_log_stream.get(log_stream)
        if known is not None:
            return self._valid[known]
        access_key, account = new_id("ASIA"), function.world.account
        role = function.role.rpartition("/")[2]
        arn = f"arn:aws:sts::{account}:assumed-role/{role}/{function.name}"
        principal = Principal(account, arn, access_key, f"{access_key}:{function.name}", FUNCTION_POLICY)
        credential = Credential(principal, new_secret(), new_secret(_TOKEN_LETTERS))
        self._valid[access_key] = credential
        self._by_log_stream[log_stream] = access_key
        return credential
