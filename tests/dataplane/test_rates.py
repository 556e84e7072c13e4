"""The rates of shares, with a clock that is moved by the test."""

import pytest

from neve.clock import Clock
from neve.dataplane.rates import Rates
from neve.domain.request_rate import Allowance
from neve.domain.world import World

WORLD, ELSEWHERE = World("111111111111"), World("222222222222")
OWN, POOL = Allowance(("f", "1"), 1), Allowance((), 2)


class StillClock(Clock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        super().__init__(virtual=True)
        self.at = 1_700_000_000.0

    def now(self) -> float:
        return self.at


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def count(rates: Rates, world: World, *allowances: Allowance) -> int:
    """How many come through now."""
    return next(number for number in range(1000) if not rates.take(world, allowances))


def test_the_first_share_is_used_up_before_the_next(clock: StillClock) -> None:
    rates = Rates(clock)
    assert count(rates, WORLD, OWN, POOL) == 30
    assert count(rates, WORLD, OWN) == count(rates, WORLD, POOL) == 0


def test_worlds_and_shares_have_rates_of_their_own(clock: StillClock) -> None:
    rates = Rates(clock)
    assert count(rates, WORLD, POOL) == 20
    assert count(rates, ELSEWHERE, POOL) == 20
    assert count(rates, WORLD, OWN) == 10


def test_time_gives_them_back(clock: StillClock) -> None:
    rates = Rates(clock)
    count(rates, WORLD, POOL)
    clock.at += 0.5
    assert count(rates, WORLD, POOL) == 10


def test_shares_that_are_whole_again_are_forgotten(clock: StillClock) -> None:
    rates = Rates(clock)
    count(rates, WORLD, OWN)
    rates.forget_idle()
    assert rates._requests
    clock.at += 1.0
    rates.forget_idle()
    assert not rates._requests
