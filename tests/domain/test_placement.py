"""When an invocation gets a new environment."""

import pytest

from neve.domain.placement import Placement, place


@pytest.mark.parametrize(
    ("waiting", "starting", "draining", "decision"),
    [
        (1, 0, 0, Placement.START),
        (1, 1, 0, Placement.WAIT),
        (2, 1, 0, Placement.START),
        (1, 0, 1, Placement.WAIT_A_MOMENT),
        (2, 0, 1, Placement.START),
        (2, 1, 1, Placement.WAIT_A_MOMENT),
        (3, 3, 5, Placement.WAIT),
    ],
)
def test_place(waiting: int, starting: int, draining: int, decision: Placement) -> None:
    assert place(waiting, starting, draining) is decision
