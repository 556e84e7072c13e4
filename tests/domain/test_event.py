"""The table of an event's life, walked pair by pair."""

import itertools

import pytest

from neve.domain.event import TRANSITIONS, Action, IllegalTransition, QueuedEvent, Signal, State, transition
from neve.domain.world import World


@pytest.mark.parametrize(("state", "signal"), list(itertools.product(State, Signal)))
def test_every_pair_moves_as_the_table_says_or_is_refused(state: State, signal: Signal) -> None:
    if signal in TRANSITIONS[state]:
        assert transition(state, signal) == TRANSITIONS[state][signal]
    else:
        with pytest.raises(IllegalTransition) as refusal:
            transition(state, signal)
        assert refusal.value.state is state
        assert refusal.value.signal is signal


def test_every_state_can_be_reached_from_the_first() -> None:
    reached = {State.WAITING}
    while further := {move[0] for state in reached for move in TRANSITIONS[state].values()} - reached:
        reached |= further
    assert reached == set(State)


def test_what_runs_can_always_be_given_back_without_a_trace_on_the_disk() -> None:
    assert transition(State.RUNNING, Signal.GIVE_BACK) == (State.WAITING, Action.NOTHING)


def test_an_event_that_runs_is_not_purged() -> None:
    with pytest.raises(IllegalTransition, match="an event that is running cannot take the signal purge"):
        transition(State.RUNNING, Signal.PURGE)


@pytest.mark.parametrize(("qualifier", "told"), [(None, "$LATEST"), ("live", "live"), ("3", "3")])
def test_function_arn_carries_a_qualifier_always(qualifier: str | None, told: str) -> None:
    event = QueuedEvent("id", World("111111111111", "eu-west-1"), "f", qualifier, b"{}", "Root=1", 0.0)
    assert event.function_arn == f"arn:aws:lambda:eu-west-1:111111111111:function:f:{told}"
