"""Shuts down environments that nobody used for a while. The freeze itself is an action of the state table."""

from neve.clock import Clock
from neve.dataplane.invoke import DataPlane

_SHORTEST_WAIT_S = 0.05


async def run_idler(plane: DataPlane, clock: Clock, idle_s: float) -> None:
    """Runs until it is cancelled."""
    while True:
        oldest = plane.stop_idle_since(clock.now() - idle_s)
        wait_s = idle_s if oldest is None else oldest + idle_s - clock.now()
        await clock.sleep(max(wait_s, _SHORTEST_WAIT_S))
