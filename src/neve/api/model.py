"""The service models that botocore ships: loaded once for each service, on first use (about 15 ms, measured).

Only the plain JSON of the model is read, so that botocore's own classes cost nothing at run time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.loaders import Loader

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
    """The model of a service by botocore's name of it (`lambda`, `logs`)."""
    raw = Loader().load_service_model(name, "service-2")
    metadata = raw["metadata"]
    return ServiceModel(
        name=name,
        protocol=metadata["protocol"],
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
        target_prefix=metadata.get("targetPrefix"),
        operations={key: _operation(key, value) for key, value in raw["operations"].items()},
        shapes=raw["shapes"],
    )


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
