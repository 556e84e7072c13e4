"""How closely each function version is watched for execution leaks: detection is cheap, explanation on demand (design D12)."""

from collections.abc import Mapping

from neve.dataplane.slots import Holder
from neve.domain import record as kinds
from neve.domain.record import Record

OFF, DETECT, EXPLAIN = "off", "detect", "explain"
_LEVEL, _WATCHDOG = "_NEVE_LEAKS", "_NEVE_WATCHDOG"
_WATCHED_FAMILIES = ("nodejs",)


def is_watched(environment: Mapping[str, str]) -> bool:
    """Whether processes with these variables have a leak watch, which also answers why an invocation takes so long."""
    return _LEVEL in environment


class LeakLevels:
    """A subscriber of the stream: what a version needs more of, its next environments have."""

    def __init__(self, setting: str) -> None:
        self._setting = setting
        self._leaking: set[Holder] = set()
        self._blocking: set[Holder] = set()

    def variables(self, holder: Holder, family: str) -> Mapping[str, str]:
        """What tells the runtime client of an environment that begins now."""
        if family not in _WATCHED_FAMILIES or self._setting == OFF:
            return {}
        level = {_LEVEL: EXPLAIN if holder in self._leaking else self._setting}
        return {**level, _WATCHDOG: "1"} if holder in self._blocking else level

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
