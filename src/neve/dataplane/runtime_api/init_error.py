"""POST /2018-06-01/runtime/init/error: the runtime could not initialize, and will exit."""

from neve.dataplane.runtime_api.doors import Doors
from neve.dataplane.runtime_api.error import read_error
from neve.dataplane.runtime_api.http import Exchange, Intake, Reply, Whole, accepted, too_large
from neve.domain.limits import SYNC_RESPONSE_BYTES
from neve.domain.runtime_state import RuntimeState


def open_init_error(doors: Doors, exchange: Exchange) -> Intake:
    """Legal before the first `next` only."""
    return Whole(exchange, SYNC_RESPONSE_BYTES, lambda body: _fail(doors, exchange, body))


def _fail(doors: Doors, exchange: Exchange, body: bytes | None) -> Reply:
    refused = doors.runtime.try_move(RuntimeState.INIT_ERROR)
    if refused is not None:
        return refused
    doors.listener.init_failed(read_error(exchange, body))
    return accepted() if body is not None else too_large(SYNC_RESPONSE_BYTES)
