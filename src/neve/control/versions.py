"""The verbs on versions: publish, list, delete. A version is made ready like a function and never changes again."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from neve.control import naming
from neve.control.archives import Archives
from neve.control.changes import Changes, not_active
from neve.control.preparation import Preparation, Retire
from neve.domain import arn as arns
from neve.domain import version as rules
from neve.domain.function import LATEST, Function
from neve.domain.world import World
from neve.storage.store import FunctionStore


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Versions by number, `$LATEST` first; `after` is where the next page goes on, None at the end."""

    versions: Sequence[Function]
    after: int | None


class Versions:
    """The published versions of every function. `retire` hears of one that was deleted, `refresh` is awaited then."""

    def __init__(
        self,
        store: FunctionStore,
        archives: Archives,
        changes: Changes,
        preparation: Preparation,
        retire: Retire,
        new_id: Callable[[], str],
        refresh: Callable[[World, str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._archives = archives
        self._changes = changes
        self._preparation = preparation
        self._retire = retire
        self._new_id = new_id
        self._refresh = refresh

    async def publish(
        self,
        world: World,
        function_name: str,
        code_sha256: str | None = None,
        description: str | None = None,
        revision_id: str | None = None,
    ) -> Function:
        """The next version, made of `$LATEST` and Pending; or the last one when nothing changed since.

        As `Changes.changeable`; InvalidParameterValue for another code than `code_sha256`; ResourceConflict for a
        function that Failed; as `Archives.check_room`.
        """
        name = naming.changed(world, function_name, "lambda:PublishVersion")
        return await self._changes.whole(self._publish(world, name, code_sha256, description, revision_id))

    async def _publish(
        self, world: World, name: str, code_sha256: str | None, description: str | None, revision_id: str | None
    ) -> Function:
        async with self._changes.turns.take((world, name)):
            latest = await self._changes.changeable(world, name, revision_id)
            if latest.state == "Failed":
                raise not_active(latest)
            rules.check_code(latest, code_sha256)
            version, is_new = await self.draft(latest, description)
            if is_new:
                await self._archives.check_room(world, version.code)
                await self._store.publish_version_if_next(version)
                self._preparation.begin(version)
        return version

    async def draft(self, latest: Function, description: str | None = None) -> tuple[Function, bool]:
        """What publishing `latest` gives, and whether that has to be written and made ready. In the function's turn."""
        number = await self._store.last_version_number(latest.world, latest.name)
        last = await self._store.function(latest.world, latest.name, str(number))
        if last is not None and rules.is_unchanged(latest, last):
            return last, False
        return rules.published(latest, number + 1, description, self._new_id()), True

    async def page(self, world: World, function_name: str, after: int, limit: int) -> VersionPage:
        """Up to `limit` versions, those after the number `after` (-1 for the first page)."""
        name, _ = naming.wanted(world, function_name, None, "lambda:ListVersionsByFunction")
        found = await self._store.versions(world, name, after, limit + 1)
        if not found and await self._store.function(world, name, LATEST) is None:
            raise arns.not_found(world, name, None)
        page = found[:limit]
        return VersionPage(page, rules.number_of(page[-1]) if len(found) > limit else None)

    async def delete(self, world: World, name: str, version: str) -> None:
        """Forget one version; one that is not there is no error. ResourceConflict while an alias points to it."""
        await self._changes.whole(self._delete(world, name, version))

    async def _delete(self, world: World, name: str, version: str) -> None:
        async with self._changes.turns.take((world, name)):
            if await self._store.function(world, name, LATEST) is None:
                raise arns.not_found(world, name, version)
            function = await self._store.function(world, name, version)
            if function is None or not await self._store.delete_version(world, name, version):
                return
            await self._refresh(world, name)
        self._retire(function)
        await self._archives.forget_all([function])
