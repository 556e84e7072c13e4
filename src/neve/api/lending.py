"""Links to code archives and layers: who is given one may use it for ten minutes, without a key, as on the service."""

import time
from collections.abc import Callable

from neve.api.sigv4 import presigned
from neve.domain.world import World

LINK_SECONDS = 600

Lend = Callable[[World, str], str]
"""A URL of our own door, for something in that world, as it may be given away."""


def as_it_is(world: World, url: str) -> str:
    """Where nobody checks who calls."""
    return url


def signed_with(secret: str) -> Lend:
    """Signed for its account with Neve's own secret (`control/credentials.py`)."""

    def lend(world: World, url: str) -> str:
        return presigned(url, world.account, secret, world.region, "lambda", time.time(), LINK_SECONDS)

    return lend
