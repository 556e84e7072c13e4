"""What a neighbour sees of a request, and where it goes: plain values that the modules of this room share."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


class Neighbour(Protocol):
    """Somebody who answers for services of AWS."""

    async def address(self, head: Head) -> Address:
        """Where it takes this request, once it does; Unanswered when it cannot be had now. Bounded in time."""

    def adapt(self, head: Head) -> Head:
        """The request as this neighbour wants to see it."""


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
