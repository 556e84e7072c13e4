"""The verbs on resource policies: who else may use a function, a version or an alias.

A policy is kept with what it is of, and its revision is the revision of that. What is Pending or InProgress keeps its
revision: it gets a new one anyway when it is ready.
"""

from collections.abc import Callable
from dataclasses import replace

from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain import permission as rules
from neve.domain.alias import Alias
from neve.domain.errors import InvalidParameterValue, PreconditionFailed, ResourceNotFound
from neve.domain.function import LATEST, Function
from neve.domain.function_url import FunctionUrl
from neve.domain.limits import THE_SERVICES, Quotas
from neve.domain.permission import Grant, ResourcePolicy, Statement
from neve.domain.policy_decision import Ask, allows, denies
from neve.domain.version import is_number
from neve.domain.world import World
from neve.storage.store import AliasStore, FunctionStore

_AT_URLS = (rules.INVOKE_URL, "lambda:InvokeFunction")
_Change = Callable[[ResourcePolicy | None], ResourcePolicy | None]


class Permissions:
    """The policies of every function, version and alias. Without a qualifier the function is meant, of which `$LATEST` is one."""

    def __init__(
        self,
        functions: FunctionStore,
        aliases: AliasStore,
        changes: Changes,
        new_id: Callable[[], str],
        quotas: Quotas = THE_SERVICES,
    ) -> None:
        self._functions = functions
        self._aliases = aliases
        self._changes = changes
        self._new_id = new_id
        self._most = quotas.policy

    async def add(
        self, world: World, function_name: str, qualifier: str | None, grant: Grant, revision_id: str | None
    ) -> Statement:
        """The statement that was added.

        InvalidParameterValue for `$LATEST` and for a grant that is none, ResourceNotFound, ResourceConflict for a
        statement id that is taken, PreconditionFailed, PolicyLengthExceededException.
        """
        name, asked = naming.wanted(world, function_name, qualifier, "lambda:AddPermission")
        _refuse_latest(asked)
        await self._there(world, name)
        statement = rules.statement(arns.function_arn(world, name, asked), grant)
        await self._change(
            world, name, asked, revision_id, lambda policy: rules.with_statement(policy, statement, self._most)
        )
        return statement

    async def remove(
        self, world: World, function_name: str, qualifier: str | None, sid: str, revision_id: str | None
    ) -> None:
        """Take a statement away. ResourceNotFound, PreconditionFailed."""
        name, asked = naming.wanted(world, function_name, qualifier, "lambda:RemovePermission")
        if await self._functions.function(world, name, LATEST) is None:
            raise ResourceNotFound(f"No policy found for: {arns.function_arn(world, name)}")
        await self._change(world, name, asked, revision_id, lambda policy: rules.without_statement(policy, sid))

    async def get(self, world: World, function_name: str, qualifier: str | None) -> tuple[ResourcePolicy, str]:
        """The policy and its revision. ResourceNotFound when there is none."""
        name, asked = naming.wanted(world, function_name, qualifier, "lambda:GetPolicy")
        return await self._get(world, name, asked)

    # Whole policies, by ARN

    async def put_policy(
        self, world: World, arn: str, text: str, revision_id: str | None
    ) -> tuple[ResourcePolicy, str]:
        """In place of the policy that there was, if any. Errors as `add`, and for a text that is no policy."""
        name, asked = _named(world, arn, "lambda:PutResourcePolicy")
        _refuse_latest(asked)
        await self._there(world, name)
        policy = rules.parse(text, arn)
        return policy, await self._change(world, name, asked, revision_id, lambda current: policy)

    async def get_policy(self, world: World, arn: str) -> tuple[ResourcePolicy, str]:
        """The policy and its revision. ResourceNotFound when there is none."""
        name, asked = _named(world, arn, "lambda:GetResourcePolicy")
        return await self._get(world, name, asked)

    async def delete_policy(self, world: World, arn: str, revision_id: str | None) -> None:
        """Take the whole policy away. ResourceNotFound when there is none, PreconditionFailed."""

        def deleted(current: ResourcePolicy | None) -> None:
            if current is None:
                raise rules.no_policy()

        name, asked = _named(world, arn, "lambda:DeleteResourcePolicy")
        await self._there(world, name)
        await self._change(world, name, asked, revision_id, deleted)

    async def check_may(
        self, caller: World, world: World, name: str, qualifier: str | None, action: str, identity: str | None
    ) -> None:
        """AccessDenied when a function, version or alias of the caller's own account keeps `identity` out, or one of another
        account does not let it in. The name is plain; without an identity nobody of the own account is kept out."""
        try:
            policy = (await self._holder(world, name, qualifier)).policy
        except ResourceNotFound:
            policy = None
        check_not_denied(policy, world, name, qualifier, action, identity, caller.account)
        ask = Ask(action, arns.function_arn(world, name, qualifier), caller.account, identity=identity)
        if world.account != caller.account and not allows(policy, ask):
            raise arns.not_allowed(caller, world, name, action)

    async def missing_at_url(self, url: FunctionUrl, account: str | None, identity: str | None) -> tuple[str, ...]:
        """The actions that the policy does not let somebody of an account, or anybody (None), do at a function URL; empty when it
        may be called. Two are needed, since October 2025. The URL's own account may what is not denied."""
        try:
            holder = await self._holder(url.world, url.function_name, url.alias)
        except ResourceNotFound:
            return _AT_URLS
        given = {"lambda:functionurlauthtype": url.auth_type.value, "lambda:invokedviafunctionurl": "true"}
        asks = (Ask(action, url.function_arn, account, identity=identity, context=given) for action in _AT_URLS)
        own = account == url.world.account
        return tuple(
            ask.action for ask in asks if (denies(holder.policy, ask) if own else not allows(holder.policy, ask))
        )

    # Within

    async def _get(self, world: World, name: str, qualifier: str | None) -> tuple[ResourcePolicy, str]:
        await self._there(world, name)
        holder = await self._holder(world, name, qualifier)
        if holder.policy is None:
            raise ResourceNotFound("The resource you requested does not exist.")
        return holder.policy, holder.revision_id

    async def _change(
        self, world: World, name: str, qualifier: str | None, revision_id: str | None, change: _Change
    ) -> str:
        """The new revision."""
        return await self._changes.whole(self._changed(world, name, qualifier, revision_id, change))

    async def _changed(
        self, world: World, name: str, qualifier: str | None, revision_id: str | None, change: _Change
    ) -> str:
        async with self._changes.turns.take((world, name)):
            holder = await self._holder(world, name, qualifier)
            if revision_id is not None and revision_id != holder.revision_id:
                raise PreconditionFailed(
                    "The Revision Id provided does not match the latest Revision Id. "
                    "Call the GetPolicy API to retrieve the latest Revision Id"
                )
            return await self._write(holder, change(holder.policy))

    async def _write(self, holder: Function | Alias, policy: ResourcePolicy | None) -> str:
        if isinstance(holder, Alias):
            alias = replace(holder, policy=policy, revision_id=self._new_id())
            await self._aliases.update_alias_if_revision(alias, holder.revision_id)
            return alias.revision_id
        on_its_way = holder.state == "Pending" or holder.last_update_status == "InProgress"
        function = replace(holder, policy=policy, revision_id=holder.revision_id if on_its_way else self._new_id())
        await self._functions.update_function_if_revision(function, holder.revision_id)
        return function.revision_id

    async def _there(self, world: World, name: str) -> None:
        if await self._functions.function(world, name, LATEST) is None:
            raise arns.not_found(world, name, None)

    async def _holder(self, world: World, name: str, qualifier: str | None) -> Function | Alias:
        if qualifier in {None, LATEST} or is_number(qualifier or ""):
            function = await self._functions.function(world, name, qualifier or LATEST)
            if function is None:
                raise arns.not_found(world, name, qualifier)
            return function
        alias = await self._aliases.alias(world, name, qualifier or "")
        if alias is None:
            raise ResourceNotFound(f"Cannot find alias arn: {arns.function_arn(world, name, qualifier)}")
        return alias


def check_not_denied(
    policy: ResourcePolicy | None,
    world: World,
    name: str,
    qualifier: str | None,
    action: str,
    identity: str | None,
    account: str,
) -> None:
    """AccessDenied when the policy keeps somebody of an account out; nobody, without an identity."""
    if policy is None or identity is None:
        return
    resource = arns.function_arn(world, name, qualifier)
    if denies(policy, Ask(action, resource, account, identity=identity)):
        raise arns.denied(identity, resource, action)


def _refuse_latest(qualifier: str | None) -> None:
    if qualifier == LATEST:
        raise InvalidParameterValue("We currently do not support adding policies for $LATEST.")


def _named(world: World, arn: str, action: str) -> tuple[str, str | None]:
    """The function that an ARN of the model's pattern names. The model has one for runtimes too, of which Neve has none."""
    if ":function:" not in arn:
        raise ResourceNotFound("The resource you requested does not exist.")
    return naming.wanted(world, arn, None, action)
