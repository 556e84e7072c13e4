"""What an invocation is billed for. Source: billing facts §1."""

import math


def billed_ms(duration_ms: float, init_ms: float, *, step_ms: int, init_is_billed: bool) -> int:
    """Billed Duration: rounded up to the step; the init phase counts since August 2025."""
    billable = duration_ms + (init_ms if init_is_billed else 0.0)
    # Durations are printed with two decimals; rounding up from what is printed keeps the line true to itself.
    return math.ceil(round(billable, 2) / step_ms) * step_ms
