"""Accounts and regions are separate worlds (design D13): nothing is ever looked up without one."""

from typing import NamedTuple

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"


class World(NamedTuple):  # part of nearly every key: a tuple is hashed without Python
    """One account in one region."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION


def account_of(access_key: str | None) -> str:
    """The account that an access key stands for: a key of twelve digits is the account itself, any other the default."""
    if access_key is not None and len(access_key) == 12 and access_key.isascii() and access_key.isdigit():
        return access_key
    return DEFAULT_ACCOUNT
