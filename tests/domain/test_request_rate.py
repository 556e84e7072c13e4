"""Ten requests a second for each unit of concurrency: whose they are, and how they come back."""

import pytest

from neve.domain.concurrency import UNLIMITED, FunctionLimits, Ledger
from neve.domain.request_rate import Allowance, Requests, allowances


def taken(requests: Requests, concurrency: int, now: float, most: int = 10_000) -> tuple[int, Requests]:
    """How many come through at one moment."""
    for count in range(most):
        after = requests.take(concurrency, now)
        if after is None:
            return count, requests
        requests = after
    return most, requests


@pytest.mark.parametrize(("concurrency", "count"), [(0, 0), (1, 10), (2, 20), (100, 1000)])
def test_a_seconds_worth_comes_at_once(concurrency: int, count: int) -> None:
    assert taken(Requests(), concurrency, 50.0)[0] == count


def test_they_come_back_continuously_and_never_more_than_a_second_of_them() -> None:
    _, spent = taken(Requests(), 1, 50.0)
    assert taken(spent, 1, 50.05)[0] == 0
    assert taken(spent, 1, 50.25)[0] == 2
    assert taken(spent, 1, 51.0)[0] == 10
    assert taken(spent, 1, 500.0)[0] == 10
    assert not spent.is_full(1, 50.9)
    assert spent.is_full(1, 51.0)


def test_a_clock_that_steps_back_gives_nothing() -> None:
    _, spent = taken(Requests(), 1, 50.0)
    assert taken(spent, 1, 10.0)[0] == 0


def test_a_share_that_grew_or_shrank_has_the_rate_of_now() -> None:
    _, spent = taken(Requests(), 10, 50.0)
    assert taken(spent, 1, 60.0)[0] == 10
    assert taken(spent, 10, 60.0)[0] == 100


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (UNLIMITED, [Allowance((), 900)]),
        (FunctionLimits(reserved=7), [Allowance(("f",), 7)]),
        (FunctionLimits(reserved=7, provisioned={"1": 3}), [Allowance(("f",), 7)]),
        (FunctionLimits(provisioned={"1": 3}), [Allowance(("f", "1"), 3), Allowance((), 900)]),
        (FunctionLimits(provisioned={"2": 3}), [Allowance((), 900)]),
    ],
)
def test_what_a_request_comes_out_of(limits: FunctionLimits, expected: list[Allowance]) -> None:
    assert allowances("f", "1", limits, 900) == expected


def test_the_pool_is_what_nobody_set_aside() -> None:
    ledger = Ledger(1000)
    ledger.limit("f", FunctionLimits(reserved=100))
    ledger.limit("g", FunctionLimits(provisioned={"1": 50}))
    assert ledger.unreserved == 850
    assert (ledger.limits("f").reserved, ledger.limits("h")) == (100, UNLIMITED)
