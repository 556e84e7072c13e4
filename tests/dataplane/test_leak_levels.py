"""When environments of a function version are explained instead of watched."""

import pytest

from neve.dataplane.leak_levels import LeakLevels
from neve.dataplane.slots import Holder
from neve.domain import record as kinds
from neve.domain.record import Origin, Record
from neve.domain.world import World

WORLD = World("000000000000", "us-east-1")
HOLDER = Holder(WORLD, "f", "$LATEST")


def leak(origin: str | None = "first", kind: str = kinds.LEAK) -> Record:
    return Record(kind, 0.0, Origin(WORLD, "f", "$LATEST", "e", "g", "s"), None, {"origin": origin})


def blocked(is_blocked: bool) -> Record:
    return Record(kinds.DIAGNOSIS, 0.0, Origin(WORLD, "f", "$LATEST", "e", "g", "s"), None, {"blocked": is_blocked})


def level(levels: LeakLevels, holder: Holder = HOLDER, family: str = "nodejs") -> str | None:
    return levels.variables(holder, family, 1769).get("_NEVE_LEAKS")


@pytest.mark.parametrize("setting", ["detect", "explain"])
def test_level_is_the_settings(setting: str) -> None:
    assert level(LeakLevels(setting)) == setting


def test_off_and_other_families_are_told_nothing() -> None:
    assert level(LeakLevels("off")) is None
    assert level(LeakLevels("explain"), family="provided") is None


def test_first_leak_switches_explanation_on_for_that_version_until_its_code_changes() -> None:
    levels = LeakLevels("detect")
    levels(leak(), None)
    assert level(levels) == "explain"
    assert level(levels, HOLDER._replace(version="1")) == "detect"
    levels.forget(HOLDER)
    assert level(levels) == "detect"


@pytest.mark.parametrize("record", [leak(None), leak(kind=kinds.LEAK_RESUMED)])
def test_what_the_init_phase_keeps_switches_nothing(record: Record) -> None:
    levels = LeakLevels("detect")
    levels(record, None)
    assert level(levels) == "detect"


def test_off_stays_off() -> None:
    levels = LeakLevels("off")
    levels(leak(), None)
    assert level(levels) is None


def test_version_whose_event_loop_was_blocked_gets_a_watchdog_for_its_next_environments() -> None:
    levels = LeakLevels("detect")
    levels(blocked(False), None)
    assert "_NEVE_WATCHDOG_MS" not in levels.variables(HOLDER, "nodejs", 128)
    levels(blocked(True), None)
    assert levels.variables(HOLDER, "nodejs", 128) == {"_NEVE_LEAKS": "detect", "_NEVE_WATCHDOG_MS": "953"}
    levels.forget(HOLDER)
    assert "_NEVE_WATCHDOG_MS" not in levels.variables(HOLDER, "nodejs", 128)
