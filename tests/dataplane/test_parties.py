"""Runtimes that speak HTTP and extensions, in the life of an environment: the processes are played by the test."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
from tests.dataplane.scripted import BOUND_S, ScriptedSandbox, Stage

from neve.dataplane.sandbox.sandbox import Exit
from neve.domain import record as kinds
from neve.domain.environment import State

NEXT = "/2018-06-01/runtime/invocation/next"
REGISTER = "/2020-01-01/extension/register"
EXTENSION_NEXT = "/2020-01-01/extension/event/next"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(sandbox: ScriptedSandbox, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
    """One request on a connection of its own."""
    host, port = sandbox.address.split(":")
    async with asyncio.timeout(BOUND_S):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            lines = [f"{method} {path} HTTP/1.1", f"host: {sandbox.address}", f"content-length: {len(body)}"]
            lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            found = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            return Reply(
                int(head[0].split(" ")[1]), found, await reader.readexactly(int(found.get("content-length", "0")))
            )
        finally:
            writer.close()
            await writer.wait_closed()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.close()


async def test_a_custom_runtime_answers_over_http_and_freezes(stage: Stage) -> None:
    stage.by_frames = False
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


async def test_an_init_error_over_http_is_what_the_caller_gets(stage: Stage) -> None:
    stage.by_frames = False
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
    registered = await ask(sandbox, "POST", REGISTER, b'{"events":["INVOKE"]}', lambda_extension_name="inside")
    identifier = registered.headers["lambda-extension-identifier"]
    process.next()
    first = asyncio.create_task(ask(sandbox, "GET", EXTENSION_NEXT, lambda_extension_identifier=identifier))
    assert (await process.event())[0]["id"] == "one"  # not before the extension asked too
    assert json.loads((await first).body)["requestId"] == "one"
    process.respond("one", b"1")
    process.next()
    assert (await result).payload == b"1"
    (environment,) = stage.pool
    assert environment.state is State.DRAINING
    again = asyncio.create_task(ask(sandbox, "GET", EXTENSION_NEXT, lambda_extension_identifier=identifier))
    await stage.wait_published(kinds.FREEZE)
    assert stage.kinds().count(kinds.REPORT) == 1
    await stage.close()
    with pytest.raises((OSError, EOFError)):
        await again
