"""The service models that botocore ships: loaded once for each service, on first use (about 20 ms, measured).

The JSON files are read where botocore keeps them, without importing botocore: that alone takes 65 ms of every start.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from neve.domain.errors import OperatorError

Shape = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OperationModel:
    """One operation: its method, URI template, success status, and the names of its shapes (None: it has none)."""

    name: str
    method: str
    uri: str
    status: int
    input: str | None
    output: str | None
    errors: tuple[str, ...]


@dataclass(frozen=True)
class ServiceModel:
    """One service: `protocol` is `rest-json` or `json`; `target_prefix` is what X-Amz-Target begins with, for `json`."""

    name: str
    protocol: str
    signing_name: str
    target_prefix: str | None
    operations: Mapping[str, OperationModel]
    shapes: Mapping[str, Shape] = field(repr=False)

    @property
    def json_rpc(self) -> bool:
        """Whether operations are named by X-Amz-Target instead of by path."""
        return self.protocol == "json"


@cache
def load(name: str) -> ServiceModel:
    """The newest model of a service by botocore's name of it (`lambda`, `logs`). OperatorError when it is not there."""
    raw = msgspec.json.decode(_read(name))
    metadata = raw["metadata"]
    return ServiceModel(
        name=name,
        protocol=metadata["protocol"],
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
        target_prefix=metadata.get("targetPrefix"),
        operations={key: _operation(key, value) for key, value in raw["operations"].items()},
        shapes=raw["shapes"],
    )


def _read(name: str) -> bytes:
    package = find_spec("botocore")
    places = [] if package is None else package.submodule_search_locations or []
    found = [file for place in places for file in Path(place, "data", name).glob("*/service-2.json*")]
    if not found:
        raise OperatorError(f"botocore has no model of the service {name}; reinstall it with: pip install botocore")
    newest = max(found, key=lambda file: file.parent.name)
    content = newest.read_bytes()
    return gzip.decompress(content) if newest.suffix == ".gz" else content


def _operation(name: str, raw: Mapping[str, Any]) -> OperationModel:
    return OperationModel(
        name=name,
        method=raw["http"]["method"],
        uri=raw["http"]["requestUri"],
        status=raw["http"].get("responseCode", 200),
        input=raw["input"]["shape"] if "input" in raw else None,
        output=raw["output"]["shape"] if "output" in raw else None,
        errors=tuple(error["shape"] for error in raw.get("errors", ())),
    )
