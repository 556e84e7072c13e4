"""What a destination or a dead-letter queue gets of an event. Source: async-invocation facts §3, §4.

The event and the function's answer are put into the record as they are, byte for byte: a number that no parser of ours
could hold, or the order of members, stays what it was.
"""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from neve.domain.event import Condition, Progress, QueuedEvent, Ran
from neve.domain.limits import DEAD_LETTER_ERROR_BYTES
from neve.domain.system_log import iso_time
from neve.domain.world import World


class DeliveryKind(Enum):
    """Why something is delivered: an event succeeded, failed for good, or failed for good and has a dead-letter queue."""

    ON_SUCCESS = "onSuccess"
    ON_FAILURE = "onFailure"
    DEAD_LETTER = "deadLetter"


@dataclass(frozen=True, slots=True)
class DeadLetterAttributes:
    """The message attributes `RequestID` (String), `ErrorCode` (Number) and `ErrorMessage` (String)."""

    request_id: str
    error_code: int
    error_message: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to a target: the record of a destination, or the bare event for a dead-letter queue.

    `id` is a UUID and the same in every try, so that a target that remembers it can take the message once. `body` is JSON
    text to be sent byte for byte. `function_arn` carries a qualifier always. `made_ms` is the time of the record, in UTC
    milliseconds. `attributes` are there for a dead-letter queue only.
    """

    id: str
    kind: DeliveryKind
    target_arn: str
    body: bytes
    world: World
    function_arn: str
    request_id: str
    trace_header: str
    made_ms: float
    attributes: DeadLetterAttributes | None = None


def delivery(
    event: QueuedEvent,
    condition: Condition,
    progress: Progress,
    kind: DeliveryKind,
    target_arn: str,
    id_: str,
    now_ms: float,
) -> Delivery:
    """The message that tells one target how the event ended."""
    dead = kind is DeliveryKind.DEAD_LETTER
    return Delivery(
        id=id_,
        kind=kind,
        target_arn=target_arn,
        body=event.payload if dead else record(event, condition, progress, now_ms),
        world=event.world,
        function_arn=event.function_arn,
        request_id=event.request_id,
        trace_header=event.trace_header,
        made_ms=now_ms,
        attributes=attributes(event, condition, progress) if dead else None,
    )


def record(event: QueuedEvent, condition: Condition, progress: Progress, now_ms: float) -> bytes:
    """The invocation record as JSON text. Without a response where the function never ran."""
    opening = {
        "version": "1.0",
        "timestamp": iso_time(now_ms),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": event.function_arn,
            "condition": condition.value,
            "approximateInvokeCount": progress.attempts,
        },
    }
    parts = [_json(opening)[:-1], b',"requestPayload":', event.payload]
    if progress.last_run is not None:
        context = _json(_response_context(progress.last_run))
        parts += [b',"responseContext":', context, b',"responsePayload":', _as_json(progress.last_run.payload)]
    return b"".join([*parts, b"}"])


def attributes(event: QueuedEvent, condition: Condition, progress: Progress) -> DeadLetterAttributes:
    """What a dead-letter queue is told beside the event: of why it did not run the last time, else of how it failed."""
    code, message = _error(condition, progress)
    cut = message.encode("utf-8", "replace")[:DEAD_LETTER_ERROR_BYTES].decode("utf-8", "ignore")
    return DeadLetterAttributes(event.request_id, code, cut)


def _error(condition: Condition, progress: Progress) -> tuple[int, str]:
    if condition is Condition.RECURSIVE_INVOCATION:
        return 400, "The function was invoked too often in one chain of invocations."
    if progress.refusal is not None:
        return progress.refusal.status, progress.refusal.message
    if progress.last_run is not None:
        return 200, error_message(progress.last_run.payload)
    return 429, "The event was too old before there was room to run it."


def error_message(payload: bytes) -> str:
    """`errorMessage` of a function's error; the whole text where there is none."""
    try:
        error = json.loads(payload)
    except (ValueError, RecursionError):
        error = None
    if isinstance(error, dict) and isinstance(error.get("errorMessage"), str):
        message: str = error["errorMessage"]
        return message
    return payload.decode("utf-8", "replace")


def _response_context(run: Ran) -> dict[str, Any]:
    context: dict[str, Any] = {"statusCode": 200, "executedVersion": run.executed_version}
    return {**context, "functionError": "Unhandled"} if run.failed else context


def _as_json(payload: bytes) -> bytes:
    """A runtime may answer anything: what is no JSON is told as a string, nothing as null."""
    if not payload:
        return b"null"
    return payload if _is_json(payload) else _json(payload.decode("utf-8", "replace"))


def _is_json(payload: bytes) -> bool:
    try:
        json.loads(payload, parse_constant=_refuse_constant)
    except RecursionError:
        return True  # too deep to look at, and whole as far as anybody can say
    except ValueError:
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
