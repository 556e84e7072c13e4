"""Which calls of AWS services came through the door, told to who asks: service, operation, outcome, and whose they are.

Nobody asks, most of the time, and then nothing is looked at. Operations of services that are not ours are named as far as
their protocols say them: `X-Amz-Target`, the `Action` of a form (SNS and others), else method and path.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from neve.api.http import Receive, Scope, Send
from neve.domain.world import World

_FORM = b"application/x-www-form-urlencoded"
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z0-9]{1,64})(?:&|$)")


class ServiceCall(NamedTuple):
    """One call. `operation` is the service's name of it, else method and path; `status` is None when nobody was answered."""

    world: World
    service: str
    operation: str
    method: str
    path: str
    status: int | None
    request_id: str | None
    began_ms: float


Listener = Callable[[ServiceCall], None]


class Calls:
    """Belongs to the event loop's thread."""

    def __init__(self, now_ms: Callable[[], float]) -> None:
        self.now_ms = now_ms
        self._listeners: list[Listener] = []

    @property
    def wanted(self) -> bool:
        """Whether anybody wants to know."""
        return bool(self._listeners)

    @contextmanager
    def told_to(self, listener: Listener) -> Iterator[None]:
        """For the time of a `with`."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def tell(self, call: ServiceCall) -> None:
        """Tell of a call that is over."""
        for listener in list(self._listeners):
            listener(call)


class Witness:
    """Stands between the server and the door for one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, began_ms: float) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._began_ms = began_ms
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self._form = self.headers.get(b"content-type", b"").startswith(_FORM)
        self._action = ""
        self._status: int | None = None
        self._request_id: str | None = None

    async def receive(self) -> Mapping[str, Any]:
        """The server's; the first piece of a form names its action."""
        message = await self._receive()
        if self._form:
            self._form = False
            found = _ACTION.search(message.get("body", b""))
            self._action = found[1].decode() if found else ""
        return message

    async def send(self, message: dict[str, Any]) -> None:
        """The server's."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            told = dict(message["headers"]).get(b"x-amzn-requestid")
            self._request_id = told.decode("latin-1") if told is not None else None
        await self._send(message)

    def call(self, world: World, service: str, operation: str | None) -> ServiceCall:
        """What it was. `operation` as far as the door knows it."""
        method, path = self._scope["method"], self._scope["path"]
        target = self.headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
        named = operation or target or self._action or f"{method} {path}"
        return ServiceCall(world, service, named, method, path, self._status, self._request_id, self._began_ms)
