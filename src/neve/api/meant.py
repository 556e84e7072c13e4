"""Which service an unsigned request is for: what X-Amz-Target names, S3 for a bucket in the host name, and for a path that
is none of Lambda's (`/2015-03-31/…`): `/BUCKET/KEY`, which browsers and `curl` ask for. The rest is Lambda's, which says
what is wrong.
"""

import re
from collections.abc import Mapping

from neve.api.http import Scope
from neve.domain.bucket_host import bucket_of

_LAMBDA_PATH = re.compile(rb"/\d{4}-\d\d-\d\d(/|$)")
# Who signs up or signs in has no credentials yet.
_UNSIGNED_TARGETS = {
    b"AWSCognitoIdentityProviderService": "cognito-idp",
    b"AWSCognitoIdentityService": "cognito-identity",
}
_FORM = b"application/x-www-form-urlencoded"


def service_of(scope: Scope, headers: Mapping[bytes, bytes], targets: Mapping[bytes, str]) -> str:
    """Its signing name. `targets` are our own services by the prefix of their X-Amz-Target."""
    target = headers.get(b"x-amz-target")
    if target is not None:
        prefix = target.rpartition(b".")[0]
        return targets.get(prefix) or _UNSIGNED_TARGETS.get(prefix) or "lambda"
    path: bytes = scope["raw_path"]
    if bucket_of(headers.get(b"host", b"")) is not None:
        return "s3"
    if path == b"/favicon.ico":
        return "lambda"  # a browser is no reason to start anything
    if path == b"/":
        return "sts" if headers.get(b"content-type", b"").startswith(_FORM) else "lambda"
    return "lambda" if _LAMBDA_PATH.match(path) else "s3"
