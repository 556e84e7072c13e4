"""Signs the requests of the commands as the AWS command line would: by hand, because an SDK takes longer than the request.

Source: AWS, "Signature Version 4 for API requests".
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote

from neve.cli import caller


def signed(
    service: str,
    method: str,
    target: str,
    host: str,
    body: bytes,
    headers: Mapping[str, str],
    credentials: caller.Credentials,
) -> dict[str, str]:
    """The headers with those of the signature; `target` is path and query, each encoded once, the query in its order."""
    region = caller.region()
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"Host": host, "X-Amz-Date": moment, "X-Amz-Content-Sha256": sha256(body).hexdigest()}
    if credentials.token:
        added["X-Amz-Security-Token"] = credentials.token
    all_headers = {**headers, **added}
    lower = {name.lower(): " ".join(value.split()) for name, value in all_headers.items()}
    names = ";".join(sorted(lower))
    path, _, query = target.partition("?")
    lines = "".join(f"{name}:{lower[name]}\n" for name in sorted(lower))
    request = "\n".join((method, quote(path, safe="/~"), _ordered(query), lines, names, added["X-Amz-Content-Sha256"]))
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    line = f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**all_headers, "Authorization": line}


def _ordered(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, _, value in sorted(pairs))
