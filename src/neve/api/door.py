"""The AWS-compatible HTTP door: one ASGI application, one visible list of steps (`_answer`).

    caller    who calls (scope.py); with authorization on, whether it is true (gate.py)
    service   which service is meant (meant.py); one that is not ours is passed on, as a stream
    route     which operation (routes.py, or X-Amz-Target)
    body      read it, within its limits (body.py)
    may       with authorization on, whether the caller's key allows it (actions.py)
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
from typing import Any, Protocol

from neve.api import actions, errors, model
from neve.api.body import BodyLimits, Disconnected
from neve.api.calls import Calls, Witness
from neve.api.gate import MISSING, Claim, Gate, hold, wire_of
from neve.api.http import (
    BODY,
    CLAIM,
    STRANGER,
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
from neve.api.scope import UNSIGNED, Caller, caller_of
from neve.api.sending import Reading, send_answer
from neve.api.wire import Codec
from neve.domain.call import Call, Operation
from neve.domain.errors import CallerError, NeveError, SignatureRefused, UnsupportedOperation
from neve.domain.world import World

OWN_PATH = "/_neve"
HEALTH_PATH = "/_neve/health"
_OWN_BODY_BYTES = 65_536
_CALLER = "neve.caller"
_IF_SIGNED = ", unless its client signs x-amz-content-sha256"
_MATCHES_KEPT = 4_096
_USUAL_BYTES = 1_024


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

    async def refuse(
        self, error: CallerError, service: str, call: Call, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Say that a request was not let in, in the shape of the service."""


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
    gate: Gate | None = None,
) -> Application:
    """The ASGI application. `services` by signing name (`lambda`, `logs`); `own` answers what is under `/_neve/`;
    `raw` has operations of Lambda that read and write HTTP themselves; `neighbours` have all other services;
    `calls` hears of every call, when somebody wants it to; without a `gate` everybody is let in."""
    return _Door(services, own, raw, neighbours, request_id, calls, gate)


class _Desk:
    """What the door knows of one service, made on its first request."""

    def __init__(self, service: Service, raw: Mapping[str, RawOperation]) -> None:
        self.operations = service.operations
        self.raw = raw
        self.limits = BodyLimits(service.body_limits)
        self._name = service.model
        self._refused = service.refused
        self._codecs: dict[str, Codec] = {}
        self._matched: dict[tuple[str, bytes, bytes], Match] = {}

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
            match = self._match_path(scope["method"], scope["raw_path"], scope["query_string"])
        if match.operation not in self.operations and match.operation not in self.raw:
            why = self._refused.get(match.operation)
            sentence = f"Neve does not support the operation {match.operation} yet."
            raise UnsupportedOperation(f"{sentence} {why}" if why else sentence)
        return match

    def _match_path(self, method: str, path: bytes, query: bytes) -> Match:
        """Remembered: a client asks for the same path all day."""
        asked = (method, path, query)
        match = self._matched.get(asked)
        if match is None:
            match = self.routes.match(method, path.decode("latin-1"), query)
            if len(self._matched) >= _MATCHES_KEPT:
                self._matched.clear()
            if len(path) + len(query) <= _USUAL_BYTES:
                self._matched[asked] = match
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
        gate: Gate | None,
    ) -> None:
        self._calls = calls
        self._gate = gate
        self._own = own
        self._neighbours = neighbours
        self._new_id = request_id
        self._desks = {name: _Desk(each, raw if name == "lambda" else {}) for name, each in services.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(OWN_PATH) and path[len(OWN_PATH) :][:1] in ("", "/"):
                await self._serve_own(scope, receive, send)
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
        inner = {**scope, "extensions": kept}
        try:
            await self._serve(inner, witness.receive, witness.send)
        finally:
            with contextlib.suppress(NeveError, KeyError):  # who is not understood, or not let in, has called nobody
                caller = inner[_CALLER] if self._gate is not None else caller_of(witness.headers, scope["query_string"])
                service = self._service(caller, scope, witness.headers)
                desk = self._desks.get(service)
                operation = desk.match(scope, witness.headers).operation if desk is not None else None
                calls.tell(witness.call(caller.world, service, operation))

    async def _serve_own(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Our own API. Whether Neve is well may be asked by everybody. A body is whole before anything begins."""
        reading = Reading(scope, receive, dict(scope["headers"]))
        try:
            scope = {**scope, **self._introduced(scope, reading)}
            held = reading.receive if reading.done else await hold(reading.receive, _OWN_BODY_BYTES)
        except CallerError as error:
            request_id = self._new_id()
            await send_answer(scope, reading.receive, send, errors.render(error, None, request_id), request_id, reading)
            return
        await self._own(scope, held, send)

    def _introduced(self, scope: Scope, reading: Reading) -> Mapping[str, Any]:
        """What our own API is told of who calls. Signed for anything else than Lambda, as which it goes, a request was made for
        something else: for S3 not even its body need be signed."""
        try:
            return {CLAIM: self._claim(scope, reading, "lambda")}
        except SignatureRefused as error:
            if error.code == MISSING and scope["path"] == HEALTH_PATH:
                return {STRANGER: True}
            raise

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = self._new_id()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        reading = Reading(scope, receive, headers)
        desk: _Desk | None = None
        response: Response | StreamedResponse
        service = ""
        call = Call(World(), request_id)
        try:
            claim = self._claim(scope, reading)
            caller = caller_of(headers, scope["query_string"]) if claim is None else _proven(claim)
            if claim is not None and self._calls is not None and self._calls.wanted:
                scope[_CALLER] = caller  # type: ignore[index]
            call = Call(caller.world, request_id, claim.principal if claim is not None else None)
            service = self._service(caller, scope, headers)
            desk = self._desks.get(service)
            if desk is None and self._neighbours is not None:
                signed = caller.service is not None
                if claim is not None:
                    receive = await _let_pass(claim, service, call, reading)
                await self._neighbours.pass_on(service, signed, call, scope, receive, send)
                return
            if desk is None:
                raise UnsupportedOperation(f"Neve does not answer for the service {service!r}.")
            response = await self._answer(desk, call, scope, headers, reading)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - the edge of the door: everything becomes a response
            if self._gate is not None and desk is None and isinstance(error, CallerError):
                service = service or self._service(self._unproven(scope, headers), scope, headers)
                desk = self._desks.get(service)
                if desk is None and self._neighbours is not None:
                    await self._neighbours.refuse(error, service, call, scope, reading.receive, send)
                    return
            response = errors.render(error, desk.model if desk else None, request_id)
        await send_answer(scope, reading.receive, send, response, request_id, reading)

    # Authorization

    def _claim(self, scope: Scope, reading: Reading, service: str | None = None) -> Claim | None:
        """What the request claims, proven already when there is no body; None when nobody checks."""
        if self._gate is None:
            return None
        claim = self._gate.claim(wire_of(scope), service)
        reading.prove_by(claim)
        return claim

    def _unproven(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Caller:
        """Whom a refused request was for, as far as it says so: only to answer in the right shape."""
        try:
            return caller_of(headers, scope["query_string"])
        except CallerError:
            return UNSIGNED

    async def _answer(
        self, desk: _Desk, call: Call, scope: Scope, headers: Mapping[bytes, bytes], reading: Reading
    ) -> Response | StreamedResponse:
        match = desk.match(scope, headers)
        body = await reading.body(desk.limits.of(match.operation, headers))
        request = Request(scope["method"], match.operation, match.labels, scope["query_string"], headers, body)
        raw = desk.raw.get(match.operation)
        if raw is not None:
            if call.principal is not None and call.principal.is_limited:
                _check_may(call, desk, match.operation, {**match.labels, "Qualifier": request.parameter("Qualifier")})
            return await raw(call, request)
        codec = desk.codec(match.operation)
        members = codec.parse(request)
        if call.principal is not None and call.principal.is_limited:
            _check_may(call, desk, match.operation, members)
        return codec.render(await desk.operations[match.operation](call, members))

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


async def _let_pass(claim: Claim, service: str, call: Call, reading: Reading) -> Receive:
    """To a neighbour: a body is held only if its digest was not signed by itself."""
    receive = (
        reading.receive
        if reading.done or claim.declared is not None
        else await hold(reading.receive, otherwise=_IF_SIGNED)
    )
    claim.principal.check_may(f"{service}:*", "*", call.world.region)
    return receive


def _proven(claim: Claim) -> Caller:
    return Caller(World(claim.principal.account, claim.signature.region), claim.signature.service)


def _check_may(call: Call, desk: _Desk, operation: str, members: Mapping[str, Any]) -> None:
    """AccessDenied when the policy of the caller's key does not allow it."""
    assert call.principal is not None
    action, resource = actions.asked(desk.model.name, operation, members, call.world)
    call.principal.check_may(action, resource, call.world.region)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing starts or stops here: that is the roof's work."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
