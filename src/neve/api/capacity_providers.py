"""The family of capacity providers, and of how far functions spread on them."""

from collections.abc import Mapping
from typing import Any

from neve.api.functions import iso_time
from neve.api.paging import Pages
from neve.control.capacity_providers import CapacityProviders
from neve.domain.call import Call, Operation
from neve.domain.capacity_provider import CapacityProvider
from neve.domain.function import Function, ScalingLimits
from neve.domain.limits import CAPACITY_PROVIDERS_PER_PAGE

_Members = Mapping[str, Any]
_PROVIDERS = Pages("capacity-providers")
_VERSIONS = Pages("capacity-provider-versions")

_SETTINGS = (
    "VpcConfig",
    "PermissionsConfig",
    "InstanceRequirements",
    "CapacityProviderScalingConfig",
    "KmsKeyArn",
    "PropagateTags",
    "TelemetryConfig",
)
_STATE = "Active"
"""Of every provider that is read: nothing has to be started for it."""


def operations(providers: CapacityProviders) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(providers)
    return {
        "CreateCapacityProvider": family.create_capacity_provider,
        "GetCapacityProvider": family.get_capacity_provider,
        "UpdateCapacityProvider": family.update_capacity_provider,
        "DeleteCapacityProvider": family.delete_capacity_provider,
        "ListCapacityProviders": family.list_capacity_providers,
        "ListFunctionVersionsByCapacityProvider": family.list_function_versions_by_capacity_provider,
        "PutFunctionScalingConfig": family.put_function_scaling_config,
        "GetFunctionScalingConfig": family.get_function_scaling_config,
    }


class _Family:
    def __init__(self, providers: CapacityProviders) -> None:
        self._providers = providers

    async def create_capacity_provider(self, call: Call, members: _Members) -> _Members:
        provider = await self._providers.create(
            call.world, members["CapacityProviderName"], _given(members), members.get("Tags") or {}
        )
        return {"CapacityProvider": _provider(provider, "Pending")}

    async def get_capacity_provider(self, call: Call, members: _Members) -> _Members:
        provider = await self._providers.get(call.world, members["CapacityProviderName"])
        return {"CapacityProvider": _provider(provider)}

    async def update_capacity_provider(self, call: Call, members: _Members) -> _Members:
        provider = await self._providers.update(call.world, members["CapacityProviderName"], _given(members))
        return {"CapacityProvider": _provider(provider)}

    async def delete_capacity_provider(self, call: Call, members: _Members) -> _Members:
        provider = await self._providers.delete(call.world, members["CapacityProviderName"])
        return {"CapacityProvider": _provider(provider, "Deleting")}

    async def list_capacity_providers(self, call: Call, members: _Members) -> _Members:
        if members.get("State", _STATE) != _STATE:
            return {"CapacityProviders": []}
        limit = members.get("MaxItems") or CAPACITY_PROVIDERS_PER_PAGE
        page = await self._providers.page(call.world, _PROVIDERS.read(members.get("Marker")), limit)
        return {
            "CapacityProviders": [_provider(each) for each in page.providers],
            "NextMarker": _PROVIDERS.marker(page.after),
        }

    async def list_function_versions_by_capacity_provider(self, call: Call, members: _Members) -> _Members:
        provider = await self._providers.get(call.world, members["CapacityProviderName"])
        limit = members.get("MaxItems") or CAPACITY_PROVIDERS_PER_PAGE
        after = _VERSIONS.read_place(members.get("Marker"))
        page = await self._providers.versions(call.world, provider.name, after, limit)
        return {
            "CapacityProviderArn": provider.arn,
            "FunctionVersions": [{"FunctionArn": each.qualified_arn, "State": each.state} for each in page.versions],
            "NextMarker": _VERSIONS.place(page.after),
        }

    async def put_function_scaling_config(self, call: Call, members: _Members) -> _Members:
        given = members.get("FunctionScalingConfig", {})
        function = await self._providers.scale(
            call.world,
            members["FunctionName"],
            members["Qualifier"],
            ScalingLimits(given.get("MinExecutionEnvironments"), given.get("MaxExecutionEnvironments")),
        )
        return {"FunctionState": function.state}

    async def get_function_scaling_config(self, call: Call, members: _Members) -> _Members:
        function = await self._providers.scaled(call.world, members["FunctionName"], members["Qualifier"])
        scaling = _scaling(function)
        return {
            "FunctionArn": function.qualified_arn,
            "AppliedFunctionScalingConfig": scaling,
            "RequestedFunctionScalingConfig": scaling,
        }


def _given(members: _Members) -> _Members:
    return {name: members[name] for name in _SETTINGS if name in members}


def _provider(provider: CapacityProvider, state: str = _STATE) -> dict[str, Any]:
    return {
        "CapacityProviderArn": provider.arn,
        "State": state,
        **provider.settings,
        "LastModified": iso_time(provider.last_modified_ms),
    }


def _scaling(function: Function) -> _Members:
    return {
        "MinExecutionEnvironments": function.scaling.minimum,
        "MaxExecutionEnvironments": function.scaling.maximum,
    }
