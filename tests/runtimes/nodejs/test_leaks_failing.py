"""Left-over work whose error ends an invocation that it does not belong to: both ids are told, on every binary."""

from pathlib import Path

import pytest
from tests.runtimes.nodejs.conftest import Start, starter
from tests.runtimes.nodejs.test_leaks import FIRST, SECOND, TARGETS, opened
from tests.runtimes.scripted import Event, invoke


@pytest.fixture(params=TARGETS, ids=str)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a function on a runtime's own binary."""
    return starter(request.param, tmp_path)


WAYS = {
    "thrown in a timer": "setTimeout(() => { throw new Error('boom') }, 200)",
    "rejected in a timer": "setTimeout(() => Promise.reject(new Error('boom')), 200)",
    "async function after a sleep": "(async () => { await sleep(200); throw new Error('boom') })()",
}


@pytest.mark.parametrize("level", ["detect", "explain"])
@pytest.mark.parametrize("way", WAYS)
async def test_error_of_left_over_work_names_the_invocation_that_it_ends(start: Start, way: str, level: str) -> None:
    code = f"""const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    exports.handler = async (event) => {{ if (event.leave) {{ {WAYS[way]}; return }} await sleep(60000) }}"""
    async with start(code, _NEVE_LEAKS=level) as client:
        await invoke(client, {"leave": 1}, id=FIRST)
        await client.wait_next()
        await client.give(Event(id=SECOND))
        assert (await client.wait_exit()).status != 0
        (leak,) = opened(client)
        (failed,) = [item for item in client.news if item["is"] == "failed"]
        assert failed == {"is": "failed", "leak": leak["leak"], "in": SECOND, "error": "Error: boom"}
        assert leak["origin"] == FIRST


async def test_promise_that_is_rejected_by_a_later_invocation_is_told_by_its_own_line(start: Start) -> None:
    code = """let refuse
    const forgotten = async () => {
      await new Promise((_, reject) => { refuse = reject })
    }
    exports.handler = async (event) => {
      if (event.leave) return void forgotten()
      refuse(new Error('boom'))
      await new Promise((resolve) => setTimeout(resolve, 60000))
    }"""
    async with start(code, _NEVE_LEAKS="explain") as client:
        await invoke(client, {"leave": 1}, id=FIRST)
        await client.wait_next()
        await client.give(Event(id=SECOND))
        await client.wait_exit()
        (leak,) = opened(client)
        assert (leak["kind"], leak["origin"], leak["line"]) == ("promise", FIRST, 3)
        (failed,) = [item for item in client.news if item["is"] == "failed"]
        assert (failed["leak"], failed["in"]) == (leak["leak"], SECOND)


@pytest.mark.parametrize("way", WAYS)
async def test_invocation_that_fails_by_itself_is_no_leak(start: Start, way: str) -> None:
    code = f"""const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    exports.handler = async () => {{ {WAYS[way]}; await sleep(60000) }}"""
    async with start(code, _NEVE_LEAKS="explain") as client:
        await client.wait_next()
        await client.give(Event(id=FIRST))
        await client.wait_exit()
        assert client.news == []


@pytest.mark.parametrize("listens", [False, True], ids=["alone", "with a listener for rejections"])
async def test_fault_of_the_watch_ends_the_watch_and_nothing_else(start: Start, listens: bool) -> None:
    code = """const http = require('http')
    exports.handler = async (event) => {
      if (!event.leave) return 'well'
      const request = http.get(process.env.URL)
      request.on('error', () => {})
      request.getHeader = () => { throw new Error('not for you') }
    }"""
    if listens:
        code += "; process.on('unhandledRejection', () => {})"
    async with start(code, _NEVE_LEAKS="detect", URL="http://127.0.0.1:9") as client:
        await invoke(client, {"leave": 1}, id=FIRST)
        assert (await invoke(client, {}, id=SECOND)).value == "well"  # which waits for the request for it
        await client.wait_next()
        (broken,) = [item for item in client.news if item["is"] == "broken"]
        assert "not for you" in broken["reason"]
