"""How closely each function version is watched for execution leaks: detection is cheap, explanation on demand (design D12)."""

from collections.abc import Mapping

from neve.dataplane.slots import Holder
from neve.domain import record as kinds
from neve.domain.limits import MEMORY_MB_PER_CPU
from neve.domain.record import Record

OFF, DETECT, EXPLAIN = "off", "detect", "explain"
_LEVEL, _WATCHDOG_MS = "_NEVE_LEAKS", "_NEVE_WATCHDOG_MS"
_WATCHED_FAMILIES = ("nodejs", "python")


def is_watched(environment: Mapping[str, str]) -> bool:
    """Whether processes with these variables have a leak watch, which also answers why an invocation takes so long."""
    return _LEVEL in environment


def watchdog_s(environment: Mapping[str, str]) -> float | None:
    """How long before the end of its time the watchdog of such processes looks at an invocation; None without one."""
    given = environment.get(_WATCHDOG_MS)
    return None if given is None else int(given) / 1000.0


def _watchdog_ms(memory_mb: int) -> int:
    """To look takes some 40 ms of CPU, which a small function has to wait for."""
    return 400 + round(40 * max(1.0, MEMORY_MB_PER_CPU / memory_mb))


class LeakLevels:
    """A subscriber of the stream: what a version needs more of, its next environments have."""

    types = frozenset({kinds.LEAK, kinds.DIAGNOSIS})

    def __init__(self, setting: str) -> None:
        self._setting = setting
        self._leaking: set[Holder] = set()
        self._blocking: set[Holder] = set()

    def variables(self, holder: Holder, family: str, memory_mb: int) -> Mapping[str, str]:
        """What tells the runtime client of an environment that begins now."""
        if family not in _WATCHED_FAMILIES or self._setting == OFF:
            return {}
        level = {_LEVEL: EXPLAIN if holder in self._leaking else self._setting}
        return {**level, _WATCHDOG_MS: str(_watchdog_ms(memory_mb))} if holder in self._blocking else level

    def forget(self, holder: Holder) -> None:
        """The version has other code or is gone."""
        self._leaking.discard(holder)
        self._blocking.discard(holder)

    def __call__(self, record: Record, line: str | None) -> None:
        """The subscriber. What the init phase made is no leak."""
        if record.type == kinds.LEAK and record.record["origin"] is not None:
            self._leaking.add(_holder(record))
        elif record.type == kinds.DIAGNOSIS and record.record["blocked"]:
            self._blocking.add(_holder(record))


def _holder(record: Record) -> Holder:
    return Holder(record.origin.world, record.origin.function_name, record.origin.version)
