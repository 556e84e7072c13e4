"""The aliases family of the API."""

from collections.abc import Mapping
from typing import Any

from neve.api.paging import Pages
from neve.control.aliases import Aliases
from neve.domain import limits
from neve.domain.alias import Alias
from neve.domain.call import Call, Operation

_Members = Mapping[str, Any]
_PAGES = Pages("aliases")


def operations(aliases: Aliases) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(aliases)
    return {
        "CreateAlias": family.create_alias,
        "GetAlias": family.get_alias,
        "UpdateAlias": family.update_alias,
        "DeleteAlias": family.delete_alias,
        "ListAliases": family.list_aliases,
    }


class _Family:
    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases

    async def create_alias(self, call: Call, members: _Members) -> _Members:
        return _alias(
            await self._aliases.create(
                call.world,
                members["FunctionName"],
                members["Name"],
                members["FunctionVersion"],
                members.get("Description"),
                _weights(members),
            )
        )

    async def get_alias(self, call: Call, members: _Members) -> _Members:
        return _alias(await self._aliases.get(call.world, members["FunctionName"], members["Name"]))

    async def update_alias(self, call: Call, members: _Members) -> _Members:
        return _alias(
            await self._aliases.update(
                call.world,
                members["FunctionName"],
                members["Name"],
                members.get("FunctionVersion"),
                members.get("Description"),
                _weights(members),
                members.get("RevisionId"),
            )
        )

    async def delete_alias(self, call: Call, members: _Members) -> _Members:
        await self._aliases.delete(call.world, members["FunctionName"], members["Name"])
        return {}

    async def list_aliases(self, call: Call, members: _Members) -> _Members:
        limit = min(members.get("MaxItems") or limits.FUNCTIONS_PER_PAGE, limits.FUNCTIONS_PER_PAGE)
        page = await self._aliases.page(
            call.world,
            members["FunctionName"],
            members.get("FunctionVersion"),
            _PAGES.read(members.get("Marker")),
            limit,
        )
        return {"Aliases": [_alias(each) for each in page.aliases], "NextMarker": _PAGES.marker(page.after)}


def _alias(alias: Alias) -> dict[str, Any]:
    """AliasConfiguration of the service; RoutingConfig only where there is one."""
    members: dict[str, Any] = {
        "AliasArn": alias.arn,
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        members["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return members


def _weights(members: _Members) -> Mapping[str, float] | None:
    """What was given; a RoutingConfig without weights takes them away."""
    routing = members.get("RoutingConfig")
    return None if routing is None else routing.get("AdditionalVersionWeights") or {}
