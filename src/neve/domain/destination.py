"""What a destination or a dead-letter queue gets of an event. Source: async-invocation facts §3, §4."""

from dataclasses import dataclass
from enum import Enum

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
