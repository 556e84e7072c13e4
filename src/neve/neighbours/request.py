"""What a neighbour sees of a request, and where it goes: plain values that the modules of this room share."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from neve.domain.world import World

Headers = list[tuple[bytes, bytes]]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body. `service` is a signing name, `target` path and query as they came, names lower case.

    `signed` tells whether the caller's credential scope named the service and the region, or they were guessed.
    """

    service: str
    world: World
    signed: bool
    method: str
    target: bytes
    headers: Headers

    def header(self, name: bytes) -> bytes:
        """A header's value; empty when it is not there."""
        return next((value for each, value in self.headers if each == name), b"")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


class Way(NamedTuple):
    """Where a request goes, and as what."""

    address: Address
    head: Head
    receive: Receive


class Neighbour(Protocol):
    """Somebody who answers for services of AWS."""

    async def prepare(self, head: Head, receive: Receive) -> Way:
        """The request as this neighbour wants it, once it can be had; Unanswered when it cannot. Bounded in time."""


class CallerGone(Exception):
    """Nobody waits for the answer."""


class Unanswered(Exception):
    """Nobody answers a request: status, the error code for the service's error shape, and what to do about it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def nobody(message: str) -> Unanswered:
    """There is no neighbour for it, and trying again will not help: SDKs do not repeat a 501."""
    return Unanswered(501, "NotImplementedException", message)


def unavailable(message: str) -> Unanswered:
    """There is one, but not now: SDKs try again."""
    return Unanswered(503, "ServiceUnavailable", message)
