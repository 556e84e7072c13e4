"""Who calls, from where, as the AWS command line would say it: else a function that we deploy would not be found by it."""

import os
from pathlib import Path
from typing import NamedTuple

DEFAULT_REGION = "us-east-1"
DEFAULT_KEY = "test"


def region() -> str:
    """AWS_REGION, AWS_DEFAULT_REGION, the profile of the configuration file, or us-east-1."""
    return (
        os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _of_profile("region") or DEFAULT_REGION
    )


class Credentials(NamedTuple):
    """What requests are signed with; the token is empty for a key that stays."""

    access_key: str
    secret: str
    token: str = ""


def credentials() -> Credentials:
    """AWS_ACCESS_KEY_ID and what belongs to it, else the profile of the credentials file, else `test`.

    A Neve that checks no signatures looks at the key alone, and only keys of twelve digits mean something to it.
    """
    key = os.environ.get("AWS_ACCESS_KEY_ID")
    if key:
        secret, token = os.environ.get("AWS_SECRET_ACCESS_KEY"), os.environ.get("AWS_SESSION_TOKEN")
        return Credentials(key, secret or DEFAULT_KEY, token or "")
    key = _of_profile("aws_access_key_id")
    if key:
        secret, token = _of_profile("aws_secret_access_key"), _of_profile("aws_session_token")
        return Credentials(key, secret or DEFAULT_KEY, token or "")
    return Credentials(DEFAULT_KEY, DEFAULT_KEY)


def _of_profile(key: str) -> str | None:
    """A value of the user's profile; None when there is none, or the file cannot be read: AWS tools will complain."""
    profile = os.environ.get("AWS_PROFILE") or "default"
    config = Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    credentials = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    section = profile if profile == "default" else f"profile {profile}"
    return _read(credentials, profile, key) or _read(config, section, key)


def _read(file: Path, section: str, key: str) -> str | None:
    if not file.is_file():
        return None
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read(file)
        return parser.get(section, key)
    except (configparser.Error, OSError, UnicodeDecodeError):
        return None
