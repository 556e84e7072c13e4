"""How many events run at once over all functions, and how they share that: always some room is left for a newcomer."""

from typing import Protocol


class Guest(Protocol):
    """Who wants to run something."""

    @property
    def running(self) -> int:
        """How much of it runs now."""

    def invite(self) -> None:
        """There may be room now: `take` again, or `pass_on`."""


class Room:
    """`total` places. A guest may take one more as long as it has fewer than are free.

    So one guest alone gets half of them, two get a third each, and whoever comes next finds a place at once, however long
    those that run take.
    """

    def __init__(self, total: int) -> None:
        self._free = total
        self._waiting: dict[Guest, None] = {}

    def take(self, guest: Guest) -> bool:
        """A place if there is one; else the guest is invited when there may be, who waits longest first."""
        if guest.running < self._free:
            self._free -= 1
            self._waiting.pop(guest, None)
            return True
        self._waiting.setdefault(guest)
        return False

    def give_back(self) -> None:
        """One that ran has ended."""
        self._free += 1
        self.pass_on()

    def pass_on(self) -> None:
        """An invitation that was not needed is the next one's."""
        guest = next(iter(self._waiting), None)
        if guest is not None:
            del self._waiting[guest]
            guest.invite()

    def leave(self, guest: Guest) -> None:
        """It wants no more."""
        self._waiting.pop(guest, None)
