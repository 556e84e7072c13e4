"""What is measured: each module is a part, with a `TITLE` and `measure(effort, collected)`, which adds each figure at once."""

from collections.abc import Callable
from typing import NamedTuple

from bench.figures import Collected
from bench.parts import cold, events, freezing, frozen, growth, mix, rates, warm
from bench.parts.effort import Effort


class Measured(NamedTuple):
    """One part: its title, and what measures it."""

    title: str
    measure: Callable[[Effort, Collected], None]


PARTS = {
    "warm": Measured(warm.TITLE, warm.measure),
    "rates": Measured(rates.TITLE, rates.measure),
    "cold": Measured(cold.TITLE, cold.measure),
    "freezing": Measured(freezing.TITLE, freezing.measure),
    "events": Measured(events.TITLE, events.measure),
    "mix": Measured(mix.TITLE, mix.measure),
    "frozen": Measured(frozen.TITLE, frozen.measure),
    "growth": Measured(growth.TITLE, growth.measure),
}
"""In the order of the report."""
