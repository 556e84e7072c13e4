"""What functions cost, under `/_neve/costs` (docs/cost.md)."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from neve.domain.price import Cost, Prices, Usage
from neve.domain.world import World


class FunctionCost(Protocol):
    """One function on one architecture."""

    @property
    def world(self) -> World:
        """Where it is."""

    @property
    def function_name(self) -> str:
        """Its name."""

    @property
    def architecture(self) -> str:
        """`x86_64` or `arm64`."""

    @property
    def usage(self) -> Usage:
        """What it used."""

    @property
    def cost(self) -> Cost:
        """What that costs."""


class Costs(Protocol):
    """Who adds up."""

    @property
    def prices(self) -> Prices:
        """By which prices."""

    def costs(self, function_name: str | None) -> Iterable[FunctionCost]:
        """The dearest first."""


class Waits(Protocol):
    """Who knows what runs waited for."""

    def waited(self, function_name: str) -> tuple[float, float]:
        """How long remembered runs of a function had a call open, and how long they took; milliseconds."""


def look(costs: Costs, waits: Waits, query: Mapping[str, str]) -> dict[str, Any]:
    """`?function=NAME&account=…`, each of which may be left out."""
    account = query.get("account")
    found = (each for each in costs.costs(query.get("function")) if account in (None, each.world.account))
    return {"prices": asdict(costs.prices), "functions": [_function(each, waits) for each in found]}


def _function(each: FunctionCost, waits: Waits) -> dict[str, Any]:
    usage, cost = each.usage, each.cost
    waited_ms, ran_ms = waits.waited(each.function_name)
    return {
        "function": each.function_name,
        "account": each.world.account,
        "region": each.world.region,
        "architecture": each.architecture,
        "requests": usage.requests,
        "billedMs": round(usage.billed_ms, 3),
        "initMs": round(usage.init_ms, 3),
        "gbSeconds": usage.gb_seconds,
        "storageGbSeconds": usage.storage_gb_seconds,
        "cost": {**asdict(cost), "total": cost.total},
        "costOfAMillion": cost.total / usage.requests * 1_000_000,
        "waiting": {"waitedMs": round(waited_ms, 3), "ranMs": round(ran_ms, 3)},
    }
