"""The AWS-compatible HTTP door: one ASGI application, one visible list of steps (`_answer`).

    caller    who calls (scope.py)
    service   which service is meant (meant.py); one that is not ours is passed on, as a stream
    route     which operation (routes.py, or X-Amz-Target)
    body      read it, within its limits (body.py)
    parse     bytes to members, checked against the model (wire.py)   } a raw operation
    operate   the operation itself                                    } does these
    render    members to bytes                                        } three itself
    errors    whatever was raised, as the service says it (errors.py)

What can be known in advance (routes, codecs, limits) is made once for each service, on its first request.
"""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from neve.api import errors, model
from neve.api.body import BodyLimits, Disconnected
from neve.api.calls import Calls, Witness
from neve.api.http import (
    BODY,
    WHOLE,
    Application,
    RawOperation,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    StreamedResponse,
)
from neve.api.meant import service_of
from neve.api.model import ServiceModel
from neve.api.routes import Match, Routes, unknown_operation
from neve.api.scope import Caller, caller_of
from neve.api.sending import Reading, send_answer
from neve.api.wire import Codec
from neve.domain.call import Call, Operation
from neve.domain.errors import NeveError, UnsupportedOperation

OWN_PATH = "/_neve"


@dataclass(frozen=True)
class Service:
    """One AWS service behind the door: botocore's name of its model, its operations, and body limits of its own (bytes).

    `refused` says of operations that are not there why.
    """

    model: str
    operations: Mapping[str, Operation]
    body_limits: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


class Neighbours(Protocol):
    """Who answers for the services that are not ours."""

    def answers(self, service: str) -> bool:
        """Whether anybody answers for a service, by its signing name."""

    async def pass_on(self, service: str, signed: bool, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, whatever happens; `signed` when its scope named the service and the world."""


def new_request_id() -> str:
    """A version 4 UUID, lower case; by hand, because this is on the path of every invocation."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def create_door(
    services: Mapping[str, Service],
    own: Application,
    raw: Mapping[str, RawOperation],
    neighbours: Neighbours | None = None,
    request_id: Callable[[], str] = new_request_id,
    calls: Calls | None = None,
) -> Application:
    """The ASGI application. `services` by signing name (`lambda`, `logs`); `own` answers what is under `/_neve/`;
    `raw` has operations of Lambda that read and write HTTP themselves; `neighbours` have all other services;
    `calls` hears of every call, when somebody wants it to."""
    return _Door(services, own, raw, neighbours, request_id, calls)


class _Desk:
    """What the door knows of one service, made on its first request."""

    def __init__(self, service: Service, raw: Mapping[str, RawOperation]) -> None:
        self.operations = service.operations
        self.raw = raw
        self.limits = BodyLimits(service.body_limits)
        self._name = service.model
        self._refused = service.refused
        self._codecs: dict[str, Codec] = {}

    @cached_property
    def model(self) -> ServiceModel:
        return model.load(self._name)

    @cached_property
    def routes(self) -> Routes:
        return Routes(self.model.operations.values())

    def codec(self, operation: str) -> Codec:
        found = self._codecs.get(operation)
        if found is None:
            found = self._codecs[operation] = Codec(self.model, self.model.operations[operation])
        return found

    def match(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Match:
        """The operation of a request; UnsupportedOperation when the model has it and we have not."""
        if self.model.json_rpc:
            match = self._match_target(headers)
        else:
            match = self.routes.match(scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"])
        if match.operation not in self.operations and match.operation not in self.raw:
            why = self._refused.get(match.operation)
            sentence = f"Neve does not support the operation {match.operation} yet."
            raise UnsupportedOperation(f"{sentence} {why}" if why else sentence)
        return match

    def _match_target(self, headers: Mapping[bytes, bytes]) -> Match:
        target = headers.get(b"x-amz-target", b"").decode("latin-1")
        prefix, _, operation = target.rpartition(".")
        if prefix != self.model.target_prefix or operation not in self.model.operations:
            raise unknown_operation(f"X-Amz-Target {target}")
        return Match(operation, {})


class _Door:
    def __init__(
        self,
        services: Mapping[str, Service],
        own: Application,
        raw: Mapping[str, RawOperation],
        neighbours: Neighbours | None,
        request_id: Callable[[], str],
        calls: Calls | None,
    ) -> None:
        self._calls = calls
        self._own = own
        self._neighbours = neighbours
        self._new_id = request_id
        self._desks = {name: _Desk(each, raw if name == "lambda" else {}) for name, each in services.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(OWN_PATH) and path[len(OWN_PATH) :][:1] in ("", "/"):
                await self._own(scope, receive, send)
            elif self._calls is not None and self._calls.wanted:
                await self._serve_before_a_witness(self._calls, scope, receive, send)
            else:
                await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _serve_before_a_witness(self, calls: Calls, scope: Scope, receive: Receive, send: Send) -> None:
        witness = Witness(scope, receive, send, calls.now_ms())
        kept = {name: each for name, each in scope.get("extensions", {}).items() if name not in (BODY, WHOLE)}
        try:
            await self._serve({**scope, "extensions": kept}, witness.receive, witness.send)
        finally:
            with contextlib.suppress(NeveError):  # who is not understood has called nobody
                caller = caller_of(witness.headers, scope["query_string"])
                service = self._service(caller, scope, witness.headers)
                desk = self._desks.get(service)
                operation = desk.match(scope, witness.headers).operation if desk is not None else None
                calls.tell(witness.call(caller.world, service, operation))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = self._new_id()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        reading = Reading(scope, receive, headers)
        desk: _Desk | None = None
        response: Response | StreamedResponse
        try:
            caller = caller_of(headers, scope["query_string"])
            service = self._service(caller, scope, headers)
            desk = self._desks.get(service)
            if desk is None and self._neighbours is not None:
                signed, call = caller.service is not None, Call(caller.world, request_id)
                await self._neighbours.pass_on(service, signed, call, scope, receive, send)
                return
            if desk is None:
                raise UnsupportedOperation(f"Neve does not answer for the service {service!r}.")
            response = await self._answer(desk, Call(caller.world, request_id), scope, headers, reading)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - the edge of the door: everything becomes a response
            response = errors.render(error, desk.model if desk else None, request_id)
        await send_answer(scope, receive, send, response, request_id, reading)

    async def _answer(
        self, desk: _Desk, call: Call, scope: Scope, headers: Mapping[bytes, bytes], reading: Reading
    ) -> Response | StreamedResponse:
        match = desk.match(scope, headers)
        body = await reading.body(desk.limits.of(match.operation, headers))
        request = Request(scope["method"], match.operation, match.labels, scope["query_string"], headers, body)
        raw = desk.raw.get(match.operation)
        if raw is not None:
            return await raw(call, request)
        codec = desk.codec(match.operation)
        return codec.render(await desk.operations[match.operation](call, codec.parse(request)))

    def _service(self, caller: Caller, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        """The service that is meant; what is only guessed to be a neighbour's is Lambda's when nobody answers there."""
        if caller.service is not None:
            return caller.service
        guess = service_of(scope, headers, self._targets)
        if guess in self._desks or (self._neighbours is not None and self._neighbours.answers(guess)):
            return guess
        return "lambda"

    @cached_property
    def _targets(self) -> Mapping[bytes, str]:
        """Our services by the prefix of their X-Amz-Target."""
        prefixes = ((desk.model.target_prefix, name) for name, desk in self._desks.items())
        return {prefix.encode(): name for prefix, name in prefixes if prefix is not None}


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing starts or stops here: that is the roof's work."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
