"""The runtime as the Runtime API sees it: a table of the moves that are legal. Source: runtime-api facts §1."""

from enum import Enum


class RuntimeState(Enum):
    """Where a runtime is. The value is the service's name, which its refusals tell."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    RESTORE_READY = "RestoreReady"  # SnapStart: everything is loaded, a snapshot may be taken
    RESTORING = "Restoring"
    RESTORE_ERROR = "RestoreError"
    READY = "Ready"  # asked for the next event
    RUNNING = "Running"  # has an event
    INVOCATION_RESPONSE = "InvocationResponse"  # its response is on the way
    INVOCATION_ERROR_RESPONSE = "InvocationErrorResponse"
    RESPONSE_SENT = "ResponseSent"


class RefusedMove(Exception):
    """The move has no place in the table; nothing was changed. The text is the service's own."""

    def __init__(self, source: Enum, target: Enum, party: str) -> None:
        super().__init__(
            f"State transition from {source.value} to {target.value} failed for {party}. "
            "Error: State transition is not allowed"
        )
        self.source = source
        self.target = target


_S = RuntimeState

MOVES: dict[RuntimeState, frozenset[RuntimeState]] = {
    _S.STARTED: frozenset({_S.READY, _S.INIT_ERROR, _S.RESTORE_READY}),
    _S.INIT_ERROR: frozenset(),
    _S.RESTORE_READY: frozenset({_S.RESTORING}),
    _S.RESTORING: frozenset({_S.READY, _S.RESTORE_ERROR}),
    _S.RESTORE_ERROR: frozenset(),
    # A client whose connection broke asks again.
    _S.READY: frozenset({_S.READY, _S.RUNNING}),
    # From Running straight to Ready: the invocation ends without a response.
    _S.RUNNING: frozenset({_S.READY, _S.INVOCATION_RESPONSE, _S.INVOCATION_ERROR_RESPONSE}),
    _S.INVOCATION_RESPONSE: frozenset({_S.RESPONSE_SENT}),
    _S.INVOCATION_ERROR_RESPONSE: frozenset({_S.RESPONSE_SENT}),
    _S.RESPONSE_SENT: frozenset({_S.READY}),
}


def move(state: RuntimeState, target: RuntimeState) -> RuntimeState:
    """The target, when the table allows it; RefusedMove otherwise."""
    if target not in MOVES[state]:
        raise RefusedMove(state, target, "runtime")
    return target
