"""The table of an environment's life, walked pair by pair."""

import itertools

import pytest

from neve.domain.environment import TRANSITIONS, Action, IllegalTransition, Signal, State, transition


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
    reached = {State.STARTING}
    while True:
        further = {move[0] for state in reached for move in TRANSITIONS[state].values()}
        if further <= reached:
            break
        reached |= further
    assert reached == set(State)


def test_nothing_follows_death() -> None:
    assert TRANSITIONS[State.DEAD] == {}


def test_an_event_is_sent_only_where_everything_asked_for_it() -> None:
    sending = {Action.SEND, Action.THAW_AND_SEND, Action.SEND_AFTER_INIT}
    origins = {state for state, moves in TRANSITIONS.items() for _, action in moves.values() if action in sending}
    assert origins == {State.READY, State.FREEZING, State.FROZEN, State.RESTARTING}


@pytest.mark.parametrize("state", [State.INVOKING, State.DRAINING, State.RESTARTING])
def test_an_invocation_in_an_environment_that_fails_always_gets_an_answer(state: State) -> None:
    for signal in (Signal.TIMEOUT, Signal.PROCESS_GONE):
        assert transition(state, signal) == (State.RESETTING, Action.FAIL_AND_RESET)


@pytest.mark.parametrize("state", [State.STARTING, State.INITIALIZING, State.READY, State.FREEZING, State.FROZEN])
def test_an_environment_without_an_invocation_can_always_be_stopped(state: State) -> None:
    assert transition(state, Signal.STOP) == (State.STOPPING, Action.SHUT_DOWN)


def test_the_processes_of_an_environment_are_ended_once() -> None:
    assert transition(State.RESETTING, Signal.STOP) == (State.STOPPING, Action.NOTHING)
    assert transition(State.DOWN, Signal.STOP) == (State.REMOVING, Action.REMOVE)


@pytest.mark.parametrize(
    "state",
    [
        State.STARTING,  # start
        State.FREEZING,  # freeze
        State.INVOKING,  # thaw and send
        State.RESTARTING,  # restart
        State.RESETTING,  # fail and reset, reset, clear
        State.STOPPING,  # shut down
        State.REMOVING,  # remove
    ],
)
def test_whatever_the_machine_refuses_has_an_answer_in_the_table(state: State) -> None:
    assert Signal.ACTION_FAILED in TRANSITIONS[state]
