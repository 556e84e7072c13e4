"""What an invocation waits for when its time is nearly over, and where a blocked one is (C4, C5, C10)."""

import os
import time
from pathlib import Path

import pytest
from tests.runtimes.nodejs.conftest import Start, starter
from tests.runtimes.nodejs.test_leaks import FIRST, SECOND, TARGETS, placed
from tests.runtimes.scripted import Event, invoke

OLD = [target for target in TARGETS if target.identifier < "nodejs24"]


@pytest.fixture(params=TARGETS, ids=str)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a function on a runtime's own binary."""
    return starter(request.param, tmp_path)


@pytest.fixture(params=OLD, ids=str)
def callbacks(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """The same for those with callbacks."""
    return starter(request.param, tmp_path)


async def test_interval_that_stays_after_the_callback(callbacks: Start) -> None:
    code = """exports.handler = (event, context, callback) => {
      setInterval(() => {}, 50)
      callback(null, 'ok')
      console.log('called')
    }"""
    async with callbacks(code, _NEVE_LEAKS="detect") as client:
        await client.wait_next()
        await client.give(Event(id=FIRST))
        await client.wait_log("called")
        told = await client.ask_why(FIRST)
        assert 0 <= told["answeredMs"] < 10_000
        (waiting,) = (placed(each, client.root) for each in told["waiting"])
        assert (waiting["kind"], waiting["description"]) == ("interval", "interval (every 50 ms)")
        assert (waiting["file"], waiting["line"], waiting["origin"]) == ("app.js", 2, FIRST)


async def test_everything_that_holds_the_loop_whoever_opened_it(callbacks: Start) -> None:
    code = """const net = require('net')
    const server = net.createServer(() => {}).listen(process.env.SOCKET)
    setInterval(() => {}, 1000).unref()
    exports.handler = (event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = !event.leave
      if (event.leave) { setInterval(() => {}, 70); return callback(null) }
      const socket = net.connect(process.env.SOCKET, () => console.log('connected'))
    }"""
    async with callbacks(code, _NEVE_LEAKS="detect", SOCKET="socket") as client:
        await invoke(client, {"leave": 1}, id=FIRST)
        await client.wait_next()
        await client.give(Event(id=SECOND))
        await client.wait_log("connected")
        told = await client.ask_why(SECOND)
        assert told["answeredMs"] is None
        found = {
            (each["kind"], each.get("line"), each["origin"])
            for each in (placed(each, client.root) for each in told["waiting"])
        }
        assert {("server", 2, None), ("interval", 6, FIRST), ("socket", 7, SECOND)} <= found
        assert "interval (every 1000 ms" not in str(told)


async def test_what_a_handler_awaits(start: Start) -> None:
    code = """const slow = () => new Promise((resolve) => setTimeout(resolve, 60000))
    exports.handler = async () => { console.log('begun'); await slow() }"""
    async with start(code, _NEVE_LEAKS="detect") as client:
        await client.wait_next()
        await client.give(Event(id=FIRST))
        await client.wait_log("begun")
        (waiting,) = (placed(each, client.root) for each in (await client.ask_why(FIRST))["waiting"])
        assert (waiting["description"], waiting["line"]) == ("timer (60000 ms)", 1)


async def test_question_about_another_invocation_is_not_answered(start: Start) -> None:
    code = "exports.handler = async () => { console.log('begun'); await new Promise((resolve) => setTimeout(resolve, 60000)) }"
    async with start(code, _NEVE_LEAKS="detect") as client:
        await client.wait_next()
        await client.give(Event(id=SECOND))
        await client.wait_log("begun")
        client.ask_nowait(FIRST)
        assert (await client.ask_why(SECOND))["id"] == SECOND


BLOCKED = """const spin = () => {
  for (;;) { if (Date.now() < 0) return }
}
exports.handler = async (event) => { if (event.spin) { console.log('begun'); spin() } }
"""


async def test_blocked_loop_is_told_by_its_line(start: Start) -> None:
    async with start(BLOCKED, _NEVE_LEAKS="detect", _NEVE_WATCHDOG_MS="500") as client:
        await invoke(client, {}, id=FIRST)
        await client.wait_next()
        await client.give(Event(id=SECOND, payload=b'{"spin": 1}', deadline=int(time.time() * 1000) + 1000))
        told = await client.wait_diagnosis()
        assert (told["id"], told["blocked"]) == (SECOND, True)
        stack = placed(told, client.root)["stack"]
        assert [line.split(":")[0] for line in stack] == ["spin (app.js", "exports.handler (app.js"]
        assert stack[0].startswith("spin (app.js:2:")


async def test_call_that_nothing_can_interrupt_has_no_stack(start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    code = "exports.handler = async () => require('fs').readFileSync(process.env.FIFO)"
    async with start(code, _NEVE_LEAKS="detect", _NEVE_WATCHDOG_MS="500", FIFO=str(tmp_path / "fifo")) as client:
        await client.wait_next()
        await client.give(Event(id=FIRST, deadline=int(time.time() * 1000) + 1000))
        told = await client.wait_diagnosis()
        assert (told["blocked"], told["stacks"]) == (True, [[]])


async def test_loop_that_turns_is_left_alone_by_the_watchdog(start: Start) -> None:
    """It answers, and is not stopped; nothing of the watchdog is the user's to see."""
    code = """const names = (things) => things.map((thing) => thing.constructor.name)
    exports.handler = async () => {
      console.log('begun')
      await new Promise((resolve) => setTimeout(resolve, 1000))
      return [names(process._getActiveHandles()), process.getActiveResourcesInfo()]
    }"""
    async with start(code, _NEVE_LEAKS="detect", _NEVE_WATCHDOG_MS="500") as client:
        await client.wait_next()
        await client.give(Event(id=FIRST, deadline=int(time.time() * 1000) + 800))
        await client.wait_log("begun")
        assert "blocked" not in await client.ask_why(FIRST)
        assert (await client.wait_answer()).value == [[], []]
        await client.wait_next()
        assert (client.news, await client.pending()) == ([], [])
