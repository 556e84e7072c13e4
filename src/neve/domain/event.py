"""An event that waits to be run: what is remembered of it, its life as a table, and the settings by which it is treated.

Source: async-invocation facts §1, §2, §6.
"""

from dataclasses import dataclass
from enum import Enum

import msgspec

from neve.domain.arn import function_arn
from neve.domain.function import LATEST, RecursiveLoop
from neve.domain.limits import EVENT_MAXIMUM_AGE_S, EVENT_RETRIES
from neve.domain.world import World


class State(Enum):
    """Where an event is. The value is what people see."""

    WAITING = "waiting"  # it may run now
    RETRYING = "retrying"  # it may run at a later time
    RUNNING = "running"  # a worker has leased it
    DELIVERING = "delivering"  # it has ended and somebody is to be told
    ENDED = "ended"


class Signal(Enum):
    """What can happen to an event."""

    LEASE = "lease"
    GIVE_BACK = "give back"  # Neve stops before the function has answered
    RETRY = "retry"
    HURRY = "hurry"  # somebody asked for it to be run now
    END = "end"  # it succeeded or failed for good, and nobody wants to hear of it
    END_AND_TELL = "end and tell"  # it did, and a destination or a dead-letter queue wants to hear of it
    TOLD = "told"  # the last message was taken, or given up
    PURGE = "purge"


class Action(Enum):
    """What is done to what is on disk, in one transaction."""

    NOTHING = "nothing"  # a lease is held in memory: it ends with the process, which alone uses these files
    RESCHEDULE = "write the next time"
    REMOVE = "remove the event"
    REMOVE_AND_TELL = "remove the event, write the messages"
    REMOVE_MESSAGE = "remove the message"


class IllegalTransition(Exception):
    """The signal has no meaning in this state. Nothing was changed."""

    def __init__(self, state: State, signal: Signal) -> None:
        super().__init__(f"an event that is {state.value} cannot take the signal {signal.value}")
        self.state = state
        self.signal = signal


_S, _G, _A = State, Signal, Action

TRANSITIONS: dict[State, dict[Signal, tuple[State, Action]]] = {
    _S.WAITING: {
        _G.LEASE: (_S.RUNNING, _A.NOTHING),
        _G.PURGE: (_S.ENDED, _A.REMOVE),
    },
    _S.RETRYING: {
        _G.LEASE: (_S.RUNNING, _A.NOTHING),  # its time has come
        _G.HURRY: (_S.WAITING, _A.RESCHEDULE),
        _G.PURGE: (_S.ENDED, _A.REMOVE),
    },
    _S.RUNNING: {
        _G.GIVE_BACK: (_S.WAITING, _A.NOTHING),
        _G.RETRY: (_S.RETRYING, _A.RESCHEDULE),
        _G.END: (_S.ENDED, _A.REMOVE),
        _G.END_AND_TELL: (_S.DELIVERING, _A.REMOVE_AND_TELL),
    },
    _S.DELIVERING: {
        _G.TOLD: (_S.ENDED, _A.REMOVE_MESSAGE),
    },
    _S.ENDED: {},
}


def transition(state: State, signal: Signal) -> tuple[State, Action]:
    """What follows, and what is to be done. IllegalTransition when the signal has no meaning here."""
    move = TRANSITIONS[state].get(signal)
    if move is None:
        raise IllegalTransition(state, signal)
    return move


class Condition(Enum):
    """How an event ended, in the words of the record of a destination.

    The last two are not in the facts: what the service calls them there is unconfirmed.
    """

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    EVENT_AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"
    RECURSIVE_INVOCATION = "RecursiveInvocation"
    REFUSED = "InvocationRefused"  # the function or its version is gone, say


@dataclass(frozen=True, slots=True)
class Policy:
    """How the events of one function are treated when asked for by one qualifier: its settings at the moment of an attempt.

    Ages in seconds. Targets are ARNs; None where nothing is set. `dead_letter_arn` and `recursive_loop` are the
    function's own, whatever the qualifier.
    """

    retries: int = EVENT_RETRIES
    maximum_age_s: int = EVENT_MAXIMUM_AGE_S
    on_success: str | None = None
    on_failure: str | None = None
    dead_letter_arn: str | None = None
    recursive_loop: RecursiveLoop = RecursiveLoop.TERMINATE


class QueuedEvent(msgspec.Struct, frozen=True):
    """One event. `qualifier` is as it was asked for (None without), `payload` JSON text that was checked at the door.

    `trace_header` already counts this run of the function (`domain/lineage.py`) and is the same in every attempt.
    Times in UTC milliseconds.
    """

    request_id: str
    world: World
    function_name: str
    qualifier: str | None
    payload: bytes
    trace_header: str
    accepted_ms: float

    @property
    def function_arn(self) -> str:
        """With a qualifier always, as in the records of destinations."""
        return function_arn(self.world, self.function_name, self.qualifier or LATEST)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run of the function gave: the bytes that its caller would have got."""

    failed: bool
    payload: bytes
    executed_version: str


@dataclass(frozen=True, slots=True)
class NotRun:
    """Why the function did not run: `cause`, and the status and text that a synchronous caller would have got."""

    cause: "Cause"
    status: int
    message: str


class Cause(Enum):
    """Kinds of `NotRun`."""

    THROTTLED = "throttled"
    SYSTEM_ERROR = "system error"
    TURNED_OFF = "turned off"  # its reserved concurrency is 0
    REFUSED = "refused"  # the request is wrong, and will be


Outcome = Ran | NotRun


@dataclass(frozen=True, slots=True)
class Progress:
    """What has become of an event so far.

    `attempts` are runs of the function; `setbacks` are the throttles and system errors since the last of them. `last_run`
    is the last run, which failed; `refusal` why it did not run when it was tried last, None when it did.
    """

    attempts: int = 0
    setbacks: int = 0
    last_run: Ran | None = None
    refusal: NotRun | None = None


NEW = Progress()
