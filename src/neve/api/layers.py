"""The layers family of the API."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from neve.api.functions import code_source, iso_time
from neve.api.lending import Lend, as_it_is
from neve.api.paging import Pages
from neve.control.layers import GivenLayer, Layers
from neve.domain import limits
from neve.domain.call import Call, Operation
from neve.domain.layer import LayerVersion
from neve.storage.store import Compatible

_Members = Mapping[str, Any]
_VERSIONS = Pages("layer-versions")
_LAYERS = Pages("layers")


def operations(layers: Layers, base_url: Callable[[], str], lend: Lend = as_it_is) -> dict[str, Operation]:
    """Operations by their names in the service model. `base_url` is that of our own door, without a slash at its end; `lend`
    makes a URL of it usable for who has no key."""
    family = _Family(layers, base_url, lend)
    return {
        "PublishLayerVersion": family.publish_layer_version,
        "GetLayerVersion": family.get_layer_version,
        "GetLayerVersionByArn": family.get_layer_version_by_arn,
        "DeleteLayerVersion": family.delete_layer_version,
        "ListLayerVersions": family.list_layer_versions,
        "ListLayers": family.list_layers,
        "AddLayerVersionPermission": family.add_layer_version_permission,
        "RemoveLayerVersionPermission": family.remove_layer_version_permission,
        "GetLayerVersionPolicy": family.get_layer_version_policy,
    }


class _Family:
    def __init__(self, layers: Layers, base_url: Callable[[], str], lend: Lend) -> None:
        self._lend = lend
        self._layers = layers
        self._base_url = base_url

    async def publish_layer_version(self, call: Call, members: _Members) -> _Members:
        given = GivenLayer(
            description=members.get("Description"),
            compatible_runtimes=_tuple(members.get("CompatibleRuntimes")),
            compatible_architectures=_tuple(members.get("CompatibleArchitectures")),
            license_info=members.get("LicenseInfo"),
        )
        source = code_source(members["Content"])
        return self._with_content(await self._layers.publish(call.world, members["LayerName"], given, source))

    async def get_layer_version(self, call: Call, members: _Members) -> _Members:
        return self._with_content(await self._layers.get(call.world, members["LayerName"], members["VersionNumber"]))

    async def get_layer_version_by_arn(self, call: Call, members: _Members) -> _Members:
        return self._with_content(await self._layers.get_by_arn(call.world, members["Arn"]))

    async def delete_layer_version(self, call: Call, members: _Members) -> _Members:
        await self._layers.delete(call.world, members["LayerName"], members["VersionNumber"])
        return {}

    async def list_layer_versions(self, call: Call, members: _Members) -> _Members:
        before = _VERSIONS.read_number(members.get("Marker"))
        page = await self._layers.versions(
            call.world, members["LayerName"], _compatible(members), before, _limit(members)
        )
        return {
            "LayerVersions": [_version(each) for each in page.versions],
            "NextMarker": _VERSIONS.marker(str(page.versions[-1].number)) if page.more else None,
        }

    async def list_layers(self, call: Call, members: _Members) -> _Members:
        after = _LAYERS.read(members.get("Marker"))
        page = await self._layers.page(call.world, _compatible(members), after, _limit(members))
        return {
            "Layers": [
                {"LayerName": each.name, "LayerArn": each.layer_arn, "LatestMatchingVersion": _version(each)}
                for each in page.versions
            ],
            "NextMarker": _LAYERS.marker(page.versions[-1].name) if page.more else None,
        }

    async def add_layer_version_permission(self, call: Call, members: _Members) -> _Members:
        statement, revision_id = await self._layers.add_permission(
            call.world,
            members["LayerName"],
            members["VersionNumber"],
            members["StatementId"],
            members["Action"],
            members["Principal"],
            members.get("OrganizationId"),
            members.get("RevisionId"),
        )
        return {"Statement": json.dumps(statement, separators=(",", ":")), "RevisionId": revision_id}

    async def remove_layer_version_permission(self, call: Call, members: _Members) -> _Members:
        await self._layers.remove_permission(
            call.world,
            members["LayerName"],
            members["VersionNumber"],
            members["StatementId"],
            members.get("RevisionId"),
        )
        return {}

    async def get_layer_version_policy(self, call: Call, members: _Members) -> _Members:
        policy, revision_id = await self._layers.policy(call.world, members["LayerName"], members["VersionNumber"])
        return {"Policy": policy, "RevisionId": revision_id}

    def _with_content(self, layer: LayerVersion) -> dict[str, Any]:
        world = layer.world
        path = "/".join(quote(part, safe="") for part in (world.account, world.region, layer.name))
        return _version(layer) | {
            "LayerArn": layer.layer_arn,
            "Content": {
                "Location": self._lend(world, f"{self._base_url()}/_neve/layers/{path}/{layer.number}"),
                "CodeSha256": layer.code.sha256,
                "CodeSize": layer.code.size,
            },
        }


def _version(layer: LayerVersion) -> dict[str, Any]:
    """LayerVersionsListItem of the service."""
    return {
        "LayerVersionArn": layer.arn,
        "Version": layer.number,
        "Description": layer.description,
        "CreatedDate": iso_time(layer.created_ms),
        "CompatibleRuntimes": layer.compatible_runtimes,
        "CompatibleArchitectures": layer.compatible_architectures,
        "LicenseInfo": layer.license_info,
    }


def _tuple(given: Any) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


def _compatible(members: _Members) -> Compatible:
    return Compatible(members.get("CompatibleRuntime"), members.get("CompatibleArchitecture"))


def _limit(members: _Members) -> int:
    limit: int = members.get("MaxItems") or limits.LAYERS_PER_PAGE
    return limit
