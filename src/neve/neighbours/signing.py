"""AWS itself, or a server that checks signatures: requests are signed anew, by whoever Neve is allowed to be there.

A function signs as its account and knows no secret; neither does a secret ever get into a function. Who did not sign stays
unsigned. A signature needs the body's digest: a body is read first, within a limit. Not for S3, whose clients send the digest,
and which takes bodies without.
Source: AWS, "Signature Version 4 for API requests".
"""

import asyncio
import contextlib
import re
import threading
from dataclasses import replace
from typing import Any

from neve.neighbours.bucket_path import by_path
from neve.neighbours.endpoints import Endpoint
from neve.neighbours.pages import from_page
from neve.neighbours.request import Address, CallerGone, Head, Receive, Unanswered, Way, nobody, unavailable

BODY_BYTES = 64 * 1024 * 1024
BODY_SECONDS = 120.0
_DIGEST = b"x-amz-content-sha256"
_SIGNED_CHUNKS = b"STREAMING-AWS4-"
# What the client signed with, and what belongs to his connection.
_DROPPED = frozenset(
    {b"authorization", b"x-amz-date", b"date", b"x-amz-security-token", b"host", b"expect", b"connection"}
)
_CHUNKED = b"transfer-encoding"
_REGION = re.compile(r"\.((?:[a-z]{2,4}-)+[a-z]+-\d+)\.")
_OF_A_SIGNATURE = frozenset({
    b"x-amz-algorithm", b"x-amz-credential", b"x-amz-date", b"x-amz-expires", b"x-amz-signedheaders", b"x-amz-signature",
    b"x-amz-security-token", b"awsaccesskeyid", b"signature", b"expires",
})  # fmt: skip


class Signing:
    """One endpoint with credentials: those of its URL, else what botocore finds for Neve (variables, profile, role)."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._session: Any = None
        self._credentials: Any = None
        self._places: dict[str, Address] = {}
        self._one_at_a_time = threading.Lock()

    async def prepare(self, head: Head, receive: Receive) -> Way:
        """Signed for the endpoint, when the caller signed; Unanswered when Neve has no credentials or may not use them."""
        if from_page(head):
            raise Unanswered(
                403, "AccessDenied", "Neve does not sign for web pages, nor for hosts with a name of their own."
            )
        if head.header(_DIGEST).startswith(_SIGNED_CHUNKS):
            raise nobody(
                "Neve cannot sign an upload whose chunks are signed; let the client send its body unsigned or whole."
            )
        body = None
        if head.signed and head.service != "s3":
            body = await _whole(receive)
            receive = _again(body, receive)
        address, prepared = await asyncio.to_thread(self._try_to_sign, head, body)
        return Way(address, prepared, receive)

    def _try_to_sign(self, head: Head, body: bytes | None) -> tuple[Address, Head]:
        from botocore.exceptions import BotoCoreError

        try:
            with self._one_at_a_time:
                return self._sign(head, body)
        except BotoCoreError as error:  # a profile that is not there, a sign-in that ran out
            raise unavailable(f"Neve cannot sign for {head.service}: {error}") from error

    def _sign(self, head: Head, body: bytes | None) -> tuple[Address, Head]:
        """On a thread: finding credentials may take a while."""
        from botocore.awsrequest import AWSRequest

        if self._session is None:
            self._session = _session()
        address, region = self._place(head)
        scheme, _, host = str(address).partition("://")
        host = host.removesuffix(":443" if address.tls else ":80")
        bare = by_path(head, host.encode()) if head.service == "s3" else head
        bare = replace(bare, target=_without_signature(bare.target))
        headers = _bare(bare, host, body)
        request = AWSRequest(bare.method, f"{scheme}://{host}{bare.target.decode('latin-1')}", headers, body)
        request.context["digest"] = headers.get(_DIGEST.decode(), "UNSIGNED-PAYLOAD")
        if head.signed:
            _signer(head.service, self._frozen(head.service), region).add_auth(request)
        given = [(str(name).lower().encode(), str(value).encode("latin-1")) for name, value in request.headers.items()]
        chunked = [pair for pair in head.headers if pair[0] == _CHUNKED and body is None]
        return address, replace(bare, headers=[*given, *chunked])

    def _place(self, head: Head) -> tuple[Address, str]:
        """Where the service is for this region, and the region that is signed for."""
        region = head.world.region
        address = self._endpoint.address if self._endpoint.url is not None else self._of_aws(region)
        return address, _region_of(address.host, region) if self._endpoint.of_aws else region

    def _of_aws(self, region: str) -> Address:
        from botocore.config import Config

        if region not in self._places:
            # AWS_ENDPOINT_URL is Neve in the shells of most people.
            ours = Config(ignore_configured_endpoint_urls=True)
            client = self._session.create_client(self._endpoint.name, region_name=region, config=ours)
            self._places[region] = Address(client.meta.endpoint_url.partition("//")[2], 443, tls=True)
            client.close()
        return self._places[region]

    def _frozen(self, service: str) -> Any:
        from botocore.credentials import Credentials

        if self._endpoint.access_key is not None:
            return Credentials(self._endpoint.access_key, self._endpoint.secret_key)
        found = self._credentials = self._credentials or self._session.get_credentials()
        if found is not None:
            return found.get_frozen_credentials()
        raise nobody(f"Neve has no credentials for {service} on AWS: start it with AWS_PROFILE or AWS_ACCESS_KEY_ID.")


def _session() -> Any:
    import botocore.session

    return botocore.session.Session()


def _region_of(host: str, region: str) -> str:
    """A service that is the same in all regions is signed for the first of its partition."""
    named = _REGION.search(host)
    if named is not None:
        return named[1]
    return "cn-north-1" if host.endswith(".cn") else "us-gov-west-1" if ".us-gov." in host else "us-east-1"


def _signer(service: str, credentials: Any, region: str) -> Any:
    """S3 signs the path as it is and the digest that the client sent; other services encode the path once more."""
    from botocore.auth import S3SigV4Auth, SigV4Auth

    class OfS3(S3SigV4Auth):  # type: ignore[misc]
        def payload(self, request: Any) -> Any:
            return request.context["digest"]

    return (OfS3 if service == "s3" else SigV4Auth)(credentials, service, region)


def _bare(head: Head, host: str, body: bytes | None) -> dict[str, str]:
    """Headers without a signature; a body that was read has a length."""
    dropped = _DROPPED | {_CHUNKED}
    kept = {name.decode(): value.decode("latin-1") for name, value in head.headers if name not in dropped}
    length = {} if body is None or head.header(_CHUNKED) == b"" else {"content-length": str(len(body))}
    return kept | length | {"host": host}


def _without_signature(target: bytes) -> bytes:
    """A presigned URL's signature is of no use here; all else stays as it was encoded."""
    path, mark, query = target.partition(b"?")
    names = {pair.partition(b"=")[0].lower() for pair in query.split(b"&")}
    if not names & {b"x-amz-signature", b"signature"}:
        return target
    kept = [pair for pair in query.split(b"&") if pair.partition(b"=")[0].lower() not in _OF_A_SIGNATURE]
    return path + (mark + b"&".join(kept) if kept else b"")


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise CallerGone
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > BODY_BYTES:
                    raise Unanswered(
                        413, "RequestEntityTooLargeException", f"Neve signs bodies up to {BODY_BYTES} bytes."
                    )
            return bytes(body)
    raise Unanswered(408, "RequestTimeoutException", f"The body did not arrive within {BODY_SECONDS:.0f} seconds.")


def _again(body: bytes, receive: Receive) -> Receive:
    """What was read, and then whatever comes."""
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
