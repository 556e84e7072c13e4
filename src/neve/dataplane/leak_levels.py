"""How closely each function version is watched for execution leaks: detection is cheap, explanation on demand (design D12)."""

from collections.abc import Mapping

from neve.dataplane.slots import Holder
from neve.domain import record as kinds
from neve.domain.record import Record

OFF, DETECT, EXPLAIN = "off", "detect", "explain"
_WATCHED_FAMILIES = ("nodejs",)


class LeakLevels:
    """A subscriber of the stream: a version that leaks is explained from its next environment on."""

    def __init__(self, setting: str) -> None:
        self._setting = setting
        self._leaking: set[Holder] = set()

    def variables(self, holder: Holder, family: str) -> Mapping[str, str]:
        """What tells the runtime client of an environment that begins now."""
        if family not in _WATCHED_FAMILIES or self._setting == OFF:
            return {}
        return {"_NEVE_LEAKS": EXPLAIN if holder in self._leaking else self._setting}

    def forget(self, holder: Holder) -> None:
        """The version has other code or is gone."""
        self._leaking.discard(holder)

    def __call__(self, record: Record, line: str | None) -> None:
        """The subscriber. What the init phase made is no leak."""
        if record.type == kinds.LEAK and record.record["origin"] is not None:
            origin = record.origin
            self._leaking.add(Holder(origin.world, origin.function_name, origin.version))
