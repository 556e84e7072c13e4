"""Who calls: access key, region and service, from the SigV4 credential scope of a request.

The signature itself is not looked at: `gate.py` does that when authorization is on. An unsigned request, or one
with another kind of Authorization, belongs to the default account and region.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from neve.api.http import parse_query
from neve.domain.errors import ServiceSpecific
from neve.domain.world import DEFAULT_REGION, World, account_of

_CREDENTIAL = b"Credential="


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request belongs. `service` is the signing name of its scope, None when it is not signed."""

    world: World
    service: str | None


UNSIGNED = Caller(World(), None)
_SIGNATURE_V2 = re.compile(rb"AWS ([^:\s]+):\S+")


def caller_of(headers: Mapping[bytes, bytes], query: bytes) -> Caller:
    """Read the Authorization header, else what a presigned URL has in its query.

    ServiceSpecific `InvalidSignatureException` for a scope that cannot be read or names no region.
    """
    authorization = headers.get(b"authorization")
    if authorization is not None:
        start = authorization.find(_CREDENTIAL)
        if start < 0 or not authorization.startswith(b"AWS4-"):
            return _signed_as_of_old(authorization)
        end = authorization.find(b",", start)
        credential = authorization[start + len(_CREDENTIAL) : end if end > 0 else len(authorization)]
        return _caller(credential, headers.get(b"x-amz-region-set", b""))
    if b"X-Amz-Credential=" in query:
        return _presigned(query)
    if b"AWSAccessKeyId=" in query and b"Signature=" in query:
        return _of_s3(dict(parse_query(query)).get("AWSAccessKeyId", ""))
    return UNSIGNED


def _signed_as_of_old(authorization: bytes) -> Caller:
    """Signature version 2, which only S3 still takes and some clients still send; any other scheme is no signature."""
    found = _SIGNATURE_V2.fullmatch(authorization)
    return UNSIGNED if found is None else _of_s3(found[1].decode("latin-1"))


def _of_s3(key: str) -> Caller:
    return Caller(World(account_of(key)), "s3")


def _presigned(query: bytes) -> Caller:
    given = dict(parse_query(query))
    return _caller(given.get("X-Amz-Credential", "").encode(), given.get("X-Amz-Region-Set", "").encode())


@lru_cache(maxsize=1024)  # a client sends the same scope all day
def _caller(credential: bytes, region_set: bytes) -> Caller:
    """`KEY/20250101/us-east-1/lambda/aws4_request`; SigV4a leaves the region out and sends a set of them instead."""
    parts = credential.strip().decode("latin-1").split("/")
    if len(parts) == 5 and parts[4] == "aws4_request":
        key, _, region, service, _ = parts
    elif len(parts) == 4 and parts[3] == "aws4_request":
        key, _, service, _ = parts
        region = region_set.decode("latin-1").split(",")[0].strip().replace("*", DEFAULT_REGION)
    else:
        raise ServiceSpecific("InvalidSignatureException", "Credential must have exactly 5 slash-delimited elements.")
    if not _is_region(region):
        raise ServiceSpecific("InvalidSignatureException", "Credential should be scoped to a valid region.")
    return Caller(World(account_of(key), region), service)


def _is_region(text: str) -> bool:
    return 0 < len(text) <= 63 and text.isascii() and text.replace("-", "").isalnum()
