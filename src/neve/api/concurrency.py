"""The concurrency family of the API."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from neve.api.paging import Pages
from neve.control.concurrency import Concurrency, ProvisionedState
from neve.domain.arn import function_arn
from neve.domain.call import Call, Operation
from neve.domain.limits import PROVISIONED_CONFIGS_PER_PAGE

_Members = Mapping[str, Any]
_PAGES = Pages("provisioned")


def operations(concurrency: Concurrency) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(concurrency)
    return {
        "PutFunctionConcurrency": family.put_function_concurrency,
        "GetFunctionConcurrency": family.get_function_concurrency,
        "DeleteFunctionConcurrency": family.delete_function_concurrency,
        "PutProvisionedConcurrencyConfig": family.put_provisioned_concurrency_config,
        "GetProvisionedConcurrencyConfig": family.get_provisioned_concurrency_config,
        "DeleteProvisionedConcurrencyConfig": family.delete_provisioned_concurrency_config,
        "ListProvisionedConcurrencyConfigs": family.list_provisioned_concurrency_configs,
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

    async def put_provisioned_concurrency_config(self, call: Call, members: _Members) -> _Members:
        return _provisioned(
            await self._concurrency.provision(
                call.world,
                members["FunctionName"],
                members.get("Qualifier"),
                members["ProvisionedConcurrentExecutions"],
            )
        )

    async def get_provisioned_concurrency_config(self, call: Call, members: _Members) -> _Members:
        return _provisioned(
            await self._concurrency.provisioned(call.world, members["FunctionName"], members.get("Qualifier"))
        )

    async def delete_provisioned_concurrency_config(self, call: Call, members: _Members) -> _Members:
        await self._concurrency.unprovision(call.world, members["FunctionName"], members.get("Qualifier"))
        return {}

    async def list_provisioned_concurrency_configs(self, call: Call, members: _Members) -> _Members:
        limit = min(members.get("MaxItems") or PROVISIONED_CONFIGS_PER_PAGE, PROVISIONED_CONFIGS_PER_PAGE)
        after = _PAGES.read(members.get("Marker"))
        page = await self._concurrency.page(call.world, members["FunctionName"], after, limit)
        return {
            "ProvisionedConcurrencyConfigs": [_listed(each) for each in page.states],
            "NextMarker": _PAGES.marker(page.after),
        }


def _reserved(executions: int | None) -> _Members:
    return {} if executions is None else {"ReservedConcurrentExecutions": executions}


def _provisioned(state: ProvisionedState) -> dict[str, Any]:
    members: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": state.provisioned.executions,
        "AvailableProvisionedConcurrentExecutions": state.available,
        "AllocatedProvisionedConcurrentExecutions": state.allocated,
        "Status": state.status,
        "LastModified": _time(state.provisioned.last_modified_ms),
    }
    return members if state.reason is None else members | {"StatusReason": state.reason}


def _listed(state: ProvisionedState) -> dict[str, Any]:
    of = state.provisioned
    return {"FunctionArn": function_arn(of.world, of.function_name, of.qualifier), **_provisioned(state)}


def _time(milliseconds: int) -> str:
    """`2023-08-10T12:34:56+0000`: this family tells no milliseconds."""
    return f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%dT%H:%M:%S}+0000"
