"""The verbs on layers: publish, read, list, delete, who may use them, and what a function uses of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neve.clock import Clock
from neve.control.archives import Archives
from neve.control.changes import Changes
from neve.domain import layer as rules
from neve.domain.code_source import CodeSource
from neve.domain.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from neve.domain.function import Code, UsedLayer
from neve.domain.layer import LayerReference, LayerVersion
from neve.domain.limits import THE_SERVICES, Quotas
from neve.domain.world import World
from neve.storage.store import Compatible, LayerStore


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLayer:
    """What a caller gives of a new layer version, besides its content."""

    description: str | None = None
    compatible_runtimes: tuple[str, ...] | None = None
    compatible_architectures: tuple[str, ...] | None = None
    license_info: str | None = None


@dataclass(frozen=True, slots=True)
class LayerPage:
    """Layer versions; `more` says that there are others after the last."""

    versions: Sequence[LayerVersion]
    more: bool


class Layers:
    """The layers of every world. Layer names are taken as callers write them: a name or an ARN."""

    def __init__(
        self,
        store: LayerStore,
        archives: Archives,
        changes: Changes,
        clock: Clock,
        new_id: Callable[[], str],
        quotas: Quotas = THE_SERVICES,
    ) -> None:
        self._store = store
        self._archives = archives
        self._changes = changes
        self._clock = clock
        self._new_id = new_id
        self._quotas = quotas

    async def publish(self, caller: World, layer_name: str, given: GivenLayer, source: CodeSource) -> LayerVersion:
        """The next version. InvalidParameterValue for an archive that may not be unpacked, AccessDenied elsewhere."""
        name = _own(caller, layer_name, "lambda:PublishLayerVersion")
        code, content = await self._archives.checked(caller, source)
        return await self._changes.whole(self._publish(caller, name, given, content, code))

    async def _publish(
        self, world: World, name: str, given: GivenLayer, content: bytes | None, code: Code
    ) -> LayerVersion:
        async with self._turn(world, name):
            layer = LayerVersion(
                world,
                name,
                await self._store.last_layer_number(world, name) + 1,
                code,
                int(self._clock.now_ms()),
                given.description or "",
                given.compatible_runtimes,
                given.compatible_architectures,
                given.license_info,
            )
            await self._archives.keep(world, content, code, lambda: self._store.publish_layer_if_next(layer))
        return layer

    async def get(self, caller: World, layer_name: str, number: int) -> LayerVersion:
        """One version. InvalidParameterValue below 1, ResourceNotFound, AccessDenied."""
        world, name = rules.parse_layer_name(caller, layer_name)
        rules.check_number(number)
        return await self._readable(caller, LayerReference(world, name, number))

    async def get_by_arn(self, caller: World, arn: str) -> LayerVersion:
        """As `get`."""
        return await self._readable(caller, rules.parse_version_arn(arn))

    async def content(self, world: World, name: str, number: int) -> bytes:
        """The zip of one version as it was uploaded."""
        return await self._archives.content((await self.get(world, name, number)).code)

    async def delete(self, caller: World, layer_name: str, number: int) -> None:
        """Forget one version; one that is not there is no error. Functions that use it keep what they have."""
        name = _own(caller, layer_name, "lambda:DeleteLayerVersion")
        rules.check_number(number)
        await self._changes.whole(self._delete(caller, name, number))

    async def _delete(self, world: World, name: str, number: int) -> None:
        async with self._turn(world, name):
            layer = await self._store.layer_version(world, name, number)
            if layer is None or not await self._store.delete_layer_version(world, name, number):
                return
        await self._archives.forget(layer.code.sha256)

    async def versions(
        self, caller: World, layer_name: str, compatible: Compatible, before: int | None, limit: int
    ) -> LayerPage:
        """Up to `limit` versions, the newest first, those before `before`. There may be none; that is no error."""
        world, name = rules.parse_layer_name(caller, layer_name)
        found = await self._store.layer_versions(world, name, compatible, before, limit + 1)
        for layer in found:
            rules.check_allowed(layer, caller.account)
        return LayerPage(found[:limit], len(found) > limit)

    async def page(self, world: World, compatible: Compatible, after: str | None, limit: int) -> LayerPage:
        """The newest version of up to `limit` layers by name, those after `after`."""
        found = await self._store.layers(world, compatible, after, limit + 1)
        return LayerPage(found[:limit], len(found) > limit)

    async def used(self, caller: World, arns: Sequence[str]) -> tuple[UsedLayer, ...]:
        """What a function of the caller uses of these. InvalidParameterValue when it may not, or they are not there."""
        found = []
        references = rules.check_references(arns, caller.region, self._quotas.layers)
        for arn, reference in zip(arns, references, strict=True):
            try:
                found.append(UsedLayer(arn, (await self._readable(caller, reference)).code))
            except ResourceNotFound as error:
                raise InvalidParameterValue(error.message) from error
        return tuple(found)

    # Who may use a version

    async def add_permission(
        self,
        caller: World,
        layer_name: str,
        number: int,
        sid: str,
        action: str,
        principal: str,
        organization: str | None,
        revision_id: str | None,
    ) -> tuple[Mapping[str, Any], str]:
        """The statement that was added, and the policy's revision. ResourceNotFound, ResourceConflict, PreconditionFailed."""
        name = _own(caller, layer_name, "lambda:AddLayerVersionPermission")
        rules.check_number(number)

        def change(layer: LayerVersion) -> LayerVersion:
            added = rules.statement(layer, sid, action, principal, organization)
            return rules.permitted(layer, added, self._new_id(), self._quotas.policy)

        layer = await self._changes.whole(self._change_policy(caller, name, number, revision_id, change))
        return layer.statements[-1], layer.policy_revision_id or ""

    async def remove_permission(
        self, caller: World, layer_name: str, number: int, sid: str, revision_id: str | None
    ) -> None:
        """Take a statement away. ResourceNotFound, PreconditionFailed."""
        name = _own(caller, layer_name, "lambda:RemoveLayerVersionPermission")
        rules.check_number(number)
        await self._changes.whole(
            self._change_policy(
                caller, name, number, revision_id, lambda layer: rules.forbidden(layer, sid, self._new_id())
            )
        )

    async def policy(self, caller: World, layer_name: str, number: int) -> tuple[str, str]:
        """The policy as JSON, and its revision. ResourceNotFound when there is none."""
        name = _own(caller, layer_name, "lambda:GetLayerVersionPolicy")
        rules.check_number(number)
        layer = await self._found(LayerReference(caller, name, number))
        return rules.policy(layer), layer.policy_revision_id or ""

    async def _change_policy(
        self,
        world: World,
        name: str,
        number: int,
        revision_id: str | None,
        change: Callable[[LayerVersion], LayerVersion],
    ) -> LayerVersion:
        async with self._turn(world, name):
            layer = await self._found(LayerReference(world, name, number))
            rules.check_policy_revision(layer, revision_id)
            changed = change(layer)
            await self._store.update_layer_if_policy_revision(changed, layer.policy_revision_id)
        return changed

    # Within

    def _turn(self, world: World, name: str) -> Any:
        return self._changes.turns.take(("layer", world, name))

    async def _readable(self, caller: World, reference: LayerReference) -> LayerVersion:
        layer = await self._found(reference)
        rules.check_allowed(layer, caller.account)
        return layer

    async def _found(self, reference: LayerReference) -> LayerVersion:
        layer = await self._store.layer_version(reference.world, reference.name, reference.number)
        if layer is None:
            raise rules.not_found(rules.version_arn(reference.world, reference.name, reference.number))
        return layer


def _own(caller: World, layer_name: str, action: str) -> str:
    """The name of a layer to change: nobody changes another world's."""
    world, name = rules.parse_layer_name(caller, layer_name)
    if world != caller:
        raise AccessDenied(
            f"User: arn:aws:iam::{caller.account}:root is not authorized to perform: {action} "
            f"on resource: {rules.layer_arn(world, name)}"
        )
    return name
