"""What invocations cost. Source: billing facts §2, worked numbers."""

from typing import Any

import pytest

from neve.domain.errors import OperatorError
from neve.domain.price import Prices, Usage, both, cost_of, money, read_prices, usage_of


def test_worked_numbers_of_the_facts() -> None:
    usage = usage_of(100, 0.0, 128, 512)
    assert usage.gb_seconds == 0.0125
    assert cost_of(usage, "x86_64", Prices()).duration == pytest.approx(0.000000208, rel=2e-3)
    assert cost_of(usage, "x86_64", Prices()).requests == pytest.approx(0.0000002)
    waiting = usage_of(5_100, 0.0, 128, 512)
    assert waiting.gb_seconds == pytest.approx(0.6375)
    assert cost_of(waiting, "x86_64", Prices()).duration == pytest.approx(0.0000106, rel=3e-3)


def test_arm_is_cheaper_and_storage_is_free_up_to_a_bound() -> None:
    usage = usage_of(1_000, 0.0, 1_024, 1_536)
    assert cost_of(usage, "arm64", Prices()).duration == pytest.approx(13.3334e-6)
    assert cost_of(usage, "arm64", Prices()).storage == pytest.approx(0.0309e-6)
    assert usage_of(1_000, 0.0, 1_024, 512).storage_gb_seconds == 0


def test_usages_add_up() -> None:
    together = both(usage_of(100, 20.0, 128, 512), usage_of(300, 0.0, 128, 512))
    assert together == Usage(2, 400.0, 20.0, 0.05, 0.0)


def test_prices_are_a_setting() -> None:
    assert read_prices({}) == Prices()
    assert read_prices({"requests": "0.5", "arm64": 1}) == Prices(requests=0.5, arm64=1.0)


@pytest.mark.parametrize("given", [{"request": "1"}, {"requests": "cheap"}, {"requests": "-1"}, {"requests": "inf"}])
def test_what_is_no_price_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(OperatorError, match="NEVE_PRICES"):
        read_prices(given)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "0"), (0.00000041, "0.00000041"), (0.0125, "0.013"), (0.5, "0.50"), (12.345, "12.35"), (1234.5, "1,234.50")],
)
def test_money_has_the_digits_that_say_something(amount: float, text: str) -> None:
    assert money(amount) == text
