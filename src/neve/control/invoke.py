"""Which version, and how: then the data plane runs it, or nothing does (DryRun)."""

from dataclasses import dataclass

from neve.control.functions import Functions
from neve.dataplane.invoke import DataPlane
from neve.domain.errors import UnsupportedOperation
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
    trace_id: str
    wants_log_tail: bool = False
    client_context: str | None = None


class Invoker:
    """The verb `invoke`."""

    def __init__(self, functions: Functions, plane: DataPlane) -> None:
        self._functions = functions
        self._plane = plane

    async def invoke(self, request: InvokeRequest) -> tuple[Function, InvocationResult | None]:
        """The function version that was meant and its result; no result for DryRun, which checks and runs nothing."""
        target = self._functions.resolve_cached(request.world, request.function_name, request.qualifier)
        if target is None:
            target = await self._functions.resolve(request.world, request.function_name, request.qualifier)
        function, invoked_arn = target
        if request.invocation_type is InvocationType.EVENT:
            raise UnsupportedOperation(
                "Neve cannot run asynchronous invocations (InvocationType Event) yet; use RequestResponse."
            )
        if request.invocation_type is InvocationType.DRY_RUN:
            return function, None
        return function, await self._plane.invoke(_invocation(request, function, invoked_arn))


def _invocation(request: InvokeRequest, function: Function, invoked_arn: str) -> Invocation:
    return Invocation(
        request_id=request.request_id,
        function=function,
        invoked_arn=invoked_arn,
        payload=request.payload,
        trace_id=request.trace_id,
        client_context=request.client_context,
        wants_log_tail=request.wants_log_tail,
    )
