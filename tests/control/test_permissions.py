"""Policies and what else happens to their functions meanwhile, over the real store."""

import asyncio
import json
from dataclasses import replace

import pytest
from tests.control.bench import WORLD, Bench, settings, zipped

from neve.control.configuration import Given
from neve.domain.errors import AccessDenied, PreconditionFailed, ResourceConflict
from neve.domain.function import RecursiveLoop
from neve.domain.function_url import AuthType, FunctionUrl
from neve.domain.permission import Grant, document
from neve.domain.world import World

GRANT = Grant(sid="s", action="lambda:InvokeFunction", principal="*")


async def revision(bench: Bench) -> str:
    return (await bench.functions.permissions.get(WORLD, "f", None))[1]


async def test_policy_of_a_function_on_its_way_stays(bench: Bench) -> None:
    bench.ready.clear()
    created = await bench.functions.create(WORLD, "f", settings(), zipped(), {})
    await bench.functions.permissions.add(WORLD, "f", None, GRANT, created.revision_id)
    assert await revision(bench) == created.revision_id
    bench.ready.set()
    await bench.functions.wait_idle()
    shown = await bench.shown()
    assert (shown.state, shown.policy is not None) == ("Active", True)
    assert await revision(bench) == shown.revision_id != created.revision_id


async def test_policy_and_recursion_set_during_an_update_that_fails_stay(bench: Bench) -> None:
    await bench.create()
    bench.ready.clear()
    await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=5), None)
    await bench.functions.permissions.add(WORLD, "f", None, GRANT, None)
    await bench.functions.recursion.put(WORLD, "f", RecursiveLoop.ALLOW)
    bench.problem = RuntimeError("no")
    bench.ready.set()
    await bench.functions.wait_idle()
    shown = await bench.shown()
    assert (shown.timeout_s, shown.last_update_status) == (3, "Failed")
    assert (shown.policy is not None, shown.recursive_loop) == (True, RecursiveLoop.ALLOW)


async def test_every_change_gives_a_new_revision_and_the_old_one_is_refused(bench: Bench) -> None:
    first = (await bench.create()).revision_id
    await bench.functions.permissions.add(WORLD, "f", None, GRANT, first)
    second = await revision(bench)
    assert second == (await bench.shown()).revision_id != first
    with pytest.raises(PreconditionFailed, match="Call the GetPolicy API"):
        await bench.functions.permissions.remove(WORLD, "f", None, "s", first)
    await bench.functions.permissions.remove(WORLD, "f", None, "s", second)
    assert (await bench.shown()).revision_id not in (first, second)


async def test_of_many_additions_of_one_statement_id_exactly_one_succeeds(bench: Bench) -> None:
    await bench.create()
    additions = [bench.functions.permissions.add(WORLD, "f", None, GRANT, None) for _ in range(5)]
    results = await asyncio.gather(*additions, return_exceptions=True)
    assert sum(isinstance(each, ResourceConflict) for each in results) == 4


async def test_policies_are_there_after_a_restart(bench: Bench) -> None:
    await bench.create()
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    await bench.functions.aliases.create(WORLD, "f", "live", "1")
    for qualifier in (None, "1", "live"):
        await bench.functions.permissions.add(WORLD, "f", qualifier, GRANT, None)
    before = [await bench.functions.permissions.get(WORLD, "f", qualifier) for qualifier in (None, "1", "live")]
    await bench.close()
    await bench.open()
    assert [await bench.functions.permissions.get(WORLD, "f", each) for each in (None, "1", "live")] == before
    assert [document(policy).count('"Sid":"s"') for policy, _ in before] == [1, 1, 1]


FRIEND = World("111111111111", WORLD.region)
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
DENIED = (
    f"User: arn:aws:iam::111111111111:root is not authorized to perform: lambda:InvokeFunction on resource: {ARN} "
    "because no resource-based policy allows the lambda:InvokeFunction action"
)


async def test_account_that_the_policy_names_may_invoke(bench: Bench) -> None:
    await bench.create()
    functions = bench.functions
    assert functions.resolve_cached(FRIEND, ARN, None) is None
    with pytest.raises(AccessDenied) as caught:
        await functions.resolve(FRIEND, ARN, None)
    assert caught.value.message == DENIED
    grant = Grant(sid="friend", action="lambda:InvokeFunction", principal=FRIEND.account)
    await functions.permissions.add(WORLD, "f", None, grant, None)
    target = await functions.resolve(FRIEND, ARN, None)
    assert (target.function.world, target.invoked_arn) == (WORLD, ARN)
    stranger = World("222222222222", WORLD.region)
    for caller, name in ((stranger, ARN), (FRIEND, f"{ARN}:$LATEST"), (FRIEND, ARN[:-1] + "g")):
        with pytest.raises(AccessDenied):
            await functions.resolve(caller, name, None)
    await functions.permissions.remove(WORLD, "f", None, "friend", None)
    with pytest.raises(AccessDenied):
        await functions.resolve(FRIEND, ARN, None)


async def test_version_and_alias_let_in_by_their_own_policies(bench: Bench) -> None:
    await bench.create()
    functions = bench.functions
    await functions.versions.publish(WORLD, "f")
    await functions.wait_idle()
    await functions.aliases.create(WORLD, "f", "live", "1")
    for qualifier in ("live", "1"):
        with pytest.raises(AccessDenied):
            await functions.resolve(FRIEND, f"{ARN}:{qualifier}", None)
        await functions.permissions.add(WORLD, "f", qualifier, GRANT, None)
        target = await functions.resolve(FRIEND, ARN, qualifier)
        assert (target.function.version, target.invoked_arn) == ("1", f"{ARN}:{qualifier}")
    with pytest.raises(AccessDenied):
        await functions.resolve(FRIEND, ARN, None)


async def test_other_verbs_stay_the_owners(bench: Bench) -> None:
    await bench.create()
    await bench.functions.permissions.add(WORLD, "f", None, replace(GRANT, action="lambda:*"), None)
    with pytest.raises(AccessDenied, match="lambda:GetFunction"):
        await bench.functions.get(FRIEND, ARN, None, "lambda:GetFunction")


ROOT, ADA = "arn:aws:iam::000000000000:root", "arn:aws:iam::000000000000:user/ada"


def denying(principal: object, resource: str = ARN) -> str:
    """A policy that keeps somebody out."""
    one = {"Effect": "Deny", "Principal": principal, "Action": "lambda:Invoke*", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [one]})


async def test_a_denial_holds_for_the_own_account(bench: Bench) -> None:
    await bench.create()
    functions = bench.functions
    await functions.permissions.put_policy(WORLD, ARN, denying({"AWS": WORLD.account}), None)
    for identity in (ROOT, ADA):
        refused = (
            f"User: {identity} is not authorized to perform: lambda:InvokeFunction on resource: {ARN} "
            "with an explicit deny in a resource-based policy"
        )
        with pytest.raises(AccessDenied) as caught:
            functions.resolve_cached(WORLD, "f", None, identity)
        assert caught.value.message == refused
        with pytest.raises(AccessDenied) as caught:
            await functions.resolve(WORLD, "f", None, identity)
        assert caught.value.message == refused
    assert await functions.resolve(WORLD, "f", None) is not None, "what was let in before runs"
    await functions.permissions.put_policy(WORLD, ARN, denying({"AWS": ADA}), None)
    assert functions.resolve_cached(WORLD, "f", None, ROOT) == await functions.resolve(WORLD, "f", None, ROOT)
    with pytest.raises(AccessDenied):
        await functions.resolve(WORLD, "f", None, ADA)
    await functions.permissions.delete_policy(WORLD, ARN, None)
    assert functions.resolve_cached(WORLD, "f", None, ADA) is not None


async def test_a_denial_is_that_of_the_qualifier_that_is_asked_for(bench: Bench) -> None:
    await bench.create()
    functions = bench.functions
    await functions.versions.publish(WORLD, "f")
    await functions.wait_idle()
    await functions.aliases.create(WORLD, "f", "live", "1")
    await functions.permissions.put_policy(WORLD, f"{ARN}:live", denying("*", f"{ARN}:live"), None)
    for qualifier in (None, "1"):
        assert functions.resolve_cached(WORLD, "f", qualifier, ADA) == await functions.resolve(
            WORLD, "f", qualifier, ADA
        )
    with pytest.raises(AccessDenied):
        functions.resolve_cached(WORLD, "f", "live", ADA)
    with pytest.raises(AccessDenied):
        await functions.resolve(WORLD, "f:live", None, ADA)


async def test_a_denial_holds_from_the_moment_on_while_the_function_is_updated(bench: Bench) -> None:
    await bench.create()
    functions = bench.functions
    functions._preparation.serving[WORLD, "f"] = (await functions.resolve(WORLD, "f", None)).function
    await functions.permissions.put_policy(WORLD, ARN, denying("*"), None)
    with pytest.raises(AccessDenied):
        functions.resolve_cached(WORLD, "f", None, ADA)


async def test_a_denial_holds_at_the_url_for_the_own_account(bench: Bench) -> None:
    await bench.create()
    permissions = bench.functions.permissions
    url = FunctionUrl(WORLD, "f", None, "a" * 32, AuthType.AWS_IAM, 0, 0)
    assert await permissions.missing_at_url(url, WORLD.account, ADA) == ()
    await permissions.put_policy(WORLD, ARN, denying({"AWS": ADA}), None)
    both = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    assert await permissions.missing_at_url(url, WORLD.account, ADA) == both
    assert await permissions.missing_at_url(url, WORLD.account, ROOT) == ()
    assert await permissions.missing_at_url(url, FRIEND.account, "arn:aws:iam::111111111111:root") == both
