"""How much time everybody gets when an environment ends. Source: lifecycle facts §3, §4."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from neve.domain.extension import Extension


class Reason(Enum):
    """Why an environment is shut down or reset, as SHUTDOWN events tell it."""

    SPINDOWN = "spindown"
    TIMEOUT = "timeout"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds: `runtime_s` from SIGTERM to SIGKILL for the runtime (0: no SIGTERM), `total_s` for all."""

    runtime_s: float
    total_s: float


NOTHING = Budget(0.0, 0.0)
_INTERNAL = Budget(0.5, 0.5)
_EXTERNAL = Budget(0.3, 2.0)


def budget(extensions: Iterable[Extension], reason: Reason) -> Budget:
    """What there is for those who registered and are there. After a failure or a timeout the runtime gets no time."""
    there = [each for each in extensions if each.takes_part]
    if not there:
        return NOTHING
    external = any(each.external for each in there)
    if reason is Reason.SPINDOWN:
        return _EXTERNAL if external else _INTERNAL
    return Budget(0.0, _EXTERNAL.total_s) if external else NOTHING
