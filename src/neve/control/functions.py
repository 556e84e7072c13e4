"""The verbs on functions: create, read, list, change, delete, and find the version that an invocation means.

Function names are taken as callers write them (name, partial ARN, ARN; with a qualifier or without). Changes of one
function, its versions and its aliases happen one at a time (`Changes`).
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from neve.clock import Clock
from neve.control import naming
from neve.control.account import Account
from neve.control.aliases import Aliases, CachingAliasStore
from neve.control.archives import Archives, CodeObjects
from neve.control.capacity_providers import CapacityProviders
from neve.control.changes import Changes, new_uuid, not_active
from neve.control.code_signing import CodeSigning
from neve.control.concurrency import Capacity, Concurrency
from neve.control.configuration import Given, configured
from neve.control.event_invoke import EventInvoke
from neve.control.event_sources import EventSources, SourceCheck
from neve.control.function_urls import FunctionUrls
from neve.control.layers import Layers
from neve.control.permissions import Permissions, check_not_denied
from neve.control.preparation import Preparation, Prepare, Retire
from neve.control.recursion import Recursion
from neve.control.runtime_updates import RuntimeManagement
from neve.control.tags import FunctionTags, Tags
from neve.control.versions import Versions
from neve.domain import arn as arns
from neve.domain import function as rules
from neve.domain import limits as quotas
from neve.domain.alias import pick_version
from neve.domain.code_source import CodeSource, Image, check_package, not_run
from neve.domain.errors import InvalidParameterValue, ResourceConflict
from neve.domain.function import CREATING, LATEST, Code, Function, LoggingConfig, UsedLayer
from neve.domain.layer import check_total
from neve.domain.limits import THE_SERVICES, Quotas
from neve.domain.version import is_number, number_of
from neve.domain.world import World
from neve.storage.store import (
    BlobStore,
    CapacityProviderStore,
    CodeSigningStore,
    ConcurrencyStore,
    EventInvokeStore,
    EventSourceStore,
    FunctionStore,
    FunctionUrlStore,
    LayerStore,
)

_INVOKE = "lambda:InvokeFunction"


class CachingFunctionStore(FunctionStore, Protocol):
    """A store that knows some functions and aliases without waiting."""

    @property
    def aliases(self) -> CachingAliasStore:
        """The aliases of these functions."""

    @property
    def concurrency(self) -> ConcurrencyStore:
        """What these functions have set aside."""

    @property
    def event_invoke(self) -> EventInvokeStore:
        """What was set for the events of these functions."""

    @property
    def function_urls(self) -> FunctionUrlStore:
        """The URLs of these functions."""

    @property
    def code_signing(self) -> CodeSigningStore:
        """The code signing configs that functions may use."""

    @property
    def event_sources(self) -> EventSourceStore:
        """The event source mappings."""

    @property
    def capacity_providers(self) -> CapacityProviderStore:
        """What functions may be to run on."""

    @property
    def layers(self) -> LayerStore:
        """The layers that functions may use."""

    def cached(self, world: World, name: str, version: str) -> Function | None:
        """That version if it is in memory. None says nothing."""


class Found(NamedTuple):
    """A version of a function, the qualifier by which it was asked for (None without one), and the function's tags."""

    function: Function
    qualifier: str | None
    tags: Mapping[str, str]


class Target(NamedTuple):
    """What an invocation runs, and the ARN by which it was asked for."""

    function: Function
    invoked_arn: str


@dataclass(frozen=True, slots=True)
class Page:
    """Functions by name and number; `after` is where the next page goes on, None at the end."""

    functions: Sequence[Function]
    after: tuple[str, int] | None


class Functions:
    """The functions of every world. `prepare` makes a function's code ready to run; raising makes the function Failed.

    `retire` hears of a function whose environments are to finish and go: it was replaced or deleted. Deprecated
    runtimes are accepted unless `refuse_deprecated`: people come to Neve with functions that the service stopped taking.
    `roll` gives the dice for aliases with weights. `capacity` hears what functions set aside of `account_concurrency`.
    `sources` tells whether there is what a mapping is to read, `objects` has code that lies in buckets.
    `quotas` are those that are not about concurrency.

    The verbs on what belongs to functions are its attributes: `versions`, `aliases`, `layers`, `concurrency`, `account`,
    `event_invoke` and `recursion` (their events), `sources` (what invokes them), `permissions`, `urls`, `tags`,
    `code_signing`, `providers` and `runtimes`.
    """

    def __init__(
        self,
        store: CachingFunctionStore,
        blobs: BlobStore,
        clock: Clock,
        prepare: Prepare,
        retire: Retire,
        new_id: Callable[[], str] = new_uuid,
        refuse_deprecated: bool = False,
        roll: Callable[[], float] = random.random,
        capacity: Capacity | None = None,
        account_concurrency: int = quotas.CONCURRENT_EXECUTIONS,
        sources: SourceCheck | None = None,
        objects: CodeObjects | None = None,
        quotas: Quotas = THE_SERVICES,
    ) -> None:
        self._store = store
        self._known_aliases = store.aliases
        self._clock = clock
        self._retire = retire
        self._new_id = new_id
        self._refuse_deprecated = refuse_deprecated
        self._roll = roll
        self._quotas = quotas
        self._changes = Changes(store)
        self._archives = Archives(store, blobs, self._changes.turns, objects, quotas)
        self._preparation = Preparation(
            store, clock, self._changes.turns, new_id, prepare, retire, self._archives.forget_all
        )
        self.concurrency = Concurrency(
            store, store.aliases, store.concurrency, self._changes, clock, capacity, account_concurrency
        )
        self.account = Account(store, self.concurrency, quotas)
        refresh = self.concurrency.refresh
        self.versions = Versions(store, self._archives, self._changes, self._preparation, retire, new_id, refresh)
        self.aliases = Aliases(store, store.aliases, self._changes, new_id, refresh)
        self.event_invoke = EventInvoke(store, store.aliases, store.event_invoke, self._changes, clock)
        self.recursion = Recursion(store, self._changes)
        self.permissions = Permissions(store, store.aliases, self._changes, new_id, quotas)
        self.urls = FunctionUrls(store, store.aliases, store.function_urls, self._changes, clock)
        self.code_signing = CodeSigning(store, store.code_signing, self._changes, clock)
        self.runtimes = RuntimeManagement(store, self._changes)
        self.providers = CapacityProviders(store, store.capacity_providers, self._changes, clock)
        self.sources = EventSources(store, store.aliases, store.event_sources, self._changes, clock, new_uuid, sources)
        self.tags = Tags(
            {
                "function": FunctionTags(store, self._changes),
                "code-signing-config": self.code_signing,
                "event-source-mapping": self.sources,
                "capacity-provider": self.providers,
            }
        )
        self.layers = Layers(store.layers, self._archives, self._changes, clock, new_id, quotas)

    async def finish_pending(self) -> None:
        """Finish what a Neve that was killed left Pending or InProgress. Await it before the door opens."""
        await self._preparation.finish_pending()

    async def wait_idle(self) -> None:
        """Until no change is being written, no function is Pending and no update InProgress."""
        await self._changes.wait_idle()
        await self._preparation.wait_idle()

    async def close(self) -> None:
        """Let changes that began be written, and stop what is on its way after them; the next start finishes it."""
        await self._changes.close()
        await self._preparation.close()

    # Create, read, list

    async def create(
        self,
        world: World,
        function_name: str,
        given: Given,
        source: CodeSource,
        tags: Mapping[str, str],
        publish: bool = False,
        code_signing_arn: str | None = None,
    ) -> Function:
        """Remember a new function and begin to make it ready: it is returned Pending. With `publish`, so is its first
        version, and that is returned."""
        name = naming.changed(world, function_name, "lambda:CreateFunction")
        rules.check_name(name)
        rules.check_tags(tags)
        await self.code_signing.check_usable(world, code_signing_arn)
        await self.providers.check_usable(world, given.capacity_provider_arn)
        draft = self._draft(world, name, given, source, tags, await self._used(world, given))
        code, content = await self._archives.checked(world, source)
        function = replace(draft, code=code, code_signing_arn=code_signing_arn)
        check_total(function, self._quotas.code_unzipped)
        return await self._changes.whole(self._create(function, content, publish))

    async def _create(self, function: Function, content: bytes | None, publish: bool) -> Function:
        world, name = function.world, function.name
        async with self._changes.turns.take((world, name)):
            if await self._store.function(world, name, LATEST) is not None:
                raise ResourceConflict(f"Function already exist: {name}")
            version = (await self.versions.draft(function))[0] if publish else None
            await self._archives.keep(
                world,
                content,
                function.code,
                lambda: self._store.create_function(function, version),
                function.layers,
            )
            self._preparation.begin(function)
            if version is not None:
                self._preparation.begin(version)
        return version or function

    async def get(self, world: World, function_name: str, qualifier: str | None, action: str) -> Found:
        """One version. `action` is the permission that is named when it belongs to another account."""
        name, qualifier = naming.wanted(world, function_name, qualifier, action)
        latest = await self._store.function(world, name, LATEST)
        function = latest if qualifier in {None, LATEST} else await self._qualified(world, name, qualifier or "")
        if latest is None or function is None:
            raise arns.not_found(world, name, qualifier)
        return Found(function, qualifier, latest.tags)

    async def _qualified(self, world: World, name: str, qualifier: str) -> Function | None:
        """The version with that number, or the first one of that alias."""
        if is_number(qualifier):
            return await self._store.function(world, name, qualifier)
        alias = await self._known_aliases.alias(world, name, qualifier)
        return None if alias is None else await self._store.function(world, name, alias.version)

    async def page(self, world: World, after: tuple[str, int] | None, limit: int, all_versions: bool = False) -> Page:
        """Up to `limit` functions, those after `after`; with `all_versions`, every version of each."""
        place = after or ("", 0)
        if all_versions:
            found = await self._store.functions_and_versions(world, place, limit + 1)
        else:
            found = await self._store.functions(world, place[0], limit + 1)
        page = found[:limit]
        return Page(page, (page[-1].name, number_of(page[-1])) if len(found) > limit else None)

    async def code_archive(self, world: World, name: str, version: str) -> bytes:
        """The zip of one version as it was uploaded."""
        found = await self.get(world, name, version, "lambda:GetFunction")
        return await self._archives.content(found.function.code)

    # Change

    async def update_code(
        self,
        world: World,
        function_name: str,
        source: CodeSource,
        architectures: tuple[str, ...] | None,
        revision_id: str | None,
        dry_run: bool,
        publish: bool = False,
    ) -> Function:
        """Replace the code of `$LATEST`; the reply is InProgress. A dry run says what would be and changes nothing.

        With `publish`, the reply is the version that was made of it.
        """
        name = naming.changed(world, function_name, "lambda:UpdateFunctionCode")
        current = await self._changes.changeable(world, name, revision_id)  # before the work of checking the archive
        check_package(source, current.image_uri is not None, changing=True)
        code, content = await self._archives.checked(world, source)
        image_uri = source.uri if isinstance(source, Image) else None
        if dry_run:
            return _recoded(await self._changes.changeable(world, name, revision_id), code, image_uri, architectures)
        return await self._changes.whole(
            self._update(
                world,
                name,
                revision_id,
                lambda current: _recoded(current, code, image_uri, architectures),
                lambda write: self._archives.keep(world, content, code, write),
                publish,
            )
        )

    async def update_configuration(
        self, world: World, function_name: str, given: Given, revision_id: str | None
    ) -> Function:
        """Merge what was given into `$LATEST`; the reply is InProgress."""
        name = naming.changed(world, function_name, "lambda:UpdateFunctionConfiguration")
        await self.providers.check_usable(world, given.capacity_provider_arn)
        layers = await self._used(world, given)
        return await self._changes.whole(
            self._update(
                world,
                name,
                revision_id,
                lambda current: configured(current, given, self._refuse_deprecated, layers, self._quotas),
                lambda write: self._archives.hold(layers or (), write),
            )
        )

    async def _update(
        self,
        world: World,
        name: str,
        revision_id: str | None,
        change: Callable[[Function], Function],
        around: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
        publish: bool = False,
    ) -> Function:
        async with self._changes.turns.take((world, name)):
            current = await self._changes.changeable(world, name, revision_id)
            function = self._in_progress(change(current))
            check_total(function, self._quotas.code_unzipped)
            version, is_new = await self.versions.draft(function) if publish else (function, False)
            await around(
                lambda: self._store.update_function_if_revision(
                    function, current.revision_id, version if is_new else None
                )
            )
            self._preparation.begin(function, current)
            if is_new:
                self._preparation.begin(version)
        return version

    async def delete(self, world: World, function_name: str, qualifier: str | None) -> None:
        """Forget a function with all its versions and aliases, or one version. Environments finish what they do.

        A version that is not there is no error; ResourceConflict for one that an alias points to.
        """
        name, qualifier = naming.wanted(world, function_name, qualifier, "lambda:DeleteFunction")
        if qualifier == LATEST:
            raise InvalidParameterValue("$LATEST version cannot be deleted without deleting the function.")
        if qualifier is None:
            await self._changes.whole(self._delete(world, name))
        elif is_number(qualifier):
            await self.versions.delete(world, name, qualifier)
        else:
            raise InvalidParameterValue("Deletion of aliases is not currently supported.")

    async def _delete(self, world: World, name: str) -> None:
        async with self._changes.turns.take((world, name)):
            deleted = await self._store.delete_function(world, name)
            if not deleted:
                raise arns.not_found(world, name, None)
            served = self._preparation.forget(world, name)
            self.concurrency.forget(world, name)
        gone = [*deleted, *([] if served is None else [served])]
        for function in _served(gone):
            self._retire(function)
        await self._archives.forget_all(gone)

    # Find what an invocation means: the hot path

    def resolve_cached(
        self, caller: World, function_name: str, qualifier: str | None, identity: str | None = None
    ) -> Target | None:
        """What an invocation means, without waiting; None when only the disk can tell: await `resolve` then. `identity` is the
        ARN of who asks; None for Neve itself, which was let in before.

        ValidationFailed, InvalidParameterValue (qualifiers differ), ResourceNotFound (with `:$LATEST`), AccessDenied,
        ResourceConflict (it is not Active). An alias with two versions is rolled for each invocation.
        """
        world, name, asked = naming.invoked(caller, function_name, qualifier)
        if world is not caller:
            return None
        version, alias = asked or LATEST, None
        if version != LATEST and not is_number(version):
            alias = self._known_aliases.cached(caller, name, version)
            if alias is None:
                return None
            version = pick_version(alias, self._roll()) if alias.weights else alias.version
        stored = self._store.cached(caller, name, version)
        if stored is None:
            return None
        policy = stored.policy if alias is None else alias.policy
        if policy is not None:
            check_not_denied(policy, caller, name, asked, _INVOKE, identity, caller.account)
        return _target(self._serving(caller, name, version) or stored, asked)

    async def resolve(
        self, caller: World, function_name: str, qualifier: str | None, identity: str | None = None
    ) -> Target:
        """As `resolve_cached`, and looks on the disk."""
        world, name, asked = naming.invoked(caller, function_name, qualifier)
        if world is not caller or identity is not None:
            await self.permissions.check_may(caller, world, name, asked, _INVOKE, identity)
        version = await self._version(world, name, asked or LATEST)
        function = await self._store.function(world, name, version)
        if function is None:
            raise arns.not_found(world, name, asked or LATEST)
        # An update may have begun while the disk was asked.
        return _target(self._serving(world, name, version) or function, asked)

    async def _version(self, caller: World, name: str, qualifier: str) -> str:
        if qualifier == LATEST or is_number(qualifier):
            return qualifier
        alias = await self._known_aliases.alias(caller, name, qualifier)
        if alias is None:
            raise arns.not_found(caller, name, qualifier)
        return pick_version(alias, self._roll())

    def _serving(self, world: World, name: str, version: str) -> Function | None:
        """What is run instead of the `$LATEST` that the store shows, while an update is InProgress."""
        serving = self._preparation.serving
        return serving.get((world, name)) if serving and version == LATEST else None

    # Within

    async def _used(self, world: World, given: Given) -> tuple[UsedLayer, ...] | None:
        return None if given.layer_arns is None else await self.layers.used(world, given.layer_arns)

    def _draft(
        self,
        world: World,
        name: str,
        given: Given,
        source: CodeSource,
        tags: Mapping[str, str],
        layers: tuple[UsedLayer, ...] | None,
    ) -> Function:
        image_uri = source.uri if isinstance(source, Image) else None
        if image_uri is None and (given.runtime is None or given.handler is None):
            raise InvalidParameterValue(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        base = Function(
            world=world,
            name=name,
            runtime=given.runtime or "",
            handler=given.handler or "",
            role=given.role or "",
            code=Code("", 0),
            logging=LoggingConfig(f"/aws/lambda/{name}"),
            last_modified_ms=int(self._clock.now_ms()),
            revision_id=self._new_id(),
            tags=dict(tags),
            state_reason=CREATING,
            state_reason_code="Creating",
            image_uri=image_uri,
        )
        return configured(base, given, self._refuse_deprecated, layers, self._quotas)

    def _in_progress(self, function: Function) -> Function:
        return replace(
            function,
            revision_id=self._new_id(),
            last_modified_ms=int(self._clock.now_ms()),
            last_update_status="InProgress",
            last_update_reason=CREATING,
            last_update_reason_code="Creating",
        )


def _recoded(function: Function, code: Code, image_uri: str | None, architectures: tuple[str, ...] | None) -> Function:
    return replace(function, code=code, image_uri=image_uri, architectures=architectures or function.architectures)


def _target(function: Function, asked: str | None) -> Target:
    if function.state != "Active":
        raise not_active(function)
    if function.image_uri is not None:
        raise not_run(function.unqualified_arn)
    return Target(function, function.unqualified_arn if asked is None else f"{function.unqualified_arn}:{asked}")


def _served(functions: Sequence[Function]) -> Sequence[Function]:
    """One for each version: of two with the same, the last is what runs."""
    return list({function.version: function for function in functions}.values())
