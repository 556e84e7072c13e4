"""POST /2018-06-01/runtime/invocation/{id}/error: the function failed."""

import json
import re
from typing import Any

from neve.dataplane import failures
from neve.dataplane.runtime_api.doors import Doors
from neve.dataplane.runtime_api.http import Exchange, Intake, Reply, Whole, accepted, as_json, too_large
from neve.dataplane.runtime_api.listener import FunctionError
from neve.domain.limits import SYNC_RESPONSE_BYTES
from neve.domain.runtime_state import RuntimeState

CAUSE_CONTENT_TYPE = "application/vnd.aws.lambda.error.cause+json"
CAUSE_BYTES = 64 * 1024
_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


def open_error(doors: Doors, exchange: Exchange, request_id: str) -> Intake:
    """The caller gets the body as it is."""
    refused = doors.runtime.why_not(request_id, RuntimeState.INVOCATION_ERROR_RESPONSE)
    if refused is not None:
        return Whole(exchange, 0, lambda body: refused)
    return Whole(exchange, SYNC_RESPONSE_BYTES, lambda body: _fail(doors, exchange, request_id, body))


def _fail(doors: Doors, exchange: Exchange, request_id: str, body: bytes | None) -> Reply:
    refused = doors.runtime.why_not(request_id, RuntimeState.INVOCATION_ERROR_RESPONSE)
    if refused is not None:
        return refused
    doors.runtime.move(RuntimeState.INVOCATION_ERROR_RESPONSE)
    doors.runtime.move(RuntimeState.RESPONSE_SENT)
    doors.listener.failed(request_id, read_error(exchange, body))
    return accepted() if body is not None else too_large(SYNC_RESPONSE_BYTES)


def read_error(exchange: Exchange, body: bytes | None) -> FunctionError:
    """What a runtime reports; without a body (it was too large) another error takes its place."""
    if body is None:
        return FunctionError(failures.TOO_LARGE, failures.too_large())
    headers = exchange.head.headers
    error_type = reported_type(headers.get("lambda-runtime-function-error-type", ""))
    cause = cropped_cause(headers.get("lambda-runtime-function-xray-error-cause", ""))
    if headers.get("content-type", "").split(";")[0].strip().lower() == CAUSE_CONTENT_TYPE:
        body, own_cause = _split_cause(body)
        cause = own_cause or cause
    return FunctionError(error_type, body, cause)


def reported_type(error_type: str) -> str:
    """The type as it is recorded: anything else than the service's two families is an unknown one."""
    if _TYPE.fullmatch(error_type):
        return error_type
    return "Function.Unknown" if error_type.startswith("Function.") else failures.RUNTIME_UNKNOWN


def _split_cause(body: bytes) -> tuple[bytes, str | None]:
    """What the caller gets, and X-Ray's cause. A body that is no such JSON goes to the caller as it is."""
    members = _object(body)
    if members is None:
        return body, None
    told = {name: members[name] for name in ("errorMessage", "errorType", "stackTrace") if name in members}
    cause = members.get("errorCause")
    return as_json(told), cropped_cause(as_json(cause).decode()) if isinstance(cause, dict) else None


def cropped_cause(cause: str) -> str | None:
    """The cause in at most 64 KB: what explains least goes first (paths, then the ends of stacks). None: no JSON object."""
    if not cause:
        return None
    members = _object(cause.encode())
    if members is None:
        return None
    if len(cause.encode()) <= CAUSE_BYTES:
        return cause
    members["paths"] = []
    depth = 64
    while len(as_json(members)) > CAUSE_BYTES and depth:
        depth //= 2
        _crop_stacks(members, depth)
    cropped = as_json(members)
    return cropped.decode() if len(cropped) <= CAUSE_BYTES else None


def _crop_stacks(members: dict[str, Any], depth: int) -> None:
    exceptions = members.get("exceptions")
    for each in exceptions if isinstance(exceptions, list) else ():
        if isinstance(each, dict) and isinstance(each.get("stack"), list):
            each["stack"] = each["stack"][:depth]


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return members if isinstance(members, dict) else None
