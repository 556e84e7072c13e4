"""The versions family of the API."""

from collections.abc import Mapping
from typing import Any

from neve.api.functions import configuration, listed
from neve.api.paging import Pages
from neve.control.versions import Versions
from neve.domain import limits
from neve.domain.call import Call, Operation
from neve.domain.errors import InvalidParameterValue

_Members = Mapping[str, Any]
_PAGES = Pages("versions")


def operations(versions: Versions) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(versions)
    return {
        "PublishVersion": family.publish_version,
        "ListVersionsByFunction": family.list_versions_by_function,
    }


class _Family:
    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    async def publish_version(self, call: Call, members: _Members) -> _Members:
        if "PublishTo" in members:
            raise InvalidParameterValue("Neve has no capacity providers to publish to; leave PublishTo out.")
        version = await self._versions.publish(
            call.world,
            members["FunctionName"],
            members.get("CodeSha256"),
            members.get("Description"),
            members.get("RevisionId"),
        )
        return configuration(version, version.version)

    async def list_versions_by_function(self, call: Call, members: _Members) -> _Members:
        limit = min(members.get("MaxItems") or limits.FUNCTIONS_PER_PAGE, limits.FUNCTIONS_PER_PAGE)
        after = _PAGES.read_number(members.get("Marker"))
        page = await self._versions.page(call.world, members["FunctionName"], -1 if after is None else after, limit)
        return {
            "Versions": [listed(each, each.version) for each in page.versions],
            "NextMarker": None if page.after is None else _PAGES.marker(str(page.after)),
        }
