"""The runtime's table, walked pair by pair."""

import itertools

import pytest

from neve.domain.runtime_state import MOVES, RefusedMove, RuntimeState, move


@pytest.mark.parametrize(("source", "target"), list(itertools.product(RuntimeState, RuntimeState)))
def test_every_pair_moves_as_the_table_says_or_is_refused(source: RuntimeState, target: RuntimeState) -> None:
    if target in MOVES[source]:
        assert move(source, target) is target
        return
    with pytest.raises(RefusedMove) as refusal:
        move(source, target)
    assert str(refusal.value) == (
        f"State transition from {source.value} to {target.value} failed for runtime. "
        "Error: State transition is not allowed"
    )


def test_every_state_can_be_reached() -> None:
    reached = {RuntimeState.STARTED}
    for _ in RuntimeState:
        reached |= {target for source in reached for target in MOVES[source]}
    assert reached == set(RuntimeState)


def test_an_event_is_given_only_to_a_runtime_that_asked() -> None:
    assert [state for state in RuntimeState if RuntimeState.RUNNING in MOVES[state]] == [RuntimeState.READY]


def test_a_response_is_taken_only_while_running() -> None:
    for answer in (RuntimeState.INVOCATION_RESPONSE, RuntimeState.INVOCATION_ERROR_RESPONSE):
        assert [state for state in RuntimeState if answer in MOVES[state]] == [RuntimeState.RUNNING]
