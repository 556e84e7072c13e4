"""Billed durations of both eras; the recorded figures are the service's own."""

import pytest

from neve.domain.billing import billed_ms


@pytest.mark.parametrize(
    ("duration", "init", "step", "init_billed", "billed"),
    [
        (1233.96, 463.512, 1, True, 1698),  # recorded
        (2.46, 413.61, 1, True, 417),  # recorded
        (2.49, 97.63, 1, True, 101),  # recorded
        (2.49, 97.63, 1, False, 3),
        (2.49, 97.63, 100, False, 100),
        (100.0, 0.0, 100, False, 100),
        (100.01, 0.0, 100, False, 200),
        (600000.0, 516.31, 1, True, 600517),  # recorded
        (3000.0, 0.0, 1, True, 3000),
    ],
)
def test_billed_duration(duration: float, init: float, step: int, init_billed: bool, billed: int) -> None:
    assert billed_ms(duration, init, step_ms=step, init_is_billed=init_billed) == billed
