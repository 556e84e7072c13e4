"""How much time there is when an environment ends, as the table of lifecycle facts §4 says."""

import pytest

from neve.domain.extension import Extension, ExtensionState
from neve.domain.shutdown import Budget, Reason, budget

SPINDOWN, TIMEOUT, FAILURE = Reason.SPINDOWN, Reason.TIMEOUT, Reason.FAILURE
INTERNAL, EXTERNAL = False, True
NONE = Budget(0.0, 0.0)


def extension(external: bool, state: ExtensionState = ExtensionState.READY) -> Extension:
    return Extension("x", external, state)


@pytest.mark.parametrize(
    ("kinds", "reason", "expected"),
    [
        ([], SPINDOWN, NONE),
        ([INTERNAL], SPINDOWN, Budget(0.5, 0.5)),
        ([EXTERNAL], SPINDOWN, Budget(0.3, 2.0)),
        ([INTERNAL, EXTERNAL], SPINDOWN, Budget(0.3, 2.0)),
        ([], TIMEOUT, NONE),
        ([INTERNAL], TIMEOUT, NONE),
        ([EXTERNAL], TIMEOUT, Budget(0.0, 2.0)),
        ([EXTERNAL], FAILURE, Budget(0.0, 2.0)),
    ],
)
def test_time_is_given_by_who_takes_part_and_why_it_ends(kinds: list[bool], reason: Reason, expected: Budget) -> None:
    assert budget([extension(kind) for kind in kinds], reason) == expected


@pytest.mark.parametrize("state", ExtensionState)
def test_only_who_has_registered_and_is_there_gets_time(state: ExtensionState) -> None:
    there = state in (ExtensionState.REGISTERED, ExtensionState.READY, ExtensionState.RUNNING)
    assert (budget([extension(EXTERNAL, state)], SPINDOWN) != NONE) == there
