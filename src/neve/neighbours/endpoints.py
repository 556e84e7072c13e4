"""Where services are instead, as the setting `endpoints` says (`docs/neighbours.md`)."""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from neve.domain.errors import OperatorError
from neve.neighbours.request import Address

AWS = "aws"
_OURS = ("lambda", "logs")
_OF_AWS = re.compile(r"\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws|amazonaws\.eu)$")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The place of the service `name` (boto3's): a URL of scheme, host and port, or None for AWS itself.

    Requests that go there are `signed` anew, by the key and secret that were in the URL if there are any.
    """

    name: str
    url: str | None
    signed: bool = False
    access_key: str | None = None
    secret_key: str = ""

    @property
    def of_aws(self) -> bool:
        """Whether it is AWS that answers there."""
        return self.url is None or _OF_AWS.search(self.address.host) is not None

    @property
    def address(self) -> Address:
        """Where to connect, for one that has a URL."""
        parts = urlsplit(self.url or "")
        tls = parts.scheme == "https"
        return Address(parts.hostname or "", parts.port or (443 if tls else 80), tls)


def parse_endpoints(given: Mapping[str, object]) -> dict[str, Endpoint]:
    """By signing name (`states`), which differs from boto3's name (`stepfunctions`) for a few. OperatorError."""
    return dict(_parse(name, value) for name, value in given.items())


def _parse(name: str, value: object) -> tuple[str, Endpoint]:
    metadata = _metadata(name)
    signing_name = str(metadata.get("signingName", metadata["endpointPrefix"]))
    if value == AWS:
        return signing_name, Endpoint(name, None, signed=True)
    return signing_name, _at(name, str(value))


def _at(name: str, value: str) -> Endpoint:
    try:
        parts = urlsplit(value)
        port = f":{parts.port}" if parts.port is not None else ""
        right = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/") and not parts.query
    except ValueError:
        right = False
    if not right:
        raise OperatorError(
            f"the endpoint of {name} is {value!r}, and should be a URL like http://127.0.0.1:9324, or `{AWS}`"
        )
    host = parts.hostname or ""
    url = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
    if parts.username is not None:
        return Endpoint(name, url, True, unquote(parts.username), unquote(parts.password or ""))
    return Endpoint(name, url, signed=_OF_AWS.search(host) is not None)


def _metadata(name: str) -> Mapping[str, str]:
    """Of the service's newest model in botocore."""
    if name in _OURS:
        raise OperatorError(f"the endpoint of {name} cannot be set: Neve itself answers for it")
    package = find_spec("botocore")
    places = (package.submodule_search_locations or []) if package is not None else []
    files = [file for place in places for file in Path(place, "data", name).glob("*/service-2.json*")] if name else []
    if not files:
        said = f"the setting endpoints names {name!r}, which is no service"
        raise OperatorError(f"{said}; names are those of boto3, like sqs, s3, stepfunctions")
    newest = max(files, key=lambda file: file.parent.name)
    content = newest.read_bytes()
    found: Mapping[str, str] = json.loads(gzip.decompress(content) if newest.suffix == ".gz" else content)["metadata"]
    return found
