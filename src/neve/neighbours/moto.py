"""What moto is told of a request: the world it belongs to, the service that is meant, and buckets by path.

moto checks no signature. It takes the account from a header of its own, service and region from the credential scope, and
cannot tell a bucket in a host name from a path when the host is ours.
"""

from dataclasses import replace

from neve.domain.bucket_host import bucket_of
from neve.neighbours.process import MotoProcess
from neve.neighbours.request import Address, Head

_ACCOUNT = b"x-moto-account-id"
_FORM = b"application/x-www-form-urlencoded"


class Moto:
    """The neighbour that is brought along."""

    def __init__(self, process: MotoProcess) -> None:
        self._process = process

    async def address(self, head: Head) -> Address:
        """The process's, started if it is not there."""
        return await self._process.address()

    def adapt(self, head: Head) -> Head:
        """With the account as a header, a credential scope that moto reads, and the bucket in the path."""
        headers = [(name, value) for name, value in head.headers if name != _ACCOUNT]
        head = replace(head, headers=[*headers, (_ACCOUNT, head.world.account.encode())])
        if head.service == "s3":
            return _by_path(_without_form(head))
        return _scoped(head) if head.signed else head


def _scoped(head: Head) -> Head:
    """A presigned URL has its scope in the query, and SigV4a names no region: moto looks at neither."""
    if any(name == b"authorization" and value.startswith(b"AWS4-HMAC-SHA256") for name, value in head.headers):
        return head
    scope = f"{head.world.account}/20000101/{head.world.region}/{head.service}/aws4_request"
    line = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    others = [pair for pair in head.headers if pair[0] != b"authorization"]
    return replace(head, headers=[*others, (b"authorization", line.encode())])


def _without_form(head: Head) -> Head:
    """moto parses a form, and then finds no object in the body; `curl --data-binary` and urllib call everything a form."""
    if head.method != "PUT":
        return head
    kept = [pair for pair in head.headers if not (pair[0] == b"content-type" and pair[1].startswith(_FORM))]
    return replace(head, headers=kept)


def _by_path(head: Head) -> Head:
    host = next((value for name, value in head.headers if name == b"host"), b"")
    bucket = bucket_of(host)
    headers = [(name, b"localhost" if name == b"host" else value) for name, value in head.headers]
    if bucket is None:
        return replace(head, headers=headers)
    return replace(head, headers=headers, target=b"/" + bucket + head.target)
