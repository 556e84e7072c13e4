"""What moto is told of a request: the world it belongs to, the service that is meant, and buckets by path.

moto checks no signature. It takes the account from a header of its own, service and region from the credential scope, and
cannot tell a bucket in a host name from a path when the host is ours.
"""

import re
from dataclasses import replace

from neve.neighbours.bucket_path import by_path
from neve.neighbours.child.closed import HEADER
from neve.neighbours.process import MotoProcess
from neve.neighbours.request import Head, Receive, Way

_ACCOUNT = b"x-moto-account-id"
_PASSWORD = HEADER.encode()
_SCOPE = re.compile(rb"AWS4-HMAC-SHA256 Credential=[^/,\s]+/[^/,\s]+/([^/,\s]+)/([^/,\s]+)/aws4_request,")
_FORM = b"application/x-www-form-urlencoded"


class Moto:
    """The neighbour that is brought along."""

    def __init__(self, process: MotoProcess) -> None:
        self._process = process

    async def prepare(self, head: Head, receive: Receive) -> Way:
        """To the process, which is started if it is not there."""
        return Way(await self._process.address(), self.adapt(head), receive)

    def adapt(self, head: Head) -> Head:
        """With the account as a header, a credential scope that moto reads, and the bucket in the path."""
        headers = [(name, value) for name, value in head.headers if name not in (_ACCOUNT, _PASSWORD)]
        if self._process.password is not None:
            headers.append((_PASSWORD, self._process.password.encode()))
        head = replace(head, headers=[*headers, (_ACCOUNT, head.world.account.encode())])
        if head.service == "s3":
            head = by_path(_without_form(head), b"localhost")
        return _scoped(head) if head.signed else head


def _scoped(head: Head) -> Head:
    """A presigned URL has its scope in the query, and SigV4a names no region: moto looks at neither. It takes whatever stands
    first in the header for the scope: that has to be the one that Neve has read."""
    head = replace(head, headers=[_of_no_region(*pair) for pair in head.headers])
    lines = [value for name, value in head.headers if name == b"authorization"]
    found = _SCOPE.match(lines[0]) if len(lines) == 1 else None
    if found is not None and found.groups() == (head.world.region.encode(), head.service.encode()):
        return head
    if head.service == "s3" and lines and lines[0].startswith(b"AWS "):
        return head  # version 2, which moto takes for S3
    scope = f"{head.world.account}/20000101/{head.world.region}/{head.service}/aws4_request"
    line = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    others = [pair for pair in head.headers if pair[0] != b"authorization"]
    return replace(head, headers=[*others, (b"authorization", line.encode())])


def _of_no_region(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """moto would believe these more than the scope."""
    if name == b"user-agent":
        return name, value.replace(b"region/", b"region-")
    return name, b"localhost" if name == b"host" and b".amazonaws.com" in value else value


def _without_form(head: Head) -> Head:
    """moto parses a form, and then finds no object in the body; `curl --data-binary` and urllib call everything a form."""
    if head.method != "PUT":
        return head
    kept = [pair for pair in head.headers if not (pair[0] == b"content-type" and pair[1].startswith(_FORM))]
    return replace(head, headers=kept)
