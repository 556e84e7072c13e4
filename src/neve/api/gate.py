"""Who may come in when authorization is on: the signature of a request is checked, and what its key may do.

    claim     everything that can be told before the body has come: who says to be calling, by which key, and when
    prove     with the digest of the body: the claim is true, and only now has a principal
    check     both at once, for who has the body or its digest already

A claim knows the digest that its client declared (X-Amz-Content-SHA256) and has checked the signature over it by then, so a
body may pass on as a stream and be compared at its end; without, the signature itself waits for the body.
Errors are `SignatureRefused`, in the words of AWS. Nothing is said of whether a key is unknown, disabled or deleted.
"""

import hmac
import re
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from neve.api import sigv4
from neve.api.body import in_time
from neve.api.http import Receive, Scope
from neve.api.sigv4 import Reading, Signature, Wire
from neve.domain.errors import RequestTooLarge, SignatureRefused
from neve.domain.principal import Credential, LastUsed, Principal

SKEW_SECONDS = 300
S3_SKEW_SECONDS = 900
_REGION = re.compile(r"[a-z0-9](-?[a-z0-9])*", re.ASCII)
_LONGEST_REGION = 63
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KEYS_REMEMBERED = 32
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details."
)

MISSING = "MissingAuthenticationTokenException"
"""Nobody signed the request."""

MOST_HELD = 64 * 1024 * 1024
"""Of a body whose digest was not signed by itself, in bytes, before it may go on to a neighbour."""

Arrived = Callable[[], bytes | None]
"""The whole body when all of it has come, else None."""

FindCredential = Callable[[str], Credential | None]
"""The credential of an access key; None for one that may not (or no more) be used."""


def wire_of(scope: Scope) -> Wire:
    """A request of the server."""
    return Wire(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"])


class Gate:
    """`find` knows the keys, `ended` the temporary ones that were valid once; `now` is the machine's time, in Unix seconds,
    whatever Neve's clock says: clients sign by theirs."""

    def __init__(
        self,
        find: FindCredential,
        ended: Callable[[str], bool] = lambda access_key: False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._find = find
        self._ended = ended
        self._now = now

    def check(self, wire: Wire, body: bytes | str, service: str | None = None, region: str | None = None) -> Principal:
        """Whom a request is from. `body` is the body or its SHA-256 in hexadecimal digits; `service` and `region` what the
        request must be signed for, where only one is right. SignatureRefused."""
        claim = self.claim(wire, service, region)
        claim.prove(body if isinstance(body, str) else sha256(body).hexdigest())
        return claim.principal

    def claim(self, wire: Wire, service: str | None = None, region: str | None = None) -> "Claim":
        """What a request claims. SignatureRefused."""
        reading = Reading.of(wire.headers)
        signature = sigv4.read_signature(wire, reading)
        if signature is None:
            raise SignatureRefused(MISSING, "Missing Authentication Token")
        _check_scope(signature, service, region)
        _check_signed_headers(signature, reading)
        _check_time(signature, self._now())
        credential = self._credential(signature)
        claim = Claim(wire, reading, signature, credential, self._now)
        declared = _declared(reading, signature)
        if declared is not None:
            claim.check_signature(declared)
            claim.declared = declared
        return claim

    def _credential(self, signature: Signature) -> Credential:
        """The token is compared although the id is found: an id is no secret."""
        found = self._find(signature.access_key)
        if found is None and self._ended(signature.access_key):
            raise SignatureRefused("ExpiredTokenException", "The security token included in the request is expired")
        if found is None or not _same(found.token or "", signature.token or ""):
            raise SignatureRefused(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        return found


class Claim:
    """One request that says whom it is from. `principal` is true once `prove` has returned."""

    __slots__ = ("_now", "_reading", "_wire", "credential", "declared", "signature")

    def __init__(
        self, wire: Wire, reading: Reading, signature: Signature, credential: Credential, now: Callable[[], float]
    ) -> None:
        self._wire = wire
        self._reading = reading
        self._now = now
        self.signature = signature
        self.credential = credential
        self.declared: str | None = None

    @property
    def principal(self) -> Principal:
        """Whom it is from."""
        return self.credential.principal

    def prove(self, digest: str) -> None:
        """The body has come, with this SHA-256 (hexadecimal). SignatureRefused when it is not what was signed."""
        if self.declared is None:
            self.check_signature(digest)
        elif _DIGEST.fullmatch(self.declared) and not hmac.compare_digest(self.declared, digest):
            raise _altered(self.signature.service)

    def check_signature(self, digest: str) -> None:
        """SignatureRefused when somebody else made it, or of another request."""
        signature = self.signature
        where = (signature.date, signature.region, signature.service)
        known = self.credential.signing_keys
        key = known.get(where) or sigv4.signing_key(self.credential.secret, *where)
        for canonical in sigv4.canonical_requests(self._wire, self._reading, signature, digest):
            if _same(sigv4.sign(key, sigv4.string_to_sign(signature, canonical)), signature.value):
                break
        else:
            raise SignatureRefused("InvalidSignatureException", _MISMATCH)
        if where not in known:  # only what was right is remembered: anybody may ask for any region
            if len(known) >= _KEYS_REMEMBERED:
                known.clear()
            known[where] = key
        self.credential.last_used = LastUsed(int(self._now() * 1000), signature.service, signature.region)

    def proving(self, receive: Receive) -> Receive:
        """The body as it comes; its last part only when it is what was signed. SignatureRefused then instead, once."""
        return _Proving(self, receive)

    def proving_arrived(self, arrived: Arrived) -> Arrived:
        """The same for a body that may be there as a whole."""

        def proven() -> bytes | None:
            body = arrived()
            if body is not None:
                self.prove(sha256(body).hexdigest())
            return body

        return proven


class _Proving:
    __slots__ = ("_claim", "_digest", "_receive", "_refused")

    def __init__(self, claim: Claim, receive: Receive) -> None:
        self._claim = claim
        self._receive = receive
        self._digest = sha256()
        self._refused = False

    async def __call__(self) -> Mapping[str, Any]:
        if self._refused:  # all of it came; who throws the rest away must not wait for more
            return {"type": "http.request", "body": b"", "more_body": False}
        message = await self._receive()
        if message["type"] == "http.request":
            self._digest.update(message.get("body", b""))
            if not message.get("more_body", False):
                self._refused = True
                self._claim.prove(self._digest.hexdigest())
                self._refused = False
        return message


async def hold(receive: Receive, most: int = MOST_HELD, otherwise: str = "") -> Receive:
    """The whole body, to be given again: for who must not begin before it is proven. RequestTooLarge, which says when it would be
    taken `otherwise`, RequestTimeoutException."""
    return await in_time(_held(receive, most, otherwise))


async def _held(receive: Receive, most: int, otherwise: str) -> Receive:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return _once(message, receive)
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise RequestTooLarge(f"Request must be smaller than {most} bytes{otherwise}.")
    return _once({"type": "http.request", "body": bytes(body), "more_body": False}, receive)


def _once(message: Mapping[str, Any], receive: Receive) -> Receive:
    """That message, and then whatever comes."""
    given = False

    async def again() -> Mapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return message

    return again


def _check_scope(signature: Signature, service: str | None, region: str | None) -> None:
    if service is not None and signature.service != service:
        raise _invalid(f"Credential should be scoped to correct service: '{service}'.")
    if region is not None and signature.region != region:
        raise _invalid(f"Credential should be scoped to a valid region, not '{signature.region[:_LONGEST_REGION]}'.")
    if len(signature.region) > _LONGEST_REGION or not _REGION.fullmatch(signature.region):
        raise _invalid("Credential should be scoped to a valid region.")
    if signature.date != signature.moment[:8]:
        raise _invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{signature.date[:16]}' != '{signature.moment[:8]}', from '{signature.moment[:32]}'."
        )


def _check_signed_headers(signature: Signature, reading: Reading) -> None:
    """What changes the meaning of a request must be signed: who is in between could add it."""
    if "host" not in signature.signed and ":authority" not in signature.signed:
        raise _invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    for name in reading.values:
        if name.startswith("x-amz-") and name not in signature.signed:
            raise _invalid(f"There were headers present in the request which were not signed: {name[:100]}")


def _check_time(signature: Signature, now: float) -> None:
    signed = sigv4.seconds_of(signature.moment)
    if signed is None:
        raise SignatureRefused(
            "IncompleteSignatureException",
            f"Date must be in ISO-8601 'basic format'. Got '{signature.moment[:32]}'. See http://en.wikipedia.org/wiki/ISO_8601",
        )
    skew = S3_SKEW_SECONDS if signature.service == "s3" else SKEW_SECONDS
    earliest, latest = now - (skew if signature.expires is None else signature.expires), now + skew
    if signed < earliest:
        minutes = f" ({sigv4.moment_of(now)} - {skew // 60} min.)" if signature.expires is None else ""
        raise _invalid(
            f"Signature expired: {signature.moment} is now earlier than {sigv4.moment_of(earliest)}{minutes}"
        )
    if signed > latest:
        raise _invalid(
            f"Signature not yet current: {signature.moment} is still later than {sigv4.moment_of(latest)} "
            f"({sigv4.moment_of(now)} + {skew // 60} min.)"
        )


def _declared(reading: Reading, signature: Signature) -> str | None:
    """The digest that was signed, when the request has it; for S3 also that the body is not part of it.

    Lambda takes no unsigned payload, whoever signs; chunks with signatures of their own are not read here.
    """
    said = reading.values.get("x-amz-content-sha256")
    if signature.service != "s3":
        return said if said is not None and _DIGEST.fullmatch(said) else None
    if said is None:
        return sigv4.UNSIGNED_PAYLOAD if signature.expires is not None else None
    if said.startswith("STREAMING-") and said != sigv4.STREAMING_UNSIGNED:
        raise SignatureRefused(
            "NotImplementedException",
            "Neve checks no signatures of chunks; let the client send its body unsigned or whole.",
        )
    return said if _DIGEST.fullmatch(said) or said in (sigv4.UNSIGNED_PAYLOAD, sigv4.STREAMING_UNSIGNED) else None


def _altered(service: str) -> SignatureRefused:
    if service == "s3":
        return SignatureRefused(
            "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    return _invalid(_MISMATCH)


def _same(one: str, other: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _invalid(message: str) -> SignatureRefused:
    return SignatureRefused("InvalidSignatureException", message)
