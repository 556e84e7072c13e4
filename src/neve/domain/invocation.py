"""One run of a handler for one event, and its outcome."""

from enum import Enum

import msgspec

from neve.domain.function import Function


class InvocationType(Enum):
    """How the caller waits: for the result, for the acceptance, or for the check alone."""

    REQUEST_RESPONSE = "RequestResponse"
    EVENT = "Event"
    DRY_RUN = "DryRun"


class Status(Enum):
    """How an invocation ended, in the words of the Telemetry API.

    `failure` is an error that the runtime reported; `error` a crash of the process; `timeout` the function's limit.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    TIMEOUT = "timeout"


class Invocation(msgspec.Struct, frozen=True):  # which is made in a tenth of the time of a frozen dataclass
    """What is to be run. `payload` is JSON text that was checked at the door; `invoked_arn` carries the qualifier asked for.

    `client_context` and `identity` are JSON text; the runtime parses them, not the platform.
    """

    request_id: str
    function: Function
    invoked_arn: str
    payload: bytes
    trace_id: str
    client_context: str | None = None
    identity: str | None = None
    wants_log_tail: bool = False


class InvocationResult(msgspec.Struct, frozen=True):
    """What the caller gets: the bytes that the runtime posted, unparsed, or the platform's own error JSON.

    `error_type` is what REPORT prints after `Error Type:`; None on success. `log_tail` holds the last 4 KB of this
    invocation's log when it was asked for.
    """

    status: Status
    payload: bytes
    executed_version: str
    error_type: str | None = None
    log_tail: bytes | None = None

    @property
    def failed(self) -> bool:
        """Whether the caller sees `X-Amz-Function-Error`."""
        return self.status is not Status.SUCCESS
