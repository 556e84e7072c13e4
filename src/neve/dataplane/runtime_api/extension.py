"""The Extensions API 2020-01-01: register, event/next, init/error, exit/error. Source: runtime-api facts §2."""

import json
import uuid
from typing import Any

from neve.dataplane.runtime_api.doors import Doors
from neve.dataplane.runtime_api.http import Exchange, Intake, Reply, Whole, accepted, as_json, refusal, too_large
from neve.dataplane.runtime_api.listener import Event
from neve.domain.extension import Extension, ExtensionState, Phase, RegistrationRefused
from neve.domain.runtime_state import RefusedMove

BODY_BYTES = 262_144
_NO_BODY = 65_536
_UNKNOWN = "Extension.UnknownExtensionIdentifier"


def open_register(doors: Doors, exchange: Exchange) -> Intake:
    """POST /2020-01-01/extension/register."""
    return Whole(exchange, BODY_BYTES, lambda body: _register(doors, exchange, body))


def _register(doors: Doors, exchange: Exchange, body: bytes | None) -> Reply:
    name = exchange.head.headers.get("lambda-extension-name", "")
    if not name:
        return refusal(403, "Extension.InvalidExtensionName", "Empty extension name")
    events = _events(body)
    if isinstance(events, Reply):
        return events
    try:
        extension = doors.extensions.register(name, events, str(uuid.uuid4()))
    except RegistrationRefused as refused:
        return refusal(403, refused.code, str(refused))
    except RefusedMove as refused:
        return _wrong_state(refused)
    doors.listener.extension_registered(extension)
    return Reply(200, _registered(doors, exchange), headers={"Lambda-Extension-Identifier": extension.identifier})


def _events(body: bytes | None) -> list[str] | Reply:
    """What the request registers for, or its refusal."""
    if body is None:
        return too_large(BODY_BYTES)
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        return refusal(403, "InvalidRequestFormat", str(error))
    events = request.get("events") if isinstance(request, dict) else ""
    events = [] if events is None else events
    if not isinstance(events, list) or not all(isinstance(each, str) for each in events):
        return refusal(403, "InvalidRequestFormat", "events must be a list of event names")
    if "configurationKeys" in request:
        text = "configurationKeys are deprecated; use environment variables instead"
        return refusal(403, "InvalidRequestFormat", text)
    return events


def _registered(doors: Doors, exchange: Exchange) -> bytes:
    function = doors.function
    told = {"functionName": function.name, "functionVersion": function.version, "handler": function.handler}
    features = exchange.head.headers.get("lambda-extension-accept-feature", "").split(",")
    if "accountId" in (each.strip() for each in features):
        told["accountId"] = function.world.account
    return as_json(told)


def open_event_next(doors: Doors, exchange: Exchange) -> Intake:
    """GET /2020-01-01/extension/event/next: blocks; the first one ends this extension's part of the init phase."""
    return Whole(exchange, _NO_BODY, lambda body: _ask(doors, exchange))


def _ask(doors: Doors, exchange: Exchange) -> Reply | None:
    extension = identified(doors, exchange, "Unknown extension {}")
    if isinstance(extension, Reply):
        return extension
    waited = extension.state is ExtensionState.READY
    refused = _try_move(extension, ExtensionState.READY)
    if refused is not None:
        return refused
    doors.mailbox(extension).ask(exchange)
    if not waited and extension.state is ExtensionState.READY:  # else SHUTDOWN lay there already
        doors.extension_waits(extension)
    return None


def open_extension_init_error(doors: Doors, exchange: Exchange) -> Intake:
    """POST /2020-01-01/extension/init/error."""
    return Whole(exchange, BODY_BYTES, lambda body: _fail(doors, exchange, body, ExtensionState.INIT_ERROR))


def open_extension_exit_error(doors: Doors, exchange: Exchange) -> Intake:
    """POST /2020-01-01/extension/exit/error."""
    return Whole(exchange, BODY_BYTES, lambda body: _fail(doors, exchange, body, ExtensionState.EXIT_ERROR))


def _fail(doors: Doors, exchange: Exchange, body: bytes | None, target: ExtensionState) -> Reply:
    extension = identified(doors, exchange)
    if isinstance(extension, Reply):
        return extension
    error_type = exchange.head.headers.get("lambda-extension-function-error-type", "")
    if not error_type:
        return refusal(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
    refused = _try_move(extension, target)
    if refused is not None:
        return refused
    extension.error_type = error_type
    doors.listener.extension_failed(extension, error_type, body or b"")
    return accepted()


def identified(
    doors: Doors, exchange: Exchange, unknown: str = "Unknown Lambda-Extension-Identifier"
) -> Extension | Reply:
    """The extension that asks, or why it cannot be told."""
    identifier = exchange.head.headers.get("lambda-extension-identifier", "")
    if not identifier:
        text = "Missing Lambda-Extension-Identifier header"
        return refusal(403, "Extension.MissingExtensionIdentifier", text)
    try:
        identifier = str(uuid.UUID(identifier))
    except ValueError:
        return refusal(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
    extension = doors.extensions.identified(identifier)
    return refusal(403, _UNKNOWN, unknown.format(identifier)) if extension is None else extension


def _try_move(extension: Extension, target: ExtensionState) -> Reply | None:
    try:
        extension.move(target)
    except RefusedMove as refused:
        return _wrong_state(refused)
    return None


def _wrong_state(refused: RefusedMove) -> Reply:
    return refusal(403, "Extension.InvalidExtensionState", str(refused))


def tell_invoke(doors: Doors, event: Event) -> None:
    """INVOKE to every extension that registered for it; the others go on waiting."""
    told: dict[str, Any] = {
        "eventType": Phase.INVOKE.value,
        "deadlineMs": event.deadline_ms,
        "requestId": event.request_id,
        "invokedFunctionArn": event.invoked_arn,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": event.trace_id},
    }
    _tell(doors, Phase.INVOKE, told)


def tell_shutdown(doors: Doors, reason: str, deadline_ms: int) -> None:
    """SHUTDOWN to every extension that registered for it. `reason` is `spindown`, `timeout` or `failure`."""
    _tell(doors, Phase.SHUTDOWN, {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms})


def _tell(doors: Doors, phase: Phase, told: dict[str, Any]) -> None:
    body = as_json(told)
    for extension in doors.extensions:
        if phase in extension.phases and extension.takes_part:
            headers = {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())}
            doors.mailbox(extension).put(Reply(200, body, headers=headers))
