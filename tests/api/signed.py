"""Requests that botocore has signed, as they come over the wire."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from neve.api.sigv4 import Wire
from neve.domain.identity_policy import FULL_ACCESS, IdentityPolicy
from neve.domain.principal import Credential, Principal

KEY, SECRET = "AKIAEXAMPLEEXAMPLE23", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"
ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:user/ada"
HOST = "http://127.0.0.1:4566"


def credential(policy: IdentityPolicy = FULL_ACCESS, token: str | None = None) -> Credential:
    return Credential(Principal(ACCOUNT, ARN, KEY, KEY, policy), SECRET, token)


def signed(
    method: str = "POST",
    target: str = "/2015-03-31/functions/f/invocations",
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    *,
    service: str = "lambda",
    region: str = "us-east-1",
    expires: int | None = None,
    key: str = KEY,
    secret: str = SECRET,
    token: str | None = None,
) -> Wire:
    """The request as botocore's own signers make it, header form, or query form with `expires`."""
    request = AWSRequest(method, HOST + target, dict(headers or {}), body)
    by: Any
    if expires is None:
        by = S3SigV4Auth if service == "s3" else SigV4Auth
        signer = by(Credentials(key, secret, token), service, region)
    else:
        by = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
        signer = by(Credentials(key, secret, token), service, region, expires=expires)
    signer.add_auth(request)
    parts = urlsplit(request.url)
    sent = [("host", parts.netloc), *((name.lower(), value) for name, value in request.headers.items())]
    pairs = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in sent]
    return Wire(method, parts.path.encode(), parts.query.encode(), pairs)
