"""Which version an alias means, and which weights are refused."""

from collections.abc import Mapping

import pytest

from neve.domain.alias import Alias, check_routing, pick_version
from neve.domain.errors import InvalidParameterValue
from neve.domain.world import World


def alias(version: str = "1", weights: Mapping[str, float] | None = None) -> Alias:
    return Alias(World(), "f", "live", version, "r", weights=weights or {})


@pytest.mark.parametrize(
    ("weight", "roll", "picked"),
    [
        (0.25, 0.0, "2"),
        (0.25, 0.2499, "2"),
        (0.25, 0.25, "1"),
        (0.25, 0.9999, "1"),
        (0.0, 0.0, "1"),
        (1.0, 0.9999, "2"),
    ],
)
def test_roll_picks_by_weight(weight: float, roll: float, picked: str) -> None:
    assert pick_version(alias(weights={"2": weight}), roll) == picked


def test_alias_without_weights_means_one_version() -> None:
    assert {pick_version(alias(), roll / 10) for roll in range(10)} == {"1"}


def test_shares_come_out_as_the_weights_say() -> None:
    picked = [pick_version(alias(weights={"2": 0.1}), roll / 1000) for roll in range(1000)]
    assert picked.count("2") == 100


def test_what_an_alias_is_called_and_reaches() -> None:
    both = alias(weights={"2": 0.5})
    assert both.arn == "arn:aws:lambda:us-east-1:000000000000:function:f:live"
    assert (both.second, both.versions) == ("2", ("1", "2"))
    assert (alias().second, alias().versions) == (None, ("1",))


@pytest.mark.parametrize(
    ("version", "weights", "message"),
    [
        ("1", {"2": 0.1, "3": 0.1}, "Number of items in AdditionalVersionWeights cannot be greater than 1"),
        (
            "1",
            {"1": 0.5},
            "Invalid function version 1. Function version 1 is already included in routing configuration.",
        ),
        ("$LATEST", {"1": 0.5}, "$LATEST is not supported for an alias pointing to more than 1 version"),
    ],
)
def test_weights_that_are_refused(version: str, weights: Mapping[str, float], message: str) -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        check_routing(alias(version, weights))
    assert caught.value.message == message


@pytest.mark.parametrize(("version", "weights"), [("1", {"2": 0.5}), ("$LATEST", {}), ("1", {})])
def test_weights_that_are_taken(version: str, weights: Mapping[str, float]) -> None:
    check_routing(alias(version, weights))
