"""Which version, and how: then the data plane runs it, or nothing does (DryRun)."""

import os
import time
from dataclasses import dataclass

from neve.control.functions import Functions
from neve.dataplane.invoke import DataPlane
from neve.domain.errors import ResourceConflict, UnsupportedOperation
from neve.domain.function import Function
from neve.domain.invocation import Invocation, InvocationResult, InvocationType
from neve.domain.world import World


@dataclass(frozen=True, slots=True)
class InvokeRequest:
    """What a caller asks for, checked against the service model and with a payload that is JSON."""

    world: World
    request_id: str
    function_name: str
    qualifier: str | None
    invocation_type: InvocationType
    payload: bytes
    wants_log_tail: bool = False
    client_context: str | None = None
    trace_header: str | None = None


class Invoker:
    """The verb `invoke`."""

    def __init__(self, functions: Functions, plane: DataPlane) -> None:
        self._functions = functions
        self._plane = plane

    async def invoke(self, request: InvokeRequest) -> tuple[Function, InvocationResult | None]:
        """The function version that was meant and its result; no result for DryRun, which checks and runs nothing."""
        function, invoked_arn = await self._functions.resolve(request.world, request.function_name, request.qualifier)
        if request.invocation_type is InvocationType.EVENT:
            raise UnsupportedOperation(
                "Neve cannot run asynchronous invocations (InvocationType Event) yet; use RequestResponse."
            )
        _check_state(function)
        if request.invocation_type is InvocationType.DRY_RUN:
            return function, None
        return function, await self._plane.invoke(_invocation(request, function, invoked_arn))


def _check_state(function: Function) -> None:
    if function.state in ("Pending", "Failed"):
        raise ResourceConflict(
            "The operation cannot be performed at this time. "
            f"The function is currently in the following state: {function.state}"
        )


def _invocation(request: InvokeRequest, function: Function, invoked_arn: str) -> Invocation:
    return Invocation(
        request_id=request.request_id,
        function=function,
        invoked_arn=invoked_arn,
        payload=request.payload,
        trace_id=_trace(request.trace_header),
        client_context=request.client_context,
        wants_log_tail=request.wants_log_tail,
    )


def _trace(given: str | None) -> str:
    """The caller's X-Ray header goes on as it is; without one, a new trace that is not sampled."""
    if given:
        return given
    random = os.urandom(24).hex()
    return f"Root=1-{int(time.time()):08x}-{random[:24]};Parent={random[24:40]};Sampled=0;Lineage=1:{random[40:]}:0"
