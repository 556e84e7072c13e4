"""The two doors of SnapStart: GET restore/next, POST restore/error."""

from neve.dataplane.runtime_api.doors import Doors
from neve.dataplane.runtime_api.error import read_error
from neve.dataplane.runtime_api.http import Exchange, Intake, Reply, Whole, accepted, too_large
from neve.domain.limits import SYNC_RESPONSE_BYTES
from neve.domain.runtime_state import RuntimeState


def open_restore_next(doors: Doors, exchange: Exchange) -> Intake:
    """Blocks until the environment says that it was restored."""
    return Whole(exchange, 0, lambda body: _ask(doors, exchange))


def _ask(doors: Doors, exchange: Exchange) -> Reply | None:
    refused = doors.runtime.try_move(RuntimeState.RESTORE_READY)
    if refused is None:
        doors.restoring = exchange
        doors.listener.restore_waits()
    return refused


def answer_restored(doors: Doors) -> None:
    """Let the runtime run its hooks and ask for its first event."""
    exchange, doors.restoring = doors.restoring, None
    if exchange is not None:
        doors.runtime.move(RuntimeState.RESTORING)
        exchange.answer(Reply(200))


def open_restore_error(doors: Doors, exchange: Exchange) -> Intake:
    """A hook failed; the runtime will exit."""
    return Whole(exchange, SYNC_RESPONSE_BYTES, lambda body: _fail(doors, exchange, body))


def _fail(doors: Doors, exchange: Exchange, body: bytes | None) -> Reply:
    refused = doors.runtime.try_move(RuntimeState.RESTORE_ERROR)
    if refused is not None:
        return refused
    doors.listener.restore_failed(read_error(exchange, body))
    return accepted() if body is not None else too_large(SYNC_RESPONSE_BYTES)
