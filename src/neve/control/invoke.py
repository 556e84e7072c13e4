"""Which version, and how: then the data plane runs it, the event queue accepts it, or nothing does (DryRun)."""

import os
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from neve.clock import Clock
from neve.control.functions import Functions, Target
from neve.dataplane.invoke import DataPlane
from neve.dataplane.response_stream import ResponseStream
from neve.domain.errors import RecursiveInvocation
from neve.domain.event import QueuedEvent
from neve.domain.function import Function, RecursiveLoop
from neve.domain.invocation import Invocation, InvocationResult, InvocationType
from neve.domain.lineage import begun, counted, is_loop
from neve.domain.tracing import new_header
from neve.domain.world import World


class InvokeRequest(msgspec.Struct, frozen=True):
    """What a caller asks for, checked against the service model and with a payload that is JSON.

    `trace_id` is the X-Ray header of the caller, empty when there is none. `identity` is the ARN of IAM of who asks, whom the
    function's policy may keep out; None for who was let in before.
    """

    world: World
    request_id: str
    function_name: str
    qualifier: str | None
    invocation_type: InvocationType
    payload: bytes
    trace_id: str
    wants_log_tail: bool = False
    client_context: str | None = None
    identity: str | None = None


class Invoked(NamedTuple):
    """What became of a request: the version that was meant, the X-Ray header that it ran with, and its result.

    No result for an event, which runs later, and for DryRun.
    """

    function: Function
    trace_id: str
    result: InvocationResult | None


class Streaming(NamedTuple):
    """What became of a request for a streamed response: as `Invoked`, but the response is still coming."""

    function: Function
    trace_id: str
    stream: ResponseStream


Accept = Callable[[QueuedEvent], Awaitable[None]]


class Invoker:
    """The verb `invoke`. `accept` makes an event durable."""

    def __init__(self, functions: Functions, plane: DataPlane, clock: Clock, accept: Accept) -> None:
        self._functions = functions
        self._plane = plane
        self._clock = clock
        self._accept = accept

    async def invoke(self, request: InvokeRequest) -> Invoked:
        """As the request says how. What is wrong with it, or with the state of the function, is raised."""
        target, trace_id = await self._meant(request)
        function = target.function
        if request.invocation_type is InvocationType.DRY_RUN:
            return Invoked(function, trace_id, None)
        if request.invocation_type is InvocationType.EVENT:
            await self._accept(_event(request, target, trace_id, self._clock.now_ms()))
            return Invoked(function, trace_id, None)
        await self._check_allowed(function, trace_id)
        return Invoked(function, trace_id, await self._plane.invoke(_invocation(request, target, trace_id)))

    async def stream(self, request: InvokeRequest) -> Streaming:
        """Run it now, the response as it comes. Errors as `invoke`; some only when the stream is waited for."""
        target, trace_id = await self._meant(request)
        await self._check_allowed(target.function, trace_id)
        stream = await self._plane.stream(_invocation(request, target, trace_id))
        return Streaming(target.function, trace_id, stream)

    async def _meant(self, request: InvokeRequest) -> tuple[Target, str]:
        target = await _target(
            self._functions, request.world, request.function_name, request.qualifier, request.identity
        )
        function = target.function
        if request.trace_id:
            return target, counted(request.trace_id, function.world, function.name)
        header = new_header(self._clock.now(), os.urandom(20).hex(), function.tracing_mode)
        return target, begun(header, function.world, function.name)

    async def _check_allowed(self, function: Function, trace_id: str) -> None:
        """The text is unconfirmed."""
        if not is_loop(trace_id):
            return
        policy = await self._functions.event_invoke.policy_of(function.world, function.name, None)
        if policy.recursive_loop is RecursiveLoop.TERMINATE:
            raise RecursiveInvocation(
                f"Lambda has detected your function {function.unqualified_arn} being invoked in a recursive loop and has "
                "stopped it."
            )


async def run_event(functions: Functions, plane: DataPlane, event: QueuedEvent) -> InvocationResult:
    """Run an event with the code and the configuration of now. Raises what a synchronous caller would get."""
    function, invoked_arn = await _target(functions, event.world, event.function_name, event.qualifier)
    invocation = Invocation(event.request_id, function, invoked_arn, event.payload, event.trace_header)
    return await plane.invoke(invocation, of_event=True)


async def _target(
    functions: Functions, world: World, function_name: str, qualifier: str | None, identity: str | None = None
) -> Target:
    known = functions.resolve_cached(world, function_name, qualifier, identity)
    return known or await functions.resolve(world, function_name, qualifier, identity)


def _event(request: InvokeRequest, target: Target, trace_id: str, now_ms: float) -> QueuedEvent:
    """The qualifier is kept, not the version: an event runs on what the qualifier means at that time."""
    function, invoked_arn = target
    qualifier = invoked_arn[len(function.unqualified_arn) + 1 :] or None
    return QueuedEvent(request.request_id, function.world, function.name, qualifier, request.payload, trace_id, now_ms)


def _invocation(request: InvokeRequest, target: Target, trace_id: str) -> Invocation:
    function, invoked_arn = target
    return Invocation(
        request_id=request.request_id,
        function=function,
        invoked_arn=invoked_arn,
        payload=request.payload,
        trace_id=trace_id,
        client_context=request.client_context,
        wants_log_tail=request.wants_log_tail,
    )
