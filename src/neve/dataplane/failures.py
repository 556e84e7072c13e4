"""The platform's own failure payloads. Source: invoke-api facts §6."""

import json

from neve.dataplane.sandbox.sandbox import Exit
from neve.domain.limits import SYNC_RESPONSE_BYTES

TIMEOUT = "Sandbox.Timedout"
EXIT = "Runtime.ExitError"
OUT_OF_MEMORY = "Runtime.OutOfMemory"
INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"
TOO_LARGE = "Function.ResponseSizeTooLarge"
RUNTIME_UNKNOWN = "Runtime.Unknown"

# The names that Go prints for signals, which the service's texts use.
_SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    10: "user defined signal 1",
    11: "segmentation fault",
    12: "user defined signal 2",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}


def payload(error_type: str, message: str) -> bytes:
    """The error JSON of a failure that the runtime did not report itself."""
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()


def timed_out(request_id: str, timeout_s: int) -> bytes:
    """The function's time was over."""
    return payload(TIMEOUT, f"RequestId: {request_id} Error: Task timed out after {timeout_s}.00 seconds")


def exited(request_id: str, end: Exit) -> bytes:
    """The runtime's process ended inside an invocation."""
    return payload(type_of(end), f"RequestId: {request_id} Error: {describe(end)}")


def type_of(end: Exit) -> str:
    """The error type of a runtime that ended."""
    return OUT_OF_MEMORY if end.out_of_memory else EXIT


def too_large() -> bytes:
    """The runtime posted more than a caller may get."""
    text = f"Response payload size exceeded maximum allowed payload size ({SYNC_RESPONSE_BYTES} bytes)."
    return payload(TOO_LARGE, text)


def describe(end: Exit) -> str:
    """`Runtime exited with error: exit status 1`, as the service says it."""
    if end.signal is not None:
        name = _SIGNALS.get(end.signal, f"signal {end.signal}")
        return f"Runtime exited with error: signal: {name}"
    if end.status:
        return f"Runtime exited with error: exit status {end.status}"
    return "Runtime exited without providing a reason"
