"""Who calls a function URL with AWS_IAM: the one seam where signatures are looked at."""

import re
from collections.abc import Callable
from typing import NamedTuple

from neve.api.http import Headers
from neve.api.scope import caller_of
from neve.domain.errors import CallerError
from neve.domain.url_event import Identity
from neve.domain.world import World

_KEY = re.compile(rb"Credential=([^/,\s]+)/")
_QUERY_KEY = re.compile(rb"(?:^|&)X-Amz-Credential=([^&%/]+)")


class Signed(NamedTuple):
    """A request as its client signed it: path and query raw, names of headers in lower case."""

    method: str
    path: bytes
    query: bytes
    headers: Headers
    body: bytes
    world: World


WhoCalls = Callable[[Signed], Identity | None]
"""Whom a request to a URL of that world is from, None when nobody signed it or the signature is not his."""


def believed(request: Signed) -> Identity | None:
    """While authorization is off: whoever the credential scope names. A request has to be signed, for Lambda, in this region."""
    headers = dict(request.headers)
    try:
        caller = caller_of(headers, request.query)
    except CallerError:
        return None
    key = _KEY.search(headers.get(b"authorization", b"")) or _QUERY_KEY.search(request.query)
    if caller.service != "lambda" or caller.world.region != request.world.region or key is None:
        return None
    account, access_key = caller.world.account, key[1].decode("latin-1")
    return Identity(account, access_key, f"arn:aws:iam::{account}:root", access_key)
