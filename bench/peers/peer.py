"""What a peer is: something that runs functions and is called over HTTP on loopback."""

import http.client
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from bench.programs import Program

PATH = "/2015-03-31/functions/{}/invocations"
BOUND_S = 60.0


class Missing(Exception):
    """This peer, or this program on it, cannot be had here; the text says why."""


@dataclass(frozen=True)
class Target:
    """Where one function is called."""

    port: int
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    pid: int = 0  # of the process that answers, where one does

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}{self.path}"

    def call(self, timeout_s: float = BOUND_S) -> bytes:
        """Once, on a connection of its own; Missing for anything but a 2xx answer."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        try:
            connection.request("POST", self.path, self.body, dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as refused:
            raise Missing(f"does not answer: {refused!r}") from refused
        finally:
            connection.close()
        if answer.status >= 300 or answer.getheader("X-Amz-Function-Error"):
            raise Missing(f"answers {answer.status} {body[:200]!r}")
        return body


class Peer(Protocol):
    """One of those that are compared."""

    name: str

    def install(self) -> str:
        """Fetch it into the cache if it is not there; its version as it is printed. Missing when it cannot be had."""

    def open(self, programs: Sequence[Program]) -> AbstractContextManager[Mapping[str, Target]]:
        """Run these; where each is called, by its name. One that this peer cannot run is left out."""
