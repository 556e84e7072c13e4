"""Adds up what functions used since Neve was started: a subscriber of the stream, in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

from neve.domain import record as kinds
from neve.domain.price import Cost, Prices, Usage, both, cost_of, usage_of
from neve.domain.record import Record
from neve.domain.world import World

_Key = tuple[World, str, str]


@dataclass(frozen=True, slots=True)
class FunctionCost:
    """One function on one architecture."""

    world: World
    function_name: str
    architecture: str
    usage: Usage
    cost: Cost


class CostBook:
    """All methods belong to the event loop's thread."""

    types = frozenset({kinds.REPORT})

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self._used: dict[_Key, Usage] = {}

    def __call__(self, record: Record, line: str | None) -> None:
        """The subscriber."""
        if record.type != kinds.REPORT:
            return
        origin, metrics = record.origin, record.record["metrics"]
        init_ms = metrics.get("initDurationMs", 0.0)
        used = usage_of(metrics["billedDurationMs"], init_ms, metrics["memorySizeMB"], origin.storage_mb)
        key = (origin.world, origin.function_name, origin.architecture)
        before = self._used.get(key)
        self._used[key] = used if before is None else both(before, used)

    def costs(self, function_name: str | None) -> Iterator[FunctionCost]:
        """Of functions with this name, or of all; the dearest first."""
        found = [
            FunctionCost(world, name, architecture, usage, cost_of(usage, architecture, self.prices))
            for (world, name, architecture), usage in self._used.items()
            if function_name in (None, name)
        ]
        return iter(sorted(found, key=lambda each: each.cost.total, reverse=True))
