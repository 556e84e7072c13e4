"""Async handlers of both generations, and what only nodejs24.x does (Node.js facts §2 and §3)."""

import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import Event, Gone, invoke

FIRST, SECOND = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"


async def test_return_and_undefined(both: Start) -> None:
    async with both("exports.handler = async (e) => e ?? undefined") as client:
        assert (await invoke(client, {"k": "ü"})).value == {"k": "ü"}
        assert (await invoke(client, None)).body == b"null"


@pytest.mark.parametrize("fails", ["throw new RangeError('far')", "return Promise.reject(new RangeError('far'))"])
async def test_throw_and_reject_keep_the_process(both: Start, fails: str) -> None:
    async with both(f"let n = 0; exports.handler = async () => {{ if (n++) return n; {fails} }}") as client:
        answer = await invoke(client)
        assert (answer.error_type, answer.value["errorMessage"]) == ("RangeError", "far")
        assert (await invoke(client)).value == 2


async def test_promise_of_a_plain_function(both: Start) -> None:
    async with both("exports.handler = () => Promise.resolve('p')") as client:
        assert (await invoke(client)).value == "p"


async def test_pending_work_is_not_awaited_and_runs_inside_the_next_invocation(both: Start) -> None:
    code = """let go
    exports.handler = async (e, c) => {
      if (go) { go(); await new Promise((r) => setTimeout(r, 20)) }
      else {
        setInterval(() => {}, 1000)
        new Promise((r) => { go = r }).then(() => setTimeout(() => console.log('late', c.awsRequestId), 1))
      }
      return 'v' }"""
    async with both(code) as client:
        assert (await invoke(client, id=FIRST)).value == "v"
        await invoke(client, id=SECOND)
        leaked = await client.wait_log("late")
        assert (leaked.request_id, leaked.message) == (SECOND, f"late {FIRST}")


async def test_immediates_run_before_the_next_event_is_asked_for(both: Start) -> None:
    code = """const fs = require('fs')
    exports.handler = async () => { setImmediate(() => fs.writeSync(1, 'immediate ran\\n')); return 1 }"""
    async with both(code) as client:
        await invoke(client)
        await client.wait_next()
        await client.wait_log("immediate ran")


async def test_flag_changes_nothing_for_an_async_handler(both: Start) -> None:
    code = "exports.handler = async (e, c) => { c.callbackWaitsForEmptyEventLoop = true; setInterval(() => {}, 1000); return 1 }"
    async with both(code) as client:
        assert (await invoke(client)).value == 1
        await client.wait_next()


async def test_never_settles_with_a_living_loop_never_answers(both: Start) -> None:
    ticks = "let n = 0; setInterval(() => console.log('tick', ++n), 1)"
    code = f"exports.handler = async () => {{ {ticks}; await new Promise(() => {{}}) }}"
    async with both(code) as client:
        await client.wait_next()
        await client.give(Event())
        await client.wait_log("tick 5")
        assert await client.pending() == []


@pytest.mark.parametrize("status", [0, 1, 7])
async def test_process_exit(both: Start, status: int) -> None:
    async with both(f"exports.handler = async () => process.exit({status})") as client:
        await client.wait_next()
        await client.give(Event())
        assert (await client.wait_exit()).status == status
        assert await client.pending() == []


async def test_module_state_is_kept(both: Start) -> None:
    async with both("let n = 0; exports.handler = async () => ++n") as client:
        assert [(await invoke(client)).value for _ in range(3)] == [1, 2, 3]


async def test_plain_return_is_the_result_from_24_on(modern: Start) -> None:
    async with modern("exports.handler = (e, c) => { setInterval(() => {}, 1000); return 'v' }") as client:
        assert (await invoke(client)).value == "v"
        await client.wait_next()


async def test_synchronous_throw_from_24_on(modern: Start) -> None:
    async with modern("exports.handler = () => { throw new Error('s') }") as client:
        assert (await invoke(client)).value["errorMessage"] == "s"


async def test_thenable_is_awaited_from_24_on(modern: Start) -> None:
    async with modern("exports.handler = () => ({then: (resolve) => resolve('thenable')})") as client:
        assert (await invoke(client)).value == "thenable"


async def test_never_settles_and_the_loop_drains_exits_0_from_24_on(modern: Start) -> None:
    async with modern("exports.handler = async () => new Promise(() => {})") as client:
        await client.wait_next()
        await client.give(Event())
        assert (await client.wait_exit()).status == 0
        assert await client.pending() == []


async def test_event_that_is_not_json_ends_the_process_from_24_on(modern: Start) -> None:
    async with modern("exports.handler = async (e) => e") as client:
        await client.wait_next()
        await client.give(Event(payload=b"{"))
        assert (await client.wait_exit()).status == 1
        assert await client.pending() == []


@pytest.mark.parametrize(
    "leaves", ["setTimeout(() => { throw new Error('boom') }, 1)", "Promise.reject(new Error('boom'))"]
)
async def test_nothing_is_caught_from_24_on(modern: Start, leaves: str) -> None:
    code = f"exports.handler = async () => {{ {leaves}; await new Promise((r) => setTimeout(r, 1000)) }}"
    async with modern(code) as client:
        await client.wait_next()
        await client.give(Event())
        assert (await client.wait_exit()).status == 1
        assert await client.pending() == []
        assert any("Error: boom" in line.text and line.level is None for line in client.log())


async def test_crash_after_the_answer_leaves_the_answer_from_24_on(modern: Start) -> None:
    async with modern(
        "exports.handler = async () => { setTimeout(() => { throw new Error('boom') }, 5); return 1 }"
    ) as client:
        assert (await invoke(client)).value == 1
        assert (await client.wait_exit()).status == 1
        with pytest.raises(Gone):
            await client.wait_answer()


@pytest.mark.parametrize("value", ["1n", "(() => { const a = {}; a.a = a; return a })()"])
async def test_unserializable_result_from_24_on(modern: Start, value: str) -> None:
    async with modern(f"exports.handler = async () => {value}") as client:
        answer = await invoke(client)
        assert answer.error_type == "Runtime.JSONStringifyError"
        assert answer.value["errorMessage"] == "Unable to stringify response body"


async def test_es_module_with_another_name(both: Start) -> None:
    code = "export async function main(event, context) { return {statusCode: 200, body: JSON.parse(event.body)} }"
    async with both({"app.mjs": code}, handler="app.main") as client:
        assert (await invoke(client, {"body": "[1]"})).value == {"statusCode": 200, "body": [1]}
