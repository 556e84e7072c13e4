"""An event that waits to be run: what is remembered of it, and the settings by which its function treats it.

Source: async-invocation facts §1, §2, §6.
"""

from dataclasses import dataclass

from neve.domain.arn import function_arn
from neve.domain.function import LATEST, RecursiveLoop
from neve.domain.limits import EVENT_MAXIMUM_AGE_S, EVENT_RETRIES
from neve.domain.world import World


@dataclass(frozen=True, slots=True)
class Policy:
    """How the events of one function are treated when asked for by one qualifier: its settings at the moment of an attempt.

    Ages in seconds. Targets are ARNs; None where nothing is set. `dead_letter_arn` and `recursive_loop` are the
    function's own, whatever the qualifier.
    """

    retries: int = EVENT_RETRIES
    maximum_age_s: int = EVENT_MAXIMUM_AGE_S
    on_success: str | None = None
    on_failure: str | None = None
    dead_letter_arn: str | None = None
    recursive_loop: RecursiveLoop = RecursiveLoop.TERMINATE


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """One event. `qualifier` is as it was asked for (None without), `payload` JSON text that was checked at the door.

    `trace_header` already counts this run of the function (`domain/lineage.py`) and is the same in every attempt.
    Times in UTC milliseconds.
    """

    request_id: str
    world: World
    function_name: str
    qualifier: str | None
    payload: bytes
    trace_header: str
    accepted_ms: float

    @property
    def function_arn(self) -> str:
        """With a qualifier always, as in the records of destinations."""
        return function_arn(self.world, self.function_name, self.qualifier or LATEST)
