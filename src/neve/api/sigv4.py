"""AWS Signature Version 4 as who verifies it sees it: what a request says of its signature, and what was signed.

The canonical form is worked out from the request as it came, raw: a client signs what it sends. Only a query that the client
encoded in another way than AWS's rules say is tried in AWS's form, too. Everything here is pure; `gate.py` knows keys and time.
Source: AWS, "Signature Version 4 for API requests"; `tests/api/test_sigv4.py` holds it equal to botocore.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote, unquote_plus, unquote_to_bytes, urlsplit

from neve.domain.errors import SignatureRefused

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STREAMING_UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY_DIGEST = sha256(b"").hexdigest()
LONGEST_EXPIRES = 604_800
_MOMENT = "%Y%m%dT%H%M%SZ"
_SHOWN = 500

Headers = Sequence[tuple[bytes, bytes]]


class Wire(NamedTuple):
    """A request as it came: raw path and query, header names in lower case, in their order, repeated ones too."""

    method: str
    path: bytes
    query: bytes
    headers: Headers


class Signature(NamedTuple):
    """What a request says of its signature. `moment` as in X-Amz-Date; `expires` in seconds of a presigned URL, else None."""

    access_key: str
    date: str
    region: str
    service: str
    signed: tuple[str, ...]
    value: str
    moment: str
    expires: int | None
    token: str | None


class Reading(NamedTuple):
    """The headers of a request by name, repeated ones joined; Latin-1, as HTTP says."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, headers: Headers) -> "Reading":
        """Of the headers as they came."""
        values: dict[str, str] = {}
        for raw_name, raw_value in headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            values[name] = f"{_trimmed(values[name])},{_trimmed(value)}" if name in values else value
        return cls(values)


def read_signature(wire: Wire, reading: Reading) -> Signature | None:
    """What is said of the signature, in the headers or in the query; None when the request is not signed at all.

    SignatureRefused when it cannot be read.
    """
    authorization = reading.values.get("authorization")
    if authorization is not None:
        return _of_header(authorization, reading)
    if b"X-Amz-Signature=" in wire.query or b"X-Amz-Credential=" in wire.query or b"X-Amz-Algorithm=" in wire.query:
        return _of_query(wire.query)
    return None


def _of_header(text: str, reading: Reading) -> Signature:
    algorithm, _, rest = text.partition(" ")
    if algorithm.startswith("AWS4-") and algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm[:_SHOWN]}'.")
    moment = _moment(reading)
    members = _members(text, rest) if algorithm == ALGORITHM else {}
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not members.get(name)
    ]
    if moment is None:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing or moment is None:
        raise _incomplete(f"{' '.join(missing)} Authorization={text[:_SHOWN]}")
    credential = _credential(members["Credential"])
    token = reading.values.get("x-amz-security-token")
    signed = tuple(members["SignedHeaders"].split(";"))
    return Signature(*credential, signed, members["Signature"], moment, None, token)


@lru_cache(maxsize=1024)
def _credential(text: str) -> tuple[str, str, str, str]:
    """Access key, date, region and service."""
    parts = text.split("/")
    if len(parts) != 5:
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            f"'{text[:_SHOWN]}'."
        )
    if parts[4] != TERMINATOR:
        raise _invalid(
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{parts[4][:_SHOWN]}'."
        )
    return parts[0], parts[1], parts[2], parts[3]


def _members(text: str, rest: str) -> dict[str, str]:
    members = {}
    for part in rest.split(","):
        name, mark, value = part.strip(" ").partition("=")
        if not mark:
            raise _incomplete(
                f"'{name[:_SHOWN]}' not a valid key=value pair (missing equal-sign) in Authorization header: '{text[:_SHOWN]}'."
            )
        if name in members:
            raise _incomplete(f"Authorization header requires '{name[:_SHOWN]}' once: '{text[:_SHOWN]}'.")
        members[name] = value
    return members


def _moment(reading: Reading) -> str | None:
    """When it was signed: X-Amz-Date, else Date in either form."""
    moment = reading.values.get("x-amz-date")
    if moment is not None:
        return moment.strip()
    date = reading.values.get("date")
    if date is None or seconds_of(date) is not None:
        return date
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime(_MOMENT)
    except (ValueError, OverflowError):
        return None


_IN_A_QUERY = (
    *("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"),
    *("X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"),
)


def _of_query(query: bytes) -> Signature:
    given: dict[str, str] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name.startswith(b"X-Amz-"):
            text = name.decode("latin-1")
            if text in given:
                raise _incomplete(f"AWS query-string parameters must be given once: '{text[:_SHOWN]}'.")
            given[text] = unquote_to_bytes(value).decode("latin-1")
    missing = [name for name in _IN_A_QUERY if not given.get(name)]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        raise _incomplete(f"AWS query-string parameters must include {listed}. Re-examine the query-string parameters.")
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{given['X-Amz-Algorithm'][:_SHOWN]}'.")
    expires = given["X-Amz-Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) < 9 and 1 <= int(expires) <= LONGEST_EXPIRES):
        raise _incomplete(f"X-Amz-Expires must be between 1 and {LONGEST_EXPIRES} seconds.")
    return Signature(
        *_credential(given["X-Amz-Credential"]),
        tuple(given["X-Amz-SignedHeaders"].split(";")),
        given["X-Amz-Signature"],
        given["X-Amz-Date"],
        int(expires),
        given.get("X-Amz-Security-Token"),
    )


# Time


@lru_cache(maxsize=256)  # requests of the same second share it
def seconds_of(moment: str) -> int | None:
    """Unix seconds of `20250131T235959Z`; None for anything else."""
    if len(moment) != 16 or not moment.isascii():
        return None
    try:
        return int(datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def moment_of(seconds: float) -> str:
    """Unix seconds as X-Amz-Date has them."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_MOMENT)


# What was signed


def canonical_requests(wire: Wire, reading: Reading, signature: Signature, digest: str) -> Sequence[str]:
    """The request as its client may have put it together: the first is what it most likely did."""
    path = canonical_path(wire.path, signature.service)
    names = signature.signed
    headers = "".join([f"{name}:{_trimmed(reading.values.get(name, ''))}\n" for name in names])
    rest = f"{headers}\n{';'.join(names)}\n{digest}"
    query = wire.query.decode("latin-1")
    pairs = [_pair(each) for each in query.split("&")] if query else []
    if signature.expires is not None:
        pairs = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
    sent = _joined(pairs)
    first = f"{wire.method}\n{path}\n{sent}\n{rest}"
    if not pairs:
        return (first,)
    encoded = _joined([(_encoded(name), _encoded(value)) for name, value in pairs if name or value])
    return (first,) if encoded == sent else (first, f"{wire.method}\n{path}\n{encoded}\n{rest}")


def string_to_sign(signature: Signature, canonical: str) -> str:
    """What the signing key is applied to."""
    scope = f"{signature.date}/{signature.region}/{signature.service}/{TERMINATOR}"
    return f"{ALGORITHM}\n{signature.moment}\n{scope}\n{sha256(canonical.encode('utf-8', 'replace')).hexdigest()}"


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """What a secret becomes for a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode("utf-8", "replace"), "sha256")
    return key


def sign(key: bytes, text: str) -> str:
    """The signature, in hexadecimal digits."""
    return hmac.digest(key, text.encode("utf-8", "replace"), "sha256").hex()


def presigned(url: str, access_key: str, secret: str, region: str, service: str, now: float, expires: int) -> str:
    """A URL for GET that carries its signature. `url` is canonical already: encoded once, a query in its order."""
    parts = urlsplit(url)
    moment = moment_of(now)
    members = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{access_key}/{moment[:8]}/{region}/{service}/{TERMINATOR}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": "host",
    }
    pairs = [
        *([parts.query] if parts.query else []),
        *(f"{name}={quote(value, safe='-_.~')}" for name, value in members.items()),
    ]
    query = "&".join(pairs)
    wire = Wire("GET", parts.path.encode(), query.encode(), [(b"host", parts.netloc.encode())])
    signature = Signature(access_key, moment[:8], region, service, ("host",), "", moment, expires, None)
    canonical = canonical_requests(wire, Reading.of(wire.headers), signature, EMPTY_DIGEST)[0]
    key = signing_key(secret, moment[:8], region, service)
    return f"{url.partition('?')[0]}?{query}&X-Amz-Signature={sign(key, string_to_sign(signature, canonical))}"


def canonical_path(path: bytes, service: str) -> str:
    """S3 takes the path as it is; all others without dots and empty segments, encoded once more than it was sent."""
    text = path.decode("latin-1")
    if service == "s3":
        return text
    if "//" in text or "/." in text:
        text = _without_dots(text)
    return _quoted_path(text or "/")


@lru_cache(maxsize=1024)  # the same few paths all day
def _quoted_path(text: str) -> str:
    return quote(text, safe="/~")


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if kept:
                kept.pop()
        elif part and part != ".":
            kept.append(part)
    first = "/" if path.startswith("/") else ""
    last = "/" if path.endswith("/") and kept else ""
    return first + "/".join(kept) + last


def _trimmed(text: str) -> str:
    """White space at the ends gone, within made single spaces, as botocore does."""
    return " ".join(text.split())


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _joined(pairs: list[tuple[str, str]]) -> str:
    if len(pairs) > 1:
        pairs = sorted(pairs)
    return "&".join([f"{name}={value}" for name, value in pairs])


def _encoded(text: str) -> str:
    """In the one encoding that AWS's rules allow."""
    return quote(unquote_plus(text, errors="surrogateescape"), safe="-_.~", errors="surrogateescape")


def _incomplete(message: str) -> SignatureRefused:
    return SignatureRefused("IncompleteSignatureException", message)


def _invalid(message: str) -> SignatureRefused:
    return SignatureRefused("InvalidSignatureException", message)
