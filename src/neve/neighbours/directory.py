"""Who answers for which service (design D10): the user's endpoint for it, else the neighbours' process, else nobody."""

import asyncio
from collections.abc import Mapping

from neve.domain.call import Call
from neve.domain.errors import CallerError
from neve.neighbours.passage import pass_on, refuse
from neve.neighbours.refusal import not_let_in
from neve.neighbours.request import Head, Neighbour, Receive, Scope, Send, Unanswered, nobody


class Directory:
    """`elsewhere` by signing name; `process` is None when Neve was not asked to bring neighbours."""

    def __init__(self, elsewhere: Mapping[str, Neighbour], process: Neighbour | None) -> None:
        self._elsewhere = elsewhere
        self._process = process
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Whoever still waits for a neighbour waits no longer."""
        self._closing.set()

    def answers(self, service: str) -> bool:
        """Whether there is anybody to ask."""
        return service in self._elsewhere or self._process is not None

    def neighbour(self, service: str) -> Neighbour:
        """Who answers for a service, by its signing name. Unanswered when nobody does."""
        found = self._elsewhere.get(service, self._process)
        if found is None:
            raise nobody(
                f"Neve answers for Lambda and CloudWatch Logs; nobody answers for {service}. Start it with --neighbours "
                f"(`neve dev` does), or say where {service} is: --endpoints {service}=URL."
            )
        return found

    async def pass_on(self, service: str, signed: bool, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of the door; every failure is told in the shape of the service."""
        head = _head(service, signed, call, scope)
        try:
            neighbour = self.neighbour(service)
        except Unanswered as error:
            await refuse(error, head, call.request_id, receive, send)
        else:
            await pass_on(neighbour, head, call.request_id, receive, send, self._closing)

    async def refuse(
        self, error: CallerError, service: str, call: Call, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Say that a request was not let in, in the shape of the service."""
        head = _head(service, True, call, scope)
        await refuse(not_let_in(error, head), head, call.request_id, receive, send)


def _head(service: str, signed: bool, call: Call, scope: Scope) -> Head:
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    return Head(service, call.world, signed, scope["method"], _printable(target), list(scope["headers"]))


def _printable(target: bytes) -> bytes:
    """Some clients send letters that a request line may not have; percent-encoded they mean the same."""
    if all(0x21 <= byte <= 0x7E for byte in target):
        return target
    return b"".join(bytes([byte]) if 0x21 <= byte <= 0x7E else b"%%%02X" % byte for byte in target)
