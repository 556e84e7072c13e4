"""The leak watch alone, driven by frames: what a function leaves is told, with the line that started it and what becomes of it.

No test guesses how long something takes: leaked work is held (a request, a named pipe) until the next invocation has begun,
or takes long enough (200 ms) for it to begin, and that one waits for it.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.runtimes.nodejs.conftest import Start, Target, starter
from tests.runtimes.nodejs.majors import binaries, major
from tests.runtimes.scripted import Event, FramesClient, invoke

from neve.domain.stack import chosen, read_stacks

PROGRAMS = Path(__file__).parent / "programs"
LEAVES = (PROGRAMS / "leaves.js").read_text()
TABLE = {"node_modules/table/index.js": (PROGRAMS / "table.js").read_text()}
FIRST, SECOND, THIRD = (f"{n}0000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))

Watched = Callable[..., Any]
TARGETS = [Target(node, f"nodejs{major(node)}.x") for node in binaries() if major(node) in (20, 22, 24)]


@pytest.fixture(params=TARGETS, ids=str)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a function on a runtime's own binary."""
    return starter(request.param, tmp_path)


class Held:
    """What leaked work waits for: requests to `url` and the reader of a named pipe, until `let_go`."""

    def __init__(self, folder: Path) -> None:
        self.fifo = folder / "fifo"
        os.mkfifo(self.fifo)
        self.url = ""
        self.asked = asyncio.Event()
        self._gate = asyncio.Event()
        self._writing: asyncio.Task[int] | None = None

    def let_go(self) -> None:
        """Answer everything that waits and whatever comes."""
        self._gate.set()
        self._writing = asyncio.create_task(asyncio.to_thread(self.fifo.write_bytes, b"x"))  # waits for the reader

    async def close(self) -> None:
        """End the writer, which has had a reader or never gets one."""
        if self._writing is not None:
            reader = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
            await self._writing
            os.close(reader)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if b" /held" in head.split(b"\r\n")[0]:
                    self.asked.set()
                    await self._gate.wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def holding(folder: Path) -> AsyncIterator[Held]:
    held = Held(folder)
    server = await asyncio.start_server(held.answer, "127.0.0.1", 0)
    held.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield held
    finally:
        server.close()
        await held.close()


def line_of(shape: str, program: str = LEAVES) -> int:
    """The line that a comment in the program marks."""
    marked = [n for n, line in enumerate(program.splitlines(), 1) if line.endswith(f"// line of: {shape}")]
    return marked[0]


def opened(client: FramesClient) -> list[dict[str, Any]]:
    """The leaks of invocations that were told of, without those of the init phase."""
    return [placed(item, client.root) for item in client.news if item["is"] == "open" and item["origin"] is not None]


def placed(item: dict[str, Any], root: str) -> dict[str, Any]:
    """With the place that Neve chooses, without source maps: file, line, column, stack."""
    frame, stack = chosen(read_stacks(item, root))
    place = {"file": frame.shown, "line": frame.line, "column": frame.column} if frame else {}
    return {**item, **place, "stack": [str(each) for each in stack]}


# What is left


SHAPES = {
    "timer": ("timer", r"timer \(200 ms\)"),
    "timer with a log": ("timer", r"timer \(200 ms\)"),
    "timer, unref'd": ("timer", r"timer \(200 ms, unref'd\)"),
    "timer by promise, unref'd": ("timer", r"timer \(200 ms, unref'd\)"),
    "interval": ("interval", r"interval \(every 60 ms\)"),
    "sleeps": ("timer", r"timer \(200 ms\)"),
    "file": ("file", r"file operation \(readFile\)"),
    "file by promise": ("file", r"file operation \(.+\)"),
    "http": ("http", r"GET http://127\.0\.0\.1:\d+/held"),
    "fetch": ("fetch", r"GET http://127\.0\.0\.1:\d+/held"),
    "worker": ("worker thread", "worker thread"),
    "child": ("child process", r"child process \d+ \(cat .*fifo\)"),
}


@pytest.mark.parametrize("level", ["detect", "explain"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_work_that_is_left_is_told_and_caught_when_it_goes_on(
    start: Start, tmp_path: Path, shape: str, level: str
) -> None:
    kind, description = SHAPES[shape]
    async with holding(tmp_path) as held, _leaving(start, held, level) as client:
        await invoke(client, {"leave": shape}, id=FIRST)
        await _wait_for(client, held)
        (leak,) = opened(client)
        assert (leak["kind"], leak["origin"], leak["count"]) == (kind, FIRST, 1)
        assert re.fullmatch(description, leak["description"])
        assert (leak["file"], leak["line"]) == ("app.js", line_of(shape))
        assert f"(app.js:{leak['line']}:{leak['column']})" in leak["stack"][0]
        await client.wait_news(**{"is": "resumed", "leak": leak["leak"], "in": SECOND})
        await client.wait_news(**{"is": "finished", "leak": leak["leak"], "in": SECOND})
        assert opened(client) == [leak]


async def test_chain_of_promises_is_caught_by_its_log_line(start: Start, tmp_path: Path) -> None:
    async with holding(tmp_path) as held, _leaving(start, held, "detect") as client:
        await invoke(client, {"leave": "chain"}, id=FIRST)
        await _wait_for(client, held)
        (leak,) = opened(client)
        assert (leak["kind"], leak["origin"], leak["file"]) == ("promise", FIRST, "app.js")
        assert leak["stack"][0].startswith("chain (app.js:")
        await client.wait_news(**{"is": "finished", "leak": leak["leak"], "in": SECOND})


@pytest.mark.parametrize("shape", ["chain", "silent chain"])
async def test_chain_of_promises_is_caught_where_it_waited(start: Start, tmp_path: Path, shape: str) -> None:
    async with holding(tmp_path) as held, _leaving(start, held, "explain") as client:
        await invoke(client, {"leave": shape}, id=FIRST)
        await _wait_for(client, held)
        (leak,) = opened(client)
        assert (leak["kind"], leak["origin"], leak["line"]) == ("promise", FIRST, line_of(shape))
        await client.wait_news(**{"is": "finished", "leak": leak["leak"], "in": SECOND})


async def test_call_of_an_old_sdk_is_told_by_the_line_of_the_library_or_the_users(start: Start, tmp_path: Path) -> None:
    places = {"detect": ("node_modules/table/index.js", 7), "explain": ("app.js", line_of("old sdk"))}
    for level, place in places.items():
        folder = tmp_path / level
        folder.mkdir()
        async with holding(folder) as held, _leaving(start, held, level) as client:
            await invoke(client, {"leave": "old sdk"}, id=FIRST)
            await _wait_for(client, held)
            leak = opened(client)[-1]
            assert (leak["kind"], leak["file"], leak["line"]) == ("http", *place)
            assert re.fullmatch(r"PUT http://127\.0\.0\.1:\d+/held", leak["description"])
            await client.wait_news(**{"is": "finished", "leak": leak["leak"], "in": SECOND})


async def test_http2_request_and_the_kept_session(start: Start) -> None:
    """The session is a connection, which belongs to nobody; the request does."""
    code = """const http2 = require('http2')
    const delay = (url) => (url === '/slow?secret' ? 200 : 0)
    const server = http2.createServer((request, answer) => setTimeout(() => answer.end('ok'), delay(request.url)))
    server.listen('http2.socket').unref()
    let session
    const get = (path) => new Promise((resolve) => {
      session ??= http2.connect('http://here', { createConnection: () => require('net').connect('http2.socket') })
      session.request({ ':path': path }).on('data', () => {}).on('end', resolve).end()
    })
    let over
    exports.handler = async (event) => {
      if (event.leave) return void get('/slow?secret').then(() => over?.())
      if (event.wait) { console.log('begun'); await new Promise((resolve) => { over = resolve }) }
      await get('/quick')
    }"""
    async with start(code, _NEVE_LEAKS="explain") as client:
        await invoke(client, {}, id=FIRST)
        await invoke(client, {"leave": 1}, id=SECOND)
        await invoke(client, {"wait": 1}, id=THIRD)
        await client.wait_next()
        (leak,) = opened(client)
        assert (leak["kind"], leak["description"], leak["origin"]) == ("http", "GET here:80/slow (HTTP/2)", SECOND)
        assert (leak["file"], leak["line"]) == ("app.js", 8)
        await client.wait_news(**{"is": "finished", "leak": leak["leak"], "in": THIRD})


async def test_log_line_of_left_work_is_marked_and_its_text_is_the_functions(start: Start, tmp_path: Path) -> None:
    async with holding(tmp_path) as held, _leaving(start, held, "detect") as client:
        await invoke(client, {"leave": "timer with a log"}, id=FIRST)
        await _wait_for(client, held)
        line = await client.wait_log("late")
        assert (line.left_over_from, line.request_id, line.message) == (FIRST, SECOND, f"late {FIRST}")


async def test_work_that_ends_between_two_events_is_told_as_finished_before_the_freeze(start: Start) -> None:
    code = "exports.handler = async () => { setTimeout(() => console.log('late'), 30) }"
    async with start(code, _NEVE_LEAKS="detect") as client:
        await invoke(client, id=FIRST)
        assert (await client.wait_log("late")).left_over_from is None
        await client.wait_news(**{"is": "finished", "in": None})
        assert [item["is"] for item in client.news] == ["open", "finished"]


async def test_work_that_never_goes_on_is_only_opened(start: Start) -> None:
    code = "exports.handler = async () => { setTimeout(() => {}, 60000) }"
    async with start(code, _NEVE_LEAKS="explain") as client:
        for request_id in (FIRST, SECOND):
            await invoke(client, id=request_id)
        await client.wait_next()
        assert [(item["is"], item["origin"]) for item in client.news] == [("open", FIRST), ("open", SECOND)]


async def test_runtime_that_waited_for_its_function_rehearsed_for_nobody(start: Start) -> None:
    """Nothing is told of the rehearsal; without a watch nothing of it is left; with one, places are those of the function."""
    code = """exports.handler = async () => {
      setTimeout(() => {}, 60000)
      return process.listenerCount('uncaughtExceptionMonitor')
    }"""
    for level, told in (("off", []), ("detect", [("timer", "app.js", 2)])):
        async with start(code, prestarted=True, _NEVE_LEAKS=level) as client:
            answer = await invoke(client)
            await client.wait_next()
            assert [(leak["kind"], leak["file"], leak["line"]) for leak in opened(client)] == told
            assert len(client.news) == len(told)
            assert (answer.value > 0) == (level != "off")


async def test_equal_work_from_one_line_is_one_leak_and_is_counted(start: Start) -> None:
    code = "exports.handler = async () => { for (let n = 0; n < 2000; n++) setTimeout(() => {}, 60000) }"
    async with start(code, _NEVE_LEAKS="detect") as client:
        await invoke(client)
        await client.wait_next()
        (leak,) = client.news
        assert leak["count"] >= 1000


async def test_leak_that_lives_for_ever_is_told_in_every_invocation(start: Start) -> None:
    code = """let beats = 0
    exports.handler = async (event) => {
      if (event.leave) return void setInterval(() => beats++, 1)
      const before = beats
      while (beats === before) await new Promise((resolve) => setTimeout(resolve, 1))
    }"""
    async with start(code, _NEVE_LEAKS="detect") as client:
        await invoke(client, {"leave": 1}, id=FIRST)
        for request_id in (SECOND, THIRD):
            await invoke(client, {}, id=request_id)
        await client.wait_next()
        seen = [item["in"] for item in client.news if item["is"] == "resumed"]
        assert seen == [SECOND, THIRD]
        assert len(opened(client)) == 1


@asynccontextmanager
async def _leaving(start: Start, held: Held, level: str) -> AsyncIterator[FramesClient]:
    files = {"app.js": LEAVES, **TABLE}
    async with start(files, _NEVE_LEAKS=level, FIFO=str(held.fifo), URL=held.url) as client:
        yield client


async def _wait_for(client: FramesClient, held: Held) -> None:
    """The second invocation, which begins before the leaked work may go on, and ends after it has."""
    await client.wait_next()
    await client.give(Event(id=SECOND))
    await client.wait_log("begun")
    held.let_go()
    await client.wait_answer()
    await client.wait_next()
