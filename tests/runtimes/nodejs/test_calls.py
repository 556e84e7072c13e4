"""What the Node.js client tells of the calls that a function makes, by `fetch` and by Node's own client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.runtimes.nodejs.conftest import Start, Target, starter
from tests.runtimes.nodejs.majors import binaries, major
from tests.runtimes.scripted import Event, invoke

FIRST, SECOND = (f"{n}0000000-0000-4000-8000-00000000000{n}" for n in (1, 2))
TARGETS = [Target(node, f"nodejs{major(node)}.x") for node in binaries() if major(node) in (20, 22, 24)]
CODE = """
const http = require('http');
const { URL: BASE } = process.env;
const read = (path, options) => new Promise((resolve, reject) => {
  http.get(BASE + path, options, (answer) => answer.resume().on('end', resolve)).on('error', reject);
});
let open;
exports.handler = async ({ how }) => {
  if (how === 'fetch') await (await fetch(`${BASE}/items/1?key=secret`)).text(); // line of: fetch
  if (how === 'http') await read('/items/2?key=secret', {});
  if (how === 'signed') await read('/', { headers: {
    authorization: 'AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/dynamodb/aws4_request, Signature=0',
    'x-amz-target': 'DynamoDB_20120810.PutItem' } });
  if (how === 'refused') await fetch('http://127.0.0.1:49/').catch(() => {});
  if (how === 'leave') open = fetch(`${BASE}/held`);
  if (how === 'wait') await open;
};
"""


@pytest.fixture(params=TARGETS, ids=str)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a function on a runtime's own binary."""
    return starter(request.param, tmp_path)


@asynccontextmanager
async def answering(gate: asyncio.Event) -> AsyncIterator[str]:
    """A server that answers 201, `/held` only once the gate is open."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if b" /held" in head:
                    await gate.wait()
                writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        gate.set()
        server.close()


async def calls_of(start: Start, how: str, level: str = "explain") -> tuple[str, list[dict[str, Any]]]:
    async with answering(asyncio.Event()) as url, start(CODE, _NEVE_LEAKS=level, URL=url) as client:
        await invoke(client, {"how": how}, id=FIRST)
        await client.wait_next()
        return url, client.calls


@pytest.mark.parametrize(("how", "path"), [("fetch", "/items/1"), ("http", "/items/2")])
async def test_call_is_told_without_its_query(start: Start, how: str, path: str) -> None:
    url, (call,) = await calls_of(start, how)
    told = (call["origin"], call["method"], call["to"], call["path"], call["status"], call["sent"])
    assert told == (FIRST, "GET", url, path, 201, True)
    assert 0 < call["took"] <= call["ago"] < 20_000
    _, file, line, _ = call["stacks"][0][0]
    assert file.endswith("/app.js")
    if how == "fetch":
        assert line == 1 + next(n for n, line in enumerate(CODE.splitlines()) if "line of: fetch" in line)


async def test_place_is_told_at_level_explain_only(start: Start) -> None:
    _, (call,) = await calls_of(start, "fetch", "detect")
    assert "stacks" not in call


async def test_call_of_aws_names_its_service_and_operation_and_no_key(start: Start) -> None:
    _, (call,) = await calls_of(start, "signed")
    assert (call["service"], call["target"]) == ("dynamodb", "DynamoDB_20120810.PutItem")
    assert "AKID" not in str(call)


async def test_call_that_nobody_answers_has_an_error(start: Start) -> None:
    _, (call,) = await calls_of(start, "refused")
    assert call["error"] is not None
    assert "status" not in call


async def test_call_that_is_left_is_told_open_and_again_when_it_ends(start: Start) -> None:
    gate = asyncio.Event()
    async with answering(gate) as url, start(CODE, _NEVE_LEAKS="detect", URL=url) as client:
        await invoke(client, {"how": "leave"}, id=FIRST)
        await client.wait_next()
        (call,) = client.calls
        assert (call["origin"], call["took"], call["path"]) == (FIRST, None, "/held")
        (leak,) = [item["leak"] for item in client.news if item["is"] == "open"]
        assert call["leak"] == leak
        gate.set()
        await client.give(Event(payload=b'{"how": "wait"}', id=SECOND))
        await client.wait_next()
        again = client.calls[-1]
        assert (again["id"], again["origin"], again["status"]) == (call["id"], FIRST, 201)
        assert again["took"] <= again["ago"]


async def test_nothing_is_told_of_an_invocation_without_calls(start: Start) -> None:
    assert (await calls_of(start, "nothing"))[1] == []
