"""GET /2018-06-01/runtime/invocation/next: blocks until there is an event."""

from neve.dataplane.runtime_api.doors import Doors
from neve.dataplane.runtime_api.http import Exchange, Intake, Reply, Whole
from neve.dataplane.runtime_api.listener import Event
from neve.domain.runtime_state import RuntimeState

_NO_BODY = 65_536


def open_next(doors: Doors, exchange: Exchange) -> Intake:
    """The first one ends the runtime's part of the init phase, a later one the invocation."""
    return Whole(exchange, _NO_BODY, lambda body: _ask(doors, exchange))


def _ask(doors: Doors, exchange: Exchange) -> Reply | None:
    runtime = doors.runtime
    waited = runtime.state is RuntimeState.READY
    refused = runtime.try_move(RuntimeState.READY)
    if refused is not None:
        return refused
    runtime.mailbox.ask(exchange)
    if not waited and runtime.state is RuntimeState.READY:
        doors.runtime_waits()
    return None


def render_event(event: Event) -> Reply:
    """The event with its facts as headers; one that is empty is left out."""
    headers = {
        "Lambda-Runtime-Aws-Request-Id": event.request_id,
        "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": event.invoked_arn,
        "Lambda-Runtime-Trace-Id": event.trace_id,
        "Lambda-Runtime-Client-Context": event.client_context,
        "Lambda-Runtime-Cognito-Identity": event.identity,
        "Lambda-Runtime-Aws-Tenant-Id": event.tenant,
    }
    return Reply(200, event.body, event.content_type, {name: value for name, value in headers.items() if value})
