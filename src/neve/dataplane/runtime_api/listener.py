"""What an environment gives to its doors and is told by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from neve.domain.extension import Extension


class Event(msgspec.Struct, frozen=True):
    """An invocation as a runtime gets it. `deadline_ms` is Unix time; empty facts are not sent."""

    request_id: str
    body: bytes
    deadline_ms: int
    invoked_arn: str
    trace_id: str = ""
    client_context: str | None = None  # JSON text
    identity: str | None = None  # JSON text
    tenant: str | None = None
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class FunctionError:
    """A failure as the runtime told it. `error_type` is one of the service's families; `cause` is JSON for X-Ray."""

    error_type: str
    body: bytes
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """An extension subscribed to telemetry: `api` is `telemetry` or `logs`, `types` as in the request."""

    extension: Extension
    api: str
    types: Sequence[str]


class Listener(Protocol):
    """The environment. Everything is called on the event loop, in the order in which it happened, and must not wait.

    Calls about an invocation come only while it is the current one, and in a legal order: late and wrong ones were refused.
    """

    def runtime_waits(self) -> None:
        """The runtime asked for its next event over HTTP; whether everything waits, the doors know."""

    def responded(self, request_id: str, body: bytes, content_type: str) -> None:
        """The response, in one piece and within the limit."""

    def stream_started(self, request_id: str, content_type: str) -> None:
        """A streamed response begins."""

    def stream_chunk(self, request_id: str, chunk: bytes) -> None:
        """More of it. `hold_stream` stops the flow."""

    def stream_ended(self, request_id: str, error: FunctionError | None) -> None:
        """It is whole, or ended with an error: the function's, or Runtime.TruncatedResponse."""

    def failed(self, request_id: str, error: FunctionError) -> None:
        """The function failed, or posted more than a caller may get (Function.ResponseSizeTooLarge)."""

    def init_failed(self, error: FunctionError) -> None:
        """The runtime could not initialize; it will exit."""

    def restore_waits(self) -> None:
        """SnapStart: everything is loaded, a snapshot may be taken. `restored` answers."""

    def restore_failed(self, error: FunctionError) -> None:
        """A hook after a restore failed; the runtime will exit."""

    def extension_registered(self, extension: Extension) -> None:
        """One more party whose `next` counts."""

    def extension_waits(self, extension: Extension) -> None:
        """An extension asked for its next event; whether everything waits, the doors know."""

    def extension_failed(self, extension: Extension, error_type: str, body: bytes) -> None:
        """It reported init/error or exit/error, which its state tells; it will exit."""

    def subscribed(self, subscription: Subscribed) -> None:
        """An extension subscribed to telemetry."""
