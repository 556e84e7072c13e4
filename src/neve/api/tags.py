"""The tags family of the API."""

from collections.abc import Mapping
from typing import Any

from neve.control.tags import Tags
from neve.domain.call import Call, Operation

_Members = Mapping[str, Any]


def operations(tags: Tags) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(tags)
    return {
        "TagResource": family.tag_resource,
        "UntagResource": family.untag_resource,
        "ListTags": family.list_tags,
    }


class _Family:
    def __init__(self, tags: Tags) -> None:
        self._tags = tags

    async def tag_resource(self, call: Call, members: _Members) -> _Members:
        await self._tags.add(call.world, members["Resource"], members["Tags"])
        return {}

    async def untag_resource(self, call: Call, members: _Members) -> _Members:
        await self._tags.remove(call.world, members["Resource"], members["TagKeys"])
        return {}

    async def list_tags(self, call: Call, members: _Members) -> _Members:
        return {"Tags": dict(await self._tags.of(call.world, members["Resource"]))}
