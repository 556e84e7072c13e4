"""Fates on purpose, under `/_neve/environments/…` (docs/testing.md): when an idle environment freezes, and when it ends.

On Lambda nobody can say either. Whoever tests what a handler leaves behind has to.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

from neve.api.own_body import members_of
from neve.domain.errors import InvalidParameterValue
from neve.domain.world import World

LONGEST_GRACE_S = 900.0
_ASK = 'Send {"function": NAME}; "account" and "region" say which one, where they are not those of the signature.'


class Environments(Protocol):
    """Who has them."""

    def set_grace(self, world: World, name: str, grace_s: float | None) -> None:
        """Wait so long before a freeze from now on."""

    async def reclaim(self, world: World, name: str) -> Sequence[str]:
        """End those that are idle: their ids."""


async def freezing(environments: Environments, world: World, body: bytes) -> dict[str, Any]:
    """`graceSeconds`: how long the function's idle environments wait before they freeze; null: as the settings say."""
    members = members_of(body, _ASK)
    world, name = _place(world, members)
    grace = _grace(members)
    environments.set_grace(world, name, grace)
    return {"function": name, "graceSeconds": grace}


async def reclaim(environments: Environments, world: World, body: bytes) -> dict[str, Any]:
    """End the function's idle environments, as Lambda does when it needs the room; answers when they are gone."""
    world, name = _place(world, members_of(body, _ASK))
    return {"function": name, "reclaimed": list(await environments.reclaim(world, name))}


def _place(world: World, members: dict[str, Any]) -> tuple[World, str]:
    name, account, region = (
        members.get("function"),
        members.get("account", world.account),
        members.get("region", world.region),
    )
    if not (isinstance(name, str) and name and isinstance(account, str) and isinstance(region, str)):
        raise InvalidParameterValue(_ASK)
    return World(account, region), name


def _grace(members: dict[str, Any]) -> float | None:
    grace = members.get("graceSeconds")
    if grace is None:
        return None
    if (
        not isinstance(grace, int | float)
        or isinstance(grace, bool)
        or not (math.isfinite(grace) and 0 <= grace <= LONGEST_GRACE_S)
    ):
        raise InvalidParameterValue(f"graceSeconds is a number from 0 to {LONGEST_GRACE_S:.0f}, or null.")
    return float(grace)
