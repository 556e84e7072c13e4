"""The platform's own failure payloads. Source: invoke-api facts §6."""

import json
from dataclasses import dataclass

from neve.dataplane.sandbox.sandbox import Exit
from neve.domain.extension import Extension, ExtensionState
from neve.domain.limits import SYNC_RESPONSE_BYTES

TIMEOUT = "Sandbox.Timedout"
EXIT = "Runtime.ExitError"
OUT_OF_MEMORY = "Runtime.OutOfMemory"
INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"
SANDBOX = "Sandbox.Failure"
LAUNCH = "Extension.LaunchError"
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


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an init phase or an invocation failed.

    `reported` is the error as the runtime told it. Without that, callers get a text: `text`, or how the process ended.
    """

    error_type: str
    reported: bytes | None = None
    timed_out: bool = False
    end: Exit | None = None
    text: str | None = None

    @property
    def status(self) -> str:
        """What reports of an init call it."""
        return "timeout" if self.timed_out else "error"

    def payload(self, request_id: str) -> bytes:
        """What the caller of this invocation gets."""
        if self.reported is not None:
            return self.reported
        return payload(self.error_type, self.message(request_id))

    def message(self, request_id: str) -> str:
        """What the platform says of it."""
        return f"RequestId: {request_id} Error: {self.text or describe(self.end or Exit(0, None))}"


def timeout(timeout_s: int) -> Failure:
    """The function's time was over."""
    return Failure(TIMEOUT, timed_out=True, text=f"Task timed out after {timeout_s}.00 seconds")


def exited(end: Exit) -> Failure:
    """The runtime's process ended."""
    return Failure(OUT_OF_MEMORY if end.out_of_memory else EXIT, end=end)


_EXTENSION_TYPES = {
    ExtensionState.INIT_ERROR: "Extension.InitError",
    ExtensionState.EXIT_ERROR: "Extension.ExitError",
}


def extension_ended(extension: Extension, end: Exit) -> Failure:
    """The process of an external extension ended, which it does not in the life of an environment."""
    if end.out_of_memory:
        return exited(end)
    text = f"exit code {end.status}" if end.signal is None else f"signal: {_signal_name(end.signal)}"
    return Failure(_EXTENSION_TYPES.get(extension.state, "Extension.Crash"), text=text)


def extension_failed(extension: Extension) -> Failure:
    """An extension said that it fails, and does not go."""
    return Failure(_EXTENSION_TYPES[extension.state], text=extension.error_type)


def payload(error_type: str, message: str) -> bytes:
    """The error JSON of a failure that the runtime did not report itself."""
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()


def too_large(limit: int = SYNC_RESPONSE_BYTES) -> bytes:
    """The runtime posted more than a caller may get."""
    text = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    return payload(TOO_LARGE, text)


def describe(end: Exit) -> str:
    """`Runtime exited with error: exit status 1`, as the service says it."""
    if end.signal is not None:
        return f"Runtime exited with error: signal: {_signal_name(end.signal)}"
    if end.status:
        return f"Runtime exited with error: exit status {end.status}"
    return "Runtime exited without providing a reason"


def _signal_name(number: int) -> str:
    return _SIGNALS.get(number, f"signal {number}")
