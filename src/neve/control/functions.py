"""The verbs on functions: create, read, list, change, delete, tag, and find the one that an invocation means.

Function names are taken as callers write them (name, partial ARN, ARN; with a qualifier or without). Changes of one
function happen one at a time (`Turns`); so do keeping and forgetting one code archive, or a create could find its
archive deleted by the end of another function that had the same code. The function's turn is taken before the code's.
"""

import asyncio
import base64
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, TypeVar

from neve.clock import Clock
from neve.control.configuration import Given, configured
from neve.control.preparation import CREATING, Preparation, Prepare, Retire
from neve.dataplane.turns import Turns
from neve.domain import archive, limits
from neve.domain import arn as arns
from neve.domain import function as rules
from neve.domain.errors import (
    InvalidParameterValue,
    PlatformError,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
    ServiceSpecific,
)
from neve.domain.function import LATEST, Code, Function, LoggingConfig
from neve.domain.world import World
from neve.storage.store import BlobStore, FunctionStore

T = TypeVar("T")


class CachingFunctionStore(FunctionStore, Protocol):
    """A store that knows some functions without waiting."""

    def cached(self, world: World, name: str, version: str) -> Function | None:
        """That version if it is in memory. None says nothing."""


class Found(NamedTuple):
    """A version of a function, and the qualifier by which it was asked for (None without one)."""

    function: Function
    qualifier: str | None


class Target(NamedTuple):
    """What an invocation runs, and the ARN by which it was asked for."""

    function: Function
    invoked_arn: str


@dataclass(frozen=True, slots=True)
class Page:
    """Functions by name; `after` is where the next page goes on, None at the end."""

    functions: Sequence[Function]
    after: str | None


def new_uuid() -> str:
    """A revision id as the service makes them."""
    return str(uuid.uuid4())


class Functions:
    """The functions of every world. `prepare` makes a function's code ready to run; raising makes the function Failed.

    `retire` hears of a function whose environments are to finish and go: it was replaced or deleted. Deprecated
    runtimes are accepted unless `refuse_deprecated`: people come to Neve with functions that the service stopped taking.
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
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._retire = retire
        self._new_id = new_id
        self._refuse_deprecated = refuse_deprecated
        self._turns = Turns()
        self._changes: set[asyncio.Task[Any]] = set()
        self._preparation = Preparation(store, clock, self._turns, new_id, prepare, retire, self._forget_code)

    async def finish_pending(self) -> None:
        """Finish what a Neve that was killed left Pending or InProgress. Await it before the door opens."""
        await self._preparation.finish_pending()

    async def wait_idle(self) -> None:
        """Until no change is being written, no function is Pending and no update InProgress."""
        while self._changes:
            await asyncio.wait(self._changes)
        await self._preparation.wait_idle()

    async def close(self) -> None:
        """Let changes that began be written, and stop what is on its way after them; the next start finishes it."""
        await asyncio.gather(*self._changes, return_exceptions=True)
        await self._preparation.close()

    # Create, read, list

    async def create(
        self, world: World, function_name: str, given: Given, content: bytes, tags: Mapping[str, str]
    ) -> Function:
        """Remember a new function and begin to make it ready: it is returned Pending."""
        name = self._own_name(world, function_name, "lambda:CreateFunction")
        rules.check_name(name)
        rules.check_tags(tags)
        draft = self._draft(world, name, given, tags)
        function = replace(draft, code=await _checked_code(content))
        return await self._whole(self._create(function, content))

    async def _create(self, function: Function, content: bytes) -> Function:
        world, name = function.world, function.name
        async with self._turns.take((world, name)):
            if await self._store.function(world, name, LATEST) is not None:
                raise ResourceConflict(f"Function already exist: {name}")
            await self._with_code(world, content, function.code, lambda: self._store.create_function(function))
            self._preparation.begin(function)
        return function

    async def get(self, world: World, function_name: str, qualifier: str | None, action: str) -> Found:
        """One version. `action` is the permission that is named when it belongs to another account."""
        name, qualifier = self._wanted(world, function_name, qualifier, action)
        function = await self._store.function(world, name, LATEST) if qualifier in {None, LATEST} else None
        if function is None:
            raise arns.not_found(world, name, qualifier)
        return Found(function, qualifier)

    async def page(self, world: World, after: str | None, limit: int) -> Page:
        """Up to `limit` functions by name, those after `after`."""
        found = await self._store.functions(world, after, limit + 1)
        page = found[:limit]
        return Page(page, page[-1].name if len(found) > limit else None)

    async def code_archive(self, world: World, name: str, version: str) -> bytes:
        """The zip of one version as it was uploaded."""
        found = await self.get(world, name, version, "lambda:GetFunction")
        content = await self._blobs.get(found.function.code.sha256)
        if content is None:
            raise PlatformError("The code of the function is not there.")
        return content

    # Change

    async def update_code(
        self,
        world: World,
        function_name: str,
        content: bytes,
        architectures: tuple[str, ...] | None,
        revision_id: str | None,
        dry_run: bool,
    ) -> Function:
        """Replace the code of `$LATEST`; the reply is InProgress. A dry run says what would be and changes nothing."""
        name = self._own_name(world, function_name, "lambda:UpdateFunctionCode")
        await self._changeable(world, name, revision_id)  # before the work of checking the archive
        code = await _checked_code(content)
        if dry_run:
            return _recoded(await self._changeable(world, name, revision_id), code, architectures)
        return await self._whole(
            self._update(
                world,
                name,
                revision_id,
                lambda current: _recoded(current, code, architectures),
                lambda write: self._with_code(world, content, code, write),
            )
        )

    async def update_configuration(
        self, world: World, function_name: str, given: Given, revision_id: str | None
    ) -> Function:
        """Merge what was given into `$LATEST`; the reply is InProgress."""
        name = self._own_name(world, function_name, "lambda:UpdateFunctionConfiguration")
        return await self._whole(
            self._update(
                world,
                name,
                revision_id,
                lambda current: configured(current, given, self._refuse_deprecated),
                lambda write: write(),
            )
        )

    async def _update(
        self,
        world: World,
        name: str,
        revision_id: str | None,
        change: Callable[[Function], Function],
        around: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
    ) -> Function:
        async with self._turns.take((world, name)):
            current = await self._changeable(world, name, revision_id)
            function = self._in_progress(change(current))
            await around(lambda: self._store.update_function_if_revision(function, current.revision_id))
            self._preparation.begin(function, current)
        return function

    async def delete(self, world: World, function_name: str, qualifier: str | None) -> None:
        """Forget a function with all its versions. Its environments finish what they do."""
        name, qualifier = self._wanted(world, function_name, qualifier, "lambda:DeleteFunction")
        if qualifier == LATEST:
            raise InvalidParameterValue("$LATEST version cannot be deleted without deleting the function.")
        if qualifier is not None:
            raise arns.not_found(world, name, qualifier)
        await self._whole(self._delete(world, name))

    async def _delete(self, world: World, name: str) -> None:
        async with self._turns.take((world, name)):
            function = await self._store.function(world, name, LATEST)
            if function is None or not await self._store.delete_function(world, name):
                raise arns.not_found(world, name, None)
            served = self._preparation.forget(world, name) or function
        self._retire(served)
        for sha256 in {function.code.sha256, served.code.sha256}:
            await self._forget_code(sha256)

    # Tags

    async def tags(self, world: World, resource: str) -> Mapping[str, str]:
        """The tags of the function with that ARN."""
        return (await self._tagged(world, resource, "lambda:ListTags")).tags

    async def tag(self, world: World, resource: str, tags: Mapping[str, str]) -> None:
        """Merge tags into those of the function with that ARN."""
        if not tags:
            raise InvalidParameterValue("An error occurred and the request cannot be processed.")
        await self._change_tags(world, resource, "lambda:TagResource", lambda current: {**current, **tags})

    async def untag(self, world: World, resource: str, keys: Sequence[str]) -> None:
        """Take tags off the function with that ARN; keys that it does not have are ignored."""
        gone = set(keys)
        await self._change_tags(
            world,
            resource,
            "lambda:UntagResource",
            lambda current: {key: value for key, value in current.items() if key not in gone},
        )

    # Find what an invocation means: the hot path

    def resolve_cached(self, caller: World, function_name: str, qualifier: str | None) -> Target | None:
        """What an invocation means, without waiting; None when only the disk can tell: await `resolve` then.

        ValidationFailed, InvalidParameterValue (qualifiers differ), ResourceNotFound (with `:$LATEST`), AccessDenied,
        ResourceConflict (it is not Active).
        """
        name, asked = self._invoked(caller, function_name, qualifier)
        serving = self._preparation.serving
        function = serving.get((caller, name)) if serving else None
        if function is None:
            function = self._store.cached(caller, name, LATEST)
        return None if function is None else _target(function, asked)

    async def resolve(self, caller: World, function_name: str, qualifier: str | None) -> Target:
        """As `resolve_cached`, and looks on the disk."""
        name, asked = self._invoked(caller, function_name, qualifier)
        function = await self._store.function(caller, name, LATEST)
        if function is None:
            raise arns.not_found(caller, name, LATEST)
        # An update may have begun while the disk was asked.
        return _target(self._preparation.serving.get((caller, name), function), asked)

    def _invoked(self, caller: World, function_name: str, qualifier: str | None) -> tuple[str, str | None]:
        name, asked = self._wanted(caller, function_name, qualifier, "lambda:InvokeFunction")
        if asked is not None and asked != LATEST:
            raise arns.not_found(caller, name, asked)
        return name, asked

    # Within

    async def _whole(self, change: Coroutine[Any, Any, T]) -> T:
        """Carry a change out to its end also when its caller goes away: half of one would be InProgress for ever."""
        task = asyncio.create_task(change)
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)

    def _wanted(self, world: World, function_name: str, qualifier: str | None, action: str) -> tuple[str, str | None]:
        parsed = arns.parse_function_name(function_name)
        if parsed.region is not None or parsed.account is not None:
            arns.check_reachable(world, parsed, action)
        return parsed.name, arns.qualified(parsed, qualifier)

    def _own_name(self, world: World, function_name: str, action: str) -> str:
        """The name of a function to change: a qualifier other than `$LATEST` names what never changes."""
        name, qualifier = self._wanted(world, function_name, None, action)
        if qualifier not in {None, LATEST}:
            raise arns.not_found(world, name, qualifier)
        return name

    def _draft(self, world: World, name: str, given: Given, tags: Mapping[str, str]) -> Function:
        if given.runtime is None or given.handler is None:
            raise InvalidParameterValue(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        base = Function(
            world=world,
            name=name,
            runtime=given.runtime,
            handler=given.handler,
            role=given.role or "",
            code=Code("", 0),
            logging=LoggingConfig(f"/aws/lambda/{name}"),
            last_modified_ms=int(self._clock.now_ms()),
            revision_id=self._new_id(),
            tags=dict(tags),
            state_reason=CREATING,
            state_reason_code="Creating",
        )
        return configured(base, given, self._refuse_deprecated)

    async def _changeable(self, world: World, name: str, revision_id: str | None) -> Function:
        """`$LATEST` if it may be changed now, by somebody who has seen `revision_id`."""
        function = await self._store.function(world, name, LATEST)
        if function is None:
            raise arns.not_found(world, name, None)
        if function.state == "Pending":
            raise ResourceConflict(_not_active(function))
        if function.last_update_status == "InProgress":
            raise ResourceConflict(
                "The operation cannot be performed at this time. "
                f"An update is in progress for resource: {function.unqualified_arn}"
            )
        if revision_id is not None and revision_id != function.revision_id:
            raise PreconditionFailed(
                "The Revision Id provided does not match the latest Revision Id. "
                "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
            )
        return function

    def _in_progress(self, function: Function) -> Function:
        return replace(
            function,
            revision_id=self._new_id(),
            last_modified_ms=int(self._clock.now_ms()),
            last_update_status="InProgress",
            last_update_reason=CREATING,
            last_update_reason_code="Creating",
        )

    async def _with_code(self, world: World, content: bytes, code: Code, write: Callable[[], Awaitable[None]]) -> None:
        """Keep the archive, then write who refers to it; nobody forgets it in between."""
        usage = await self._store.code_usage(world)
        if usage.total_code_size + code.size > limits.TOTAL_CODE_SIZE:
            raise ServiceSpecific("CodeStorageExceededException", "Code storage limit exceeded.")
        async with self._turns.take(code.sha256):
            await self._blobs.put(content)
            await write()

    async def _forget_code(self, sha256: str) -> None:
        async with self._turns.take(sha256):
            if not await self._store.code_in_use(sha256):
                await self._blobs.delete(sha256)

    async def _tagged(self, world: World, resource: str, action: str) -> Function:
        if ":function:" not in resource:
            raise ResourceNotFound(f"Neve keeps tags of functions only, not of {resource}")
        name, qualifier = self._wanted(world, resource, None, action)
        if qualifier is not None:
            raise InvalidParameterValue(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        return (await self.get(world, name, None, action)).function

    async def _change_tags(
        self, world: World, resource: str, action: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> None:
        """Tags are no part of a version: neither revision id nor environments change with them."""
        name = (await self._tagged(world, resource, action)).name
        async with self._turns.take((world, name)):
            function = await self._tagged(world, resource, action)
            tags = change(function.tags)
            rules.check_tags(tags)
            await self._store.update_function_if_revision(replace(function, tags=tags), function.revision_id)


def _recoded(function: Function, code: Code, architectures: tuple[str, ...] | None) -> Function:
    return replace(function, code=code, architectures=architectures or function.architectures)


def _target(function: Function, asked: str | None) -> Target:
    if function.state != "Active":
        raise ResourceConflict(_not_active(function))
    return Target(function, function.unqualified_arn if asked is None else f"{function.unqualified_arn}:{asked}")


def _not_active(function: Function) -> str:
    return (
        "The operation cannot be performed at this time. "
        f"The function is currently in the following state: {function.state}"
    )


async def _checked_code(content: bytes) -> Code:
    """The archive as the API names it. Seconds of work for a large one, so on a thread."""
    return await asyncio.to_thread(_check_and_name, content)


def _check_and_name(content: bytes) -> Code:
    archive.check(content)
    return Code(base64.b64encode(hashlib.sha256(content).digest()).decode(), len(content))
