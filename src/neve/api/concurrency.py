"""The concurrency family of the API."""

from collections.abc import Mapping
from typing import Any

from neve.control.concurrency import Concurrency
from neve.domain.call import Call, Operation

_Members = Mapping[str, Any]


def operations(concurrency: Concurrency) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(concurrency)
    return {
        "PutFunctionConcurrency": family.put_function_concurrency,
        "GetFunctionConcurrency": family.get_function_concurrency,
        "DeleteFunctionConcurrency": family.delete_function_concurrency,
    }


class _Family:
    def __init__(self, concurrency: Concurrency) -> None:
        self._concurrency = concurrency

    async def put_function_concurrency(self, call: Call, members: _Members) -> _Members:
        executions = members["ReservedConcurrentExecutions"]
        return _reserved(await self._concurrency.reserve(call.world, members["FunctionName"], executions))

    async def get_function_concurrency(self, call: Call, members: _Members) -> _Members:
        return _reserved(await self._concurrency.reserved(call.world, members["FunctionName"]))

    async def delete_function_concurrency(self, call: Call, members: _Members) -> _Members:
        await self._concurrency.unreserve(call.world, members["FunctionName"])
        return {}


def _reserved(executions: int | None) -> _Members:
    return {} if executions is None else {"ReservedConcurrentExecutions": executions}
