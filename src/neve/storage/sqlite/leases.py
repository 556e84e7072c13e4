"""Who holds what: leases are in memory, because they end with the process (`storage/store.py`, EventStore)."""

import asyncio


class LeaseBook:
    """The ids of rows that somebody holds, by lane."""

    def __init__(self) -> None:
        self._held: dict[int, set[int]] = {}
        self._turns: dict[int, asyncio.Lock] = {}

    def turn(self, lane: int) -> asyncio.Lock:
        """Held while rows of the lane are read to be leased, or are moved: one at a time."""
        return self._turns.setdefault(lane, asyncio.Lock())

    def held(self, lane: int) -> frozenset[int]:
        """As of now. Ask before the rows are read: one that ends meanwhile may still be seen, and must not be leased again."""
        return frozenset(self._held.get(lane, ()))

    def count(self, lane: int) -> int:
        """How many rows of the lane somebody holds."""
        return len(self._held.get(lane, ()))

    def hold(self, lane: int, row: int) -> None:
        """From now on."""
        self._held.setdefault(lane, set()).add(row)

    def release(self, lane: int, row: int) -> None:
        """Harmless when nobody holds it."""
        held = self._held.get(lane, set())
        held.discard(row)
        if not held:
            self._held.pop(lane, None)
