"""The family of what happens to events: event invoke configs and recursive loop detection."""

from collections.abc import Mapping
from typing import Any

from neve.api.paging import Pages
from neve.control.event_invoke import EventInvoke
from neve.control.recursion import Recursion
from neve.domain.arn import function_arn
from neve.domain.call import Call, Operation
from neve.domain.event_invoke import EventInvokeConfig, GivenEventInvoke
from neve.domain.function import RecursiveLoop
from neve.domain.limits import EVENT_INVOKE_CONFIGS_PER_PAGE

_Members = Mapping[str, Any]
_PAGES = Pages("event-invoke")


def operations(event_invoke: EventInvoke, recursion: Recursion) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(event_invoke, recursion)
    return {
        "PutFunctionEventInvokeConfig": family.put_function_event_invoke_config,
        "UpdateFunctionEventInvokeConfig": family.update_function_event_invoke_config,
        "GetFunctionEventInvokeConfig": family.get_function_event_invoke_config,
        "DeleteFunctionEventInvokeConfig": family.delete_function_event_invoke_config,
        "ListFunctionEventInvokeConfigs": family.list_function_event_invoke_configs,
        "PutFunctionRecursionConfig": family.put_function_recursion_config,
        "GetFunctionRecursionConfig": family.get_function_recursion_config,
    }


class _Family:
    def __init__(self, event_invoke: EventInvoke, recursion: Recursion) -> None:
        self._event_invoke = event_invoke
        self._recursion = recursion

    async def put_function_event_invoke_config(self, call: Call, members: _Members) -> _Members:
        return _config(
            await self._event_invoke.put(call.world, members["FunctionName"], members.get("Qualifier"), _given(members))
        )

    async def update_function_event_invoke_config(self, call: Call, members: _Members) -> _Members:
        return _config(
            await self._event_invoke.update(
                call.world, members["FunctionName"], members.get("Qualifier"), _given(members)
            )
        )

    async def get_function_event_invoke_config(self, call: Call, members: _Members) -> _Members:
        return _config(await self._event_invoke.get(call.world, members["FunctionName"], members.get("Qualifier")))

    async def delete_function_event_invoke_config(self, call: Call, members: _Members) -> _Members:
        await self._event_invoke.delete(call.world, members["FunctionName"], members.get("Qualifier"))
        return {}

    async def list_function_event_invoke_configs(self, call: Call, members: _Members) -> _Members:
        limit = members.get("MaxItems") or EVENT_INVOKE_CONFIGS_PER_PAGE
        after = _PAGES.read(members.get("Marker"))
        page = await self._event_invoke.page(call.world, members["FunctionName"], after, limit)
        return {
            "FunctionEventInvokeConfigs": [_config(each) for each in page.configs],
            "NextMarker": _PAGES.marker(page.after),
        }

    async def put_function_recursion_config(self, call: Call, members: _Members) -> _Members:
        wanted = RecursiveLoop(members["RecursiveLoop"])
        return {"RecursiveLoop": (await self._recursion.put(call.world, members["FunctionName"], wanted)).value}

    async def get_function_recursion_config(self, call: Call, members: _Members) -> _Members:
        return {"RecursiveLoop": (await self._recursion.get(call.world, members["FunctionName"])).value}


def _config(config: EventInvokeConfig) -> dict[str, Any]:
    """FunctionEventInvokeConfig of the service: destinations are always there, be they empty; what was never set is not."""
    return {
        "LastModified": config.last_modified_ms / 1000,
        "FunctionArn": function_arn(config.world, config.function_name, config.qualifier),
        "MaximumRetryAttempts": config.retries,
        "MaximumEventAgeInSeconds": config.maximum_age_s,
        "DestinationConfig": {
            "OnSuccess": _destination(config.on_success),
            "OnFailure": _destination(config.on_failure),
        },
    }


def _destination(arn: str | None) -> _Members:
    return {} if arn is None else {"Destination": arn}


def _given(members: _Members) -> GivenEventInvoke:
    destinations = members.get("DestinationConfig") or {}
    return GivenEventInvoke(
        members.get("MaximumRetryAttempts"),
        members.get("MaximumEventAgeInSeconds"),
        destinations.get("OnSuccess", {}).get("Destination"),
        destinations.get("OnFailure", {}).get("Destination"),
        bool(destinations),
    )
