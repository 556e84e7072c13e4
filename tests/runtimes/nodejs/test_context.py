"""The context object and what belongs to an invocation (Node.js facts §5)."""

import json
import time

import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import invoke

RETURNS_CONTEXT = "exports.handler = async (e, c) => c"


async def test_members(both: Start) -> None:
    async with both(RETURNS_CONTEXT) as client:
        context = (await invoke(client, id="an-id", arn="arn:x:live", tenant="blue")).value
        context.pop("callbackWaitsForEmptyEventLoop", None)
        assert context == {
            "awsRequestId": "an-id",
            "invokedFunctionArn": "arn:x:live",
            "functionName": "f",
            "functionVersion": "$LATEST",
            "memoryLimitInMB": "128",
            "logGroupName": "/aws/lambda/f",
            "logStreamName": "2026/02/03/[$LATEST]00000000000000000000000000000000",
            "tenantId": "blue",
        }


async def test_client_context_and_identity_are_parsed(both: Start) -> None:
    async with both(
        "exports.handler = async (e, c) => [c.clientContext.custom.k, c.identity.cognitoIdentityId]"
    ) as client:
        sent = {"client_context": json.dumps({"custom": {"k": 1}}), "identity": json.dumps({"cognitoIdentityId": "me"})}
        assert (await invoke(client, **sent)).value == [1, "me"]


async def test_absent_members_are_undefined(both: Start) -> None:
    async with both(
        "exports.handler = async (e, c) => [c.clientContext, c.identity, c.tenantId].map(String)"
    ) as client:
        assert (await invoke(client)).value == ["undefined"] * 3


@pytest.mark.parametrize(("member", "name"), [("client_context", "ClientContext"), ("identity", "CognitoIdentity")])
async def test_malformed_json_members(both: Start, member: str, name: str) -> None:
    async with both(RETURNS_CONTEXT) as client:
        error = await invoke(client, **{member: "{"})
        assert error.value["errorMessage"].startswith(f"Cannot parse {name} as json: SyntaxError")
        assert not (await invoke(client)).failed


async def test_remaining_time_may_be_negative(both: Start) -> None:
    async with both("exports.handler = async (e, c) => c.getRemainingTimeInMillis()") as client:
        now = int(time.time() * 1000)
        assert 0 < (await invoke(client, deadline=now + 60_000)).value <= 60_000
        assert (await invoke(client, deadline=now - 5_000)).value <= -5_000


async def test_members_of_the_callback_generation(callbacks: Start) -> None:
    names = "['callbackWaitsForEmptyEventLoop', 'succeed', 'fail', 'done']"
    async with callbacks(f"exports.handler = async (e, c) => {names}.map((n) => typeof c[n])") as client:
        assert (await invoke(client)).value == ["boolean", "function", "function", "function"]


async def test_members_are_gone_from_24_on(modern: Start) -> None:
    names = "['callbackWaitsForEmptyEventLoop', 'succeed', 'fail', 'done']"
    async with modern(f"exports.handler = async (e, c) => {names}.filter((n) => n in c)") as client:
        assert (await invoke(client)).value == []


async def test_trace_variable_follows_the_invocation(both: Start) -> None:
    async with both("exports.handler = async () => process.env._X_AMZN_TRACE_ID ?? null") as client:
        assert (await invoke(client, trace="Root=1-a")).value == "Root=1-a"
        assert (await invoke(client)).value is None


async def test_invoke_store_from_24_on(modern: Start) -> None:
    code = """exports.handler = async () => { const s = awslambda.InvokeStore; s.set('k', 1)
      return [s.getRequestId(), s.getXRayTraceId(), s.getTenantId(), s.get('k')] }"""
    async with modern(code) as client:
        assert (await invoke(client, id="i", trace="Root=1", tenant="t")).value == ["i", "Root=1", "t", 1]


async def test_active_handles_are_the_users_own(both: Start) -> None:
    code = """const net = require('net')
    const seen = () => [process._getActiveHandles().map((h) => h.constructor.name), process._getActiveRequests().length]
    exports.handler = async () => {
      const before = seen()
      const server = net.createServer().listen(0, '127.0.0.1')
      await new Promise((r) => server.once('listening', r))
      const during = seen()
      await new Promise((r) => server.close(r))
      setTimeout(() => console.log('between', JSON.stringify(seen())), 5)
      return [...before, ...during] }"""
    async with both(code) as client:
        assert (await invoke(client)).value == [[], 0, ["Server"], 0]
        await client.wait_next()
        # The client waits for an event, which is when its channel keeps the process alive.
        assert (await client.wait_log("between")).message == "between [[],0]"
