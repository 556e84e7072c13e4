"""The life of an execution environment as a table: every state, every signal that is legal in it, what follows.

An environment outlives its processes: after a timeout, a crash or a failed init it is `down` (no process, `/tmp` kept)
and the next invocation initializes it again inside its own time (suppressed init, lifecycle facts §3).
"""

from enum import Enum


class _Named(Enum):
    """A member is itself and nothing else: the hash of an object, which the interpreter makes in a tenth of the time that `Enum`
    takes for the name's. An invocation makes five moves, each with three of them."""

    __hash__ = object.__hash__


class State(_Named):
    """Where an environment is. The value is what people see (`neve ps`)."""

    STARTING = "starting"  # its processes are being made
    INITIALIZING = "initializing"  # the init phase: user code loads
    READY = "ready"  # everything asked for the next event; nothing is running for anybody
    FREEZING = "freezing"  # asked to freeze, not yet still
    FROZEN = "frozen"  # still: no CPU, memory kept
    INVOKING = "invoking"  # has an event, no answer yet
    DRAINING = "draining"  # answered, but not everything has asked for the next event
    RESTARTING = "restarting"  # a suppressed init inside an invocation
    RESETTING = "resetting"  # its processes are being ended; the environment stays
    DOWN = "down"  # no process; the next invocation initializes again
    STOPPING = "stopping"  # the shutdown phase: its processes are being ended for good
    REMOVING = "removing"  # what it had of the machine is being given back
    DEAD = "dead"  # gone


class Signal(_Named):
    """What can happen to an environment."""

    PROCESS_UP = "process_up"
    ALL_NEXT = "all_next"  # the runtime and every extension asked for the next event
    INIT_FAILED = "init_failed"  # the runtime reported an init error, exited, or ran out of the init time
    FREEZE = "freeze"  # nothing waits for this environment
    FROZEN = "frozen"
    ASSIGN = "assign"  # an invocation was placed here
    ANSWER = "answer"  # a response or an error was posted
    TIMEOUT = "timeout"  # the function's time is over
    PROCESS_GONE = "process_gone"  # the runtime exited by itself or was killed from outside
    ACTION_FAILED = "action_failed"  # the machine refused what the table asked for: a start, a freeze, a thaw, a kill
    CLEARED = "cleared"  # no process is left
    STOP = "stop"
    REMOVED = "removed"


class Action(_Named):
    """What the live environment has to do after a move."""

    NOTHING = "nothing"
    SETTLE = "settle"  # be offered to the next waiting invocation, else freeze
    FREEZE = "freeze"
    SEND = "send"  # give the event to the runtime
    THAW_AND_SEND = "thaw and send"
    RESTART = "restart"  # start processes again, inside the invocation
    SEND_AFTER_INIT = "send after init"
    ANSWERED = "answered"  # the caller may have the result
    FINISH = "finish"  # the invocation is over: report it, then settle
    FAIL_AND_RESET = "fail and reset"  # the invocation fails; processes go, the environment stays
    RESET = "reset"  # the init phase failed: processes go, the environment is offered as it is
    CLEAR = "clear"  # an idle environment lost its runtime, or cannot be frozen: processes go, nobody may be placed meanwhile
    SHUT_DOWN = "shut down"
    REMOVE = "remove"
    RELEASE = "release"  # nothing is left: tell everybody


class IllegalTransition(Exception):
    """The signal has no meaning in this state. Nothing was changed."""

    def __init__(self, state: State, signal: Signal) -> None:
        super().__init__(f"an environment that is {state.value} cannot take the signal {signal.value}")
        self.state = state
        self.signal = signal


_S, _G, _A = State, Signal, Action

TRANSITIONS: dict[State, dict[Signal, tuple[State, Action]]] = {
    _S.STARTING: {
        _G.PROCESS_UP: (_S.INITIALIZING, _A.NOTHING),
        _G.INIT_FAILED: (_S.RESETTING, _A.RESET),
        _G.ACTION_FAILED: (_S.RESETTING, _A.RESET),
        _G.STOP: (_S.STOPPING, _A.SHUT_DOWN),
    },
    _S.INITIALIZING: {
        _G.ALL_NEXT: (_S.READY, _A.SETTLE),
        _G.INIT_FAILED: (_S.RESETTING, _A.RESET),
        _G.PROCESS_GONE: (_S.RESETTING, _A.RESET),
        _G.STOP: (_S.STOPPING, _A.SHUT_DOWN),
    },
    _S.READY: {
        _G.ASSIGN: (_S.INVOKING, _A.SEND),
        _G.FREEZE: (_S.FREEZING, _A.FREEZE),
        _G.PROCESS_GONE: (_S.RESETTING, _A.CLEAR),
        _G.STOP: (_S.STOPPING, _A.SHUT_DOWN),
    },
    _S.FREEZING: {
        _G.FROZEN: (_S.FROZEN, _A.NOTHING),
        _G.ASSIGN: (_S.INVOKING, _A.THAW_AND_SEND),
        _G.PROCESS_GONE: (_S.RESETTING, _A.CLEAR),
        _G.ACTION_FAILED: (_S.RESETTING, _A.CLEAR),  # what cannot be frozen must not go on unseen
        _G.STOP: (_S.STOPPING, _A.SHUT_DOWN),
    },
    _S.FROZEN: {
        _G.ASSIGN: (_S.INVOKING, _A.THAW_AND_SEND),
        _G.PROCESS_GONE: (_S.RESETTING, _A.CLEAR),
        _G.STOP: (_S.STOPPING, _A.SHUT_DOWN),
    },
    _S.INVOKING: {
        _G.ANSWER: (_S.DRAINING, _A.ANSWERED),
        _G.ALL_NEXT: (_S.READY, _A.FINISH),  # asked for the next event without an answer
        _G.TIMEOUT: (_S.RESETTING, _A.FAIL_AND_RESET),
        _G.PROCESS_GONE: (_S.RESETTING, _A.FAIL_AND_RESET),
        _G.ACTION_FAILED: (_S.RESETTING, _A.FAIL_AND_RESET),
    },
    _S.DRAINING: {
        _G.ALL_NEXT: (_S.READY, _A.FINISH),
        _G.TIMEOUT: (_S.RESETTING, _A.FAIL_AND_RESET),
        _G.PROCESS_GONE: (_S.RESETTING, _A.FAIL_AND_RESET),
    },
    _S.RESETTING: {
        _G.CLEARED: (_S.DOWN, _A.SETTLE),
        _G.ACTION_FAILED: (_S.REMOVING, _A.REMOVE),  # nothing can be started beside what does not end
        _G.STOP: (_S.STOPPING, _A.NOTHING),
    },
    _S.DOWN: {
        _G.ASSIGN: (_S.RESTARTING, _A.RESTART),
        _G.STOP: (_S.REMOVING, _A.REMOVE),
    },
    _S.RESTARTING: {
        _G.PROCESS_UP: (_S.RESTARTING, _A.NOTHING),
        _G.ALL_NEXT: (_S.INVOKING, _A.SEND_AFTER_INIT),
        _G.INIT_FAILED: (_S.RESETTING, _A.FAIL_AND_RESET),
        _G.PROCESS_GONE: (_S.RESETTING, _A.FAIL_AND_RESET),
        _G.TIMEOUT: (_S.RESETTING, _A.FAIL_AND_RESET),
        _G.ACTION_FAILED: (_S.RESETTING, _A.FAIL_AND_RESET),
    },
    _S.STOPPING: {
        _G.CLEARED: (_S.REMOVING, _A.REMOVE),
        _G.ACTION_FAILED: (_S.REMOVING, _A.REMOVE),
    },
    _S.REMOVING: {
        _G.REMOVED: (_S.DEAD, _A.RELEASE),
        _G.ACTION_FAILED: (_S.DEAD, _A.RELEASE),  # the next start of Neve removes what is left
    },
    _S.DEAD: {},
}


def transition(state: State, signal: Signal) -> tuple[State, Action]:
    """The next state and what to do; raises IllegalTransition where the table has no entry."""
    move = TRANSITIONS[state].get(signal)
    if move is None:
        raise IllegalTransition(state, signal)
    return move
