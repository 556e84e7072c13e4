"""Who calls a function URL with AWS_IAM: the one seam where signatures are looked at."""

import re
from collections.abc import Callable
from typing import NamedTuple

from neve import log
from neve.api.gate import Gate
from neve.api.http import Headers
from neve.api.scope import caller_of
from neve.api.sigv4 import Wire
from neve.domain.errors import CallerError, SignatureRefused
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
    function_arn: str


WhoCalls = Callable[[Signed], Identity | None]
"""Whom a request to a URL of that world is from, None when nobody signed it or the signature is not his. AccessDenied when the
policy of his key does not let him call it."""

_ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")


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


def proven(gate: Gate) -> WhoCalls:
    """While authorization is on: whose signature it is."""

    def who_calls(request: Signed) -> Identity | None:
        wire, region = Wire(request.method, request.path, request.query, request.headers), request.world.region
        try:
            principal = gate.check(wire, request.body, "lambda", region)
        except SignatureRefused as error:
            log.note("url.refused", function=request.function_arn, reason=error.message)  # the caller is told nothing
            return None
        for action in _ACTIONS:
            principal.check_may(action, request.function_arn, region)
        return Identity(principal.account, principal.access_key, principal.arn, principal.user_id)

    return who_calls
