"""Whose signatures count: those of access keys, of functions while their environment lives, and of Neve itself.

Neve's own parts (deliveries, the neighbours' process, links to code archives) sign for any account, with a secret that is made
at each start and written nowhere: their access key is the account (design D13).
"""

from collections.abc import Callable

from neve.domain.access_key import new_secret
from neve.domain.principal import Credential, Principal

Find = Callable[[str], Credential | None]
_ACCOUNTS_REMEMBERED = 256


class Credentials:
    """`keys` and `sessions` find the credential of an access key each, or nothing."""

    def __init__(self, keys: Find, sessions: Find) -> None:
        self.own_secret = new_secret()
        self._keys = keys
        self._sessions = sessions
        self._accounts: dict[str, Credential] = {}

    def find(self, access_key: str) -> Credential | None:
        """What an access key proves; None when it proves nothing (any more)."""
        if access_key.startswith("ASIA"):
            return self._sessions(access_key)
        if len(access_key) == 12 and access_key.isascii() and access_key.isdigit():
            return self._own(access_key)
        return self._keys(access_key)

    def _own(self, account: str) -> Credential:
        found = self._accounts.get(account)
        if found is None:
            if len(self._accounts) >= _ACCOUNTS_REMEMBERED:
                self._accounts.clear()
            principal = Principal(account, f"arn:aws:iam::{account}:root", account, account)
            found = self._accounts[account] = Credential(principal, self.own_secret)
        return found
