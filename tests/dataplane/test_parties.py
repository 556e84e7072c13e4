"""Runtimes that speak HTTP and extensions, in the life of an environment: the processes are played by the test."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from tests.dataplane.http import ask, extension_next, register
from tests.dataplane.scripted import Stage

from neve.dataplane.sandbox.sandbox import Exit
from neve.domain import record as kinds
from neve.domain.environment import State

NEXT = "/2018-06-01/runtime/invocation/next"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.close()


async def test_a_custom_runtime_answers_over_http_and_freezes(stage: Stage) -> None:
    result = stage.submit("one")
    await stage.process()
    (sandbox,) = stage.sandboxes
    event = await ask(sandbox, "GET", NEXT)
    assert (event.headers["lambda-runtime-aws-request-id"], event.body) == ("one", b"{}")
    answer = await ask(sandbox, "POST", "/2018-06-01/runtime/invocation/one/response", b'"hello"')
    assert (answer.status, (await result).payload) == (202, b'"hello"')
    waiting = asyncio.create_task(ask(sandbox, "GET", NEXT))
    await stage.wait_published(kinds.FREEZE)
    second = stage.submit("two")
    assert (await waiting).headers["lambda-runtime-aws-request-id"] == "two"
    await ask(sandbox, "POST", "/2018-06-01/runtime/invocation/two/error", b'{"errorMessage":"no"}')
    assert (await second).payload == b'{"errorMessage":"no"}'
    assert (await second).failed
    late = await ask(sandbox, "POST", "/2018-06-01/runtime/invocation/one/response", b"1")
    assert late.status == 400


async def test_a_runtime_may_ask_over_http_where_ours_was_expected_and_by_frame_again(stage: Stage) -> None:
    result = stage.submit("one")
    process = await stage.process()
    (sandbox,) = stage.sandboxes
    event = await ask(sandbox, "GET", NEXT)
    assert event.headers["lambda-runtime-aws-request-id"] == "one"
    await ask(sandbox, "POST", "/2018-06-01/runtime/invocation/one/response", b"1")
    assert (await result).payload == b"1"
    process.next()
    again = stage.submit("two")
    assert (await process.event())[0]["id"] == "two"
    process.respond("two", b"2")
    assert (await again).payload == b"2"


async def test_an_init_error_over_http_is_what_the_caller_gets(stage: Stage) -> None:
    result = stage.submit("one")
    for _ in range(2):
        process = await stage.process()
        (sandbox,) = stage.sandboxes
        type_header = {"lambda-runtime-function-error-type": "Runtime.Broken"}
        await ask(sandbox, "POST", "/2018-06-01/runtime/init/error", b'{"errorType":"Runtime.Broken"}', **type_header)
        process.end(Exit(1, None))
    assert (await result).payload == b'{"errorType":"Runtime.Broken"}'
    assert stage.lines()[-1].endswith("Status: error\tError Type: Runtime.Broken")


async def test_an_extension_holds_the_freeze_but_not_the_answer(stage: Stage) -> None:
    result = stage.submit("one")
    process = await stage.process()
    (sandbox,) = stage.sandboxes
    identifier = await register(sandbox, "inside")
    process.next()
    first = asyncio.create_task(extension_next(sandbox, identifier))
    assert (await process.event())[0]["id"] == "one"  # not before the extension asked too
    assert json.loads((await first).body)["requestId"] == "one"
    process.respond("one", b"1")
    process.next()
    assert (await result).payload == b"1"
    (environment,) = stage.pool
    assert environment.state is State.DRAINING
    again = asyncio.create_task(extension_next(sandbox, identifier))
    await stage.wait_published(kinds.FREEZE)
    assert stage.kinds().count(kinds.REPORT) == 1
    await stage.close()
    with pytest.raises((OSError, EOFError)):
        await again


def subscription(port: int, types: str = '["platform"]') -> bytes:
    destination = f'{{"protocol":"HTTP","URI":"http://sandbox.localdomain:{port}"}}'
    return f'{{"schemaVersion":"2022-12-13","types":{types},"destination":{destination}}}'.encode()


async def test_extensions_and_subscriptions_have_lines_before_start(stage: Stage) -> None:
    stage.submit("one")
    process = await stage.process()
    (sandbox,) = stage.sandboxes
    identifier = await register(sandbox, "inside")
    body = subscription(1, '["platform","function"]')
    reply = await ask(sandbox, "PUT", "/2022-07-01/telemetry", body, lambda_extension_identifier=identifier)
    assert reply.body == b"OK"
    process.next()
    await extension_next(sandbox, identifier)
    assert stage.lines()[1:] == [
        "TELEMETRY\tName: inside\tState: Subscribed\tTypes: [Platform, Function]",
        "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]",
        "START RequestId: one Version: $LATEST",
    ]


async def test_how_far_extensions_came_is_told_when_the_init_fails(stage: Stage) -> None:
    stage.submit("one")
    process = await stage.process()
    await register(stage.sandboxes[0], "inside")
    process.end(Exit(1, None))
    await stage.wait_published(kinds.INIT_REPORT)
    assert stage.lines()[1:] == [
        "EXTENSION\tName: inside\tState: Registered\tEvents: [INVOKE]",
        stage.lines()[-1],
    ]
    assert stage.lines()[-1].startswith("INIT_REPORT")


async def test_why_an_extension_failed_is_told(stage: Stage) -> None:
    stage.submit("one")
    process = await stage.process()
    (sandbox,) = stage.sandboxes
    identifier = await register(sandbox, "inside")
    path = "/2020-01-01/extension/init/error"
    why = {"lambda-extension-function-error-type": "Extension.NoKey", "lambda-extension-identifier": identifier}
    assert (await ask(sandbox, "POST", path, b"{}", **why)).status == 202
    process.end(Exit(1, None))
    await stage.wait_published(kinds.INIT_REPORT)
    assert stage.told(kinds.PLATFORM_EXTENSION) == {
        "name": "inside",
        "state": "InitError",
        "events": ["INVOKE"],
        "errorType": "Extension.NoKey",
    }
