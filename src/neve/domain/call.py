"""Who calls, and what an operation is to the door: parsed members in, members out, domain errors raised."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from neve.domain.principal import Principal
from neve.domain.world import World


class Call(msgspec.Struct, frozen=True):
    """One request to the API, as far as an operation may know it. `principal` is who calls, where that is proven."""

    world: World
    request_id: str
    principal: Principal | None = None


Operation = Callable[[Call, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""An operation of a service: members named as in the service model, checked against it, blobs as bytes."""
