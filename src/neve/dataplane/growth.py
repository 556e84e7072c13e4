"""How fast functions start environments: each has a rate of its own over all its versions."""

from neve.clock import Clock
from neve.domain.concurrency import Growth
from neve.domain.world import World

_FRESH = Growth()


class Growths:
    """The rate of every function."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._growths: dict[tuple[World, str], Growth] = {}

    def start(self, world: World, name: str, wanted: int) -> int:
        """How many of `wanted` environments may be started now; they count as started."""
        granted, growth = self._growths.get((world, name), _FRESH).start(wanted, self._clock.now())
        self._growths[world, name] = growth
        return granted

    def forget_idle(self) -> None:
        """Forget functions that have their whole rate again."""
        now = self._clock.now()
        self._growths = {key: growth for key, growth in self._growths.items() if not growth.is_full(now)}
