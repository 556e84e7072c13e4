"""Access keys: what is known of one beside its secret, and how new ones look."""

import re
import secrets
import string
from dataclasses import dataclass

from neve.domain.errors import InvalidParameterValue
from neve.domain.identity_policy import FULL_ACCESS, IdentityPolicy
from neve.domain.principal import LastUsed, Principal

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ID_LETTERS = string.ascii_uppercase + "234567"
_SECRET_LETTERS = string.ascii_letters + string.digits
_MOST_DESCRIPTION = 256


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One key. Its name is that of a user in its account, who may have several keys; times are Unix milliseconds."""

    id: str
    account: str
    name: str
    description: str
    created_ms: int
    enabled: bool = True
    policy: IdentityPolicy | None = None  # None: full access to its account
    last_used: LastUsed | None = None

    @property
    def principal(self) -> Principal:
        """Whom its signature proves."""
        arn = f"arn:aws:iam::{self.account}:user/{self.name}"
        return Principal(self.account, arn, self.id, self.id, self.policy or FULL_ACCESS)


def check(account: str, name: str, description: str) -> None:
    """InvalidParameterValue for what a key cannot have."""
    if not _ACCOUNT.fullmatch(account):
        raise InvalidParameterValue(f"The account {account!r} is not twelve digits.")
    if not _NAME.fullmatch(name):
        raise InvalidParameterValue(f"The name {name!r} is not 1 to 64 letters, digits or +=,.@-_.")
    if len(description) > _MOST_DESCRIPTION or not description.isprintable():
        raise InvalidParameterValue(f"The description is not one line of at most {_MOST_DESCRIPTION} letters.")


def new_id(prefix: str) -> str:
    """The id of a new key: `AKIA…` of one that stays, `ASIA…` of a temporary one."""
    return prefix + "".join(secrets.choice(_ID_LETTERS) for _ in range(16))


def new_secret(length: int = 40) -> str:
    """Letters and digits: nothing that a shell or a file would need quotes for."""
    return "".join(secrets.choice(_SECRET_LETTERS) for _ in range(length))
