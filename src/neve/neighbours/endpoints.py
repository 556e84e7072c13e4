"""Where services are instead, as the setting `endpoints` says (`docs/neighbours.md`)."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from neve.domain.errors import OperatorError
from neve.neighbours.request import Address

_OURS = ("lambda", "logs")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One service's place: a URL of scheme, host and port."""

    url: str

    @property
    def address(self) -> Address:
        """Where to connect."""
        parts = urlsplit(self.url)
        tls = parts.scheme == "https"
        return Address(parts.hostname or "", parts.port or (443 if tls else 80), tls)


def parse_endpoints(given: Mapping[str, object]) -> dict[str, Endpoint]:
    """By signing name (`states`), which differs from boto3's name (`stepfunctions`) for a few. OperatorError."""
    return {_signing_name(name): _endpoint(name, value) for name, value in given.items()}


def _endpoint(name: str, value: object) -> Endpoint:
    try:
        parts = urlsplit(str(value))
        right = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path in ("", "/") and not parts.query
        )
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        right = False
    if not right:
        raise OperatorError(f"the endpoint of {name} is {value!r}, and should be a URL like http://127.0.0.1:9324")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return Endpoint(f"{parts.scheme}://{host}{port}")


def _signing_name(name: str) -> str:
    if name in _OURS:
        raise OperatorError(f"the endpoint of {name} cannot be set: Neve itself answers for it")
    package = find_spec("botocore")
    places = (package.submodule_search_locations or []) if package is not None else []
    files = [file for place in places for file in Path(place, "data", name).glob("*/service-2.json*")] if name else []
    if not files:
        raise OperatorError(
            f"the setting endpoints names {name!r}, which is no service; names are those of boto3, like sqs, s3, stepfunctions"
        )
    newest = max(files, key=lambda file: file.parent.name)
    content = newest.read_bytes()
    metadata = json.loads(gzip.decompress(content) if newest.suffix == ".gz" else content)["metadata"]
    return str(metadata.get("signingName", metadata["endpointPrefix"]))
