"""What ends an invocation up to nodejs22.x (Node.js facts §3 and §4)."""

import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import Event, FramesClient, invoke

FIRST, SECOND = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
ALREADY = "Invocation has already been reported as done. Cannot call complete more than once per invocation."


async def lines(client: FramesClient) -> list[str]:
    return [event.message for event in client.log() if event.level not in (None, "WARN")]


async def test_callback_with_a_value(callbacks: Start) -> None:
    async with callbacks("exports.handler = (e, c, callback) => callback(null, {got: e})") as client:
        assert (await invoke(client, [1])).value == {"got": [1]}
        assert (await invoke(client, [2])).value == {"got": [2]}


@pytest.mark.parametrize("error", ["new Error('x')", "'x'", "0", "false"])
async def test_callback_with_an_error_keeps_the_process(callbacks: Start, error: str) -> None:
    async with callbacks(f"exports.handler = (e, c, callback) => callback({error})") as client:
        assert (await invoke(client)).failed
        assert (await invoke(client)).failed


async def test_callback_waits_for_the_empty_loop(callbacks: Start) -> None:
    code = "exports.handler = (e, c, cb) => { setTimeout(() => console.log('work done'), 30); cb(null, 'v') }"
    async with callbacks(code) as client:
        assert (await invoke(client)).value == "v"
        assert await lines(client) == ["work done"]


async def test_callback_waits_one_immediate_after_the_loop_is_empty(callbacks: Start) -> None:
    code = """process.on('beforeExit', () => setImmediate(() => console.log('one more turn')))
    exports.handler = (e, c, cb) => cb(null, 'v')"""
    async with callbacks(code) as client:
        await invoke(client)
        await client.wait_log("one more turn")


async def test_interval_keeps_the_callbacks_response_for_ever(callbacks: Start) -> None:
    code = "exports.handler = (e, c, cb) => { let n = 0; setInterval(() => console.log('tick', ++n), 1); cb(null, 'lost') }"
    async with callbacks(code) as client:
        await client.wait_next()
        await client.give(Event())
        await client.wait_log("tick 5")
        assert await client.pending() == []


async def test_unrefed_handle_does_not_keep_the_response(callbacks: Start) -> None:
    code = "exports.handler = (e, c, cb) => { setInterval(() => {}, 1000).unref(); cb(null, 'v') }"
    async with callbacks(code) as client:
        assert (await invoke(client)).value == "v"


async def test_flag_false_responds_at_once_and_work_runs_on_in_the_next_invocation(callbacks: Start) -> None:
    code = """let release
    exports.handler = (e, c, cb) => {
      c.callbackWaitsForEmptyEventLoop = false
      if (release) { release(); setTimeout(cb, 10, null, 'second') }
      else {
        new Promise((r) => (release = r)).then(() => console.log('leaked from', c.awsRequestId))
        setInterval(() => {}, 1000); cb(null, 'first')
      }
    }"""
    async with callbacks(code) as client:
        assert (await invoke(client, id=FIRST)).value == "first"
        assert (await invoke(client, id=SECOND)).value == "second"
        leaked = await client.wait_log("leaked")
        assert leaked.request_id == SECOND
        assert leaked.message == f"leaked from {FIRST}"


async def test_flag_changed_after_the_callback_has_no_effect(callbacks: Start) -> None:
    code = """exports.handler = (e, c, cb) => {
      setTimeout(() => console.log('work done'), 20); cb(null, 'v'); c.callbackWaitsForEmptyEventLoop = false }"""
    async with callbacks(code) as client:
        await invoke(client)
        assert await lines(client) == ["work done"]


async def test_error_does_not_wait_whatever_the_flag_says(callbacks: Start) -> None:
    code = "exports.handler = (e, c, cb) => { setInterval(() => {}, 1000); cb(new Error('now')) }"
    async with callbacks(code) as client:
        assert (await invoke(client)).value["errorMessage"] == "now"
        await client.wait_next()


async def test_synchronous_throw(callbacks: Start) -> None:
    async with callbacks("exports.handler = () => { setInterval(() => {}, 1000); throw new TypeError('t') }") as client:
        answer = await invoke(client)
        assert (answer.error_type, answer.value["errorMessage"]) == ("TypeError", "t")
        await client.wait_next()


@pytest.mark.parametrize(
    "calls",
    [
        "cb(null, 'A'); cb(null, 'B')",
        "cb(null, 'A'); c.done(null, 'B')",
        "cb(null, 'A'); c.fail('B')",
        "c.succeed('A'); cb(new Error('B'))",
        "c.done(null, 'A'); c.succeed('B')",
    ],
)
async def test_first_completion_wins_in_silence(callbacks: Start, calls: str) -> None:
    async with callbacks(f"exports.handler = (e, c, cb) => {{ {calls} }}") as client:
        assert (await invoke(client)).value == "A"
        await client.wait_next()
        assert await lines(client) == []


async def test_callback_wins_over_the_async_return(callbacks: Start) -> None:
    code = "exports.handler = async (e, c, cb) => { setTimeout(() => console.log('waited'), 10); cb(null, 'A'); return 'B' }"
    async with callbacks(code) as client:
        assert (await invoke(client)).value == "A"
        assert await lines(client) == ["waited"]


async def test_callback_after_the_async_return_is_ignored(callbacks: Start) -> None:
    code = "exports.handler = async (e, c, cb) => { setImmediate(() => { cb(null, 'late'); console.log('called') }); return 'A' }"
    async with callbacks(code) as client:
        assert (await invoke(client)).value == "A"
        await client.wait_next()
        await client.wait_log("called")
        assert await client.pending() == []


@pytest.mark.parametrize("call", ["c.succeed('v')", "c.done(null, 'v')"])
async def test_done_and_succeed_never_wait(callbacks: Start, call: str) -> None:
    async with callbacks(f"exports.handler = (e, c) => {{ setInterval(() => {{}}, 1000); {call} }}") as client:
        assert (await invoke(client)).value == "v"
        assert (await invoke(client)).value == "v"


@pytest.mark.parametrize(
    ("call", "name", "message"),
    [
        ("c.fail(new Error('f'))", "Error", "f"),
        ("c.done(new Error('f'))", "Error", "f"),
        ("c.fail()", "string", "handled"),
        ("c.fail(null)", "string", "handled"),
    ],
)
async def test_fail_and_done_with_an_error(callbacks: Start, call: str, name: str, message: str) -> None:
    async with callbacks(f"exports.handler = (e, c) => {{ {call} }}") as client:
        value = (await invoke(client)).value
        assert (value["errorType"], value["errorMessage"]) == (name, message)


@pytest.mark.parametrize("body", ["", "return 'ignored'", "setTimeout(() => {}, 5)", "return new Promise(() => {})"])
async def test_nothing_called_and_the_loop_drains(callbacks: Start, body: str) -> None:
    async with callbacks(f"exports.handler = () => {{ {body} }}") as client:
        answer = await invoke(client)
        assert answer.body == b"null"
        assert not answer.failed
        await invoke(client)


async def test_nothing_called_and_the_loop_lives_never_answers(callbacks: Start) -> None:
    code = "exports.handler = () => { let n = 0; setInterval(() => console.log('tick', ++n), 1); return 'ignored' }"
    async with callbacks(code) as client:
        await client.wait_next()
        await client.give(Event())
        await client.wait_log("tick 5")
        assert await client.pending() == []


async def test_late_callback_after_the_null_is_logged_and_disturbs_the_next(callbacks: Start) -> None:
    code = """let late
    exports.handler = (e, c, cb) => { if (late) late(null, 'late'); else late = cb }"""
    async with callbacks(code) as client:
        assert (await invoke(client, id=FIRST)).body == b"null"
        await client.wait_next()
        await client.give(Event(id=SECOND))
        logged = await client.wait_log("already")
        assert (logged.level, logged.message) == ("ERROR", ALREADY)
        # Its exit listener was the second invocation's: nothing answers that one, and the process ends.
        assert (await client.wait_exit()).status == 0
        assert await client.pending() == []


async def test_late_succeed_after_the_null_is_logged(callbacks: Start) -> None:
    code = """let late
    exports.handler = (e, c, cb) => { if (late) { late('late'); cb(null, 'second') } else late = c.succeed }"""
    async with callbacks(code) as client:
        await invoke(client)
        assert (await invoke(client)).value == "second"
        assert (await client.wait_log("already")).message == ALREADY


async def test_late_error_is_sent_under_the_old_id(callbacks: Start) -> None:
    code = """let late
    exports.handler = (e, c, cb) => { if (late) { late(new Error('late')); cb(null, 'second') } else late = cb }"""
    async with callbacks(code) as client:
        await invoke(client, id=FIRST)
        late = await invoke(client, id=SECOND)
        assert (late.id, late.failed) == (FIRST, True)
        answer = await client.wait_answer()
        assert (answer.id, answer.value) == (SECOND, "second")


async def test_async_function_that_never_settles_is_an_error_and_the_process_goes_on(callbacks: Start) -> None:
    code = "let n = 0; exports.handler = async () => { if (n++) return n; await new Promise(() => {}) }"
    async with callbacks(code) as client:
        value = (await invoke(client)).value
        assert value["errorType"] == "Runtime.NodeJsExit"
        assert value["errorMessage"] == (
            "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise"
            " that was never settled. For more information, see"
            " https://nodejs.org/docs/latest/api/process.html#exit-codes"
        )
        assert (await invoke(client)).value == 2


async def test_any_object_with_then_is_a_promise(callbacks: Start) -> None:
    async with callbacks("exports.handler = () => ({then: (resolve) => resolve('thenable')})") as client:
        assert (await invoke(client)).value == "thenable"


async def test_event_that_is_not_json_is_the_invocations_error(callbacks: Start) -> None:
    async with callbacks("exports.handler = async (e) => e") as client:
        await client.wait_next()
        await client.give(Event(payload=b"{"))
        assert (await client.wait_answer()).error_type == "SyntaxError"
        assert (await invoke(client, 1)).value == 1


async def test_uncaught_exception_is_the_current_invocations_error_and_exits_129(callbacks: Start) -> None:
    code = "exports.handler = () => { setTimeout(() => { throw new Error('boom') }, 1) }"
    async with callbacks(code) as client:
        answer = await invoke(client)
        assert (answer.id, answer.value["errorMessage"]) == (FIRST, "boom")
        assert (await client.wait_exit()).status == 129
        assert (await client.wait_log("boom")).message.startswith('Uncaught Exception \t{"errorType":"Error"')


async def test_unhandled_rejection_exits_128(callbacks: Start) -> None:
    code = "exports.handler = () => { Promise.reject(new Error('boom')) }"
    async with callbacks(code) as client:
        answer = await invoke(client)
        assert answer.error_type == "Runtime.UnhandledPromiseRejection"
        assert answer.value["errorMessage"] == "Error: boom"
        assert (await client.wait_exit()).status == 128
        line = await client.wait_log("Unhandled Promise Rejection \t{")
        assert '"reason":{"errorType":"Error","errorMessage":"boom"' in line.text
        assert '"promise":{}' in line.text


@pytest.mark.parametrize("value", ["1n", "(() => { const a = {}; a.a = a; return a })()"])
async def test_unserializable_result_of_a_promise(callbacks: Start, value: str) -> None:
    async with callbacks(f"exports.handler = async () => {value}") as client:
        answer = await invoke(client)
        assert (answer.error_type, answer.value["errorMessage"]) == ("Error", "Unable to stringify response body")
        await client.wait_next()


async def test_unserializable_result_of_a_callback_with_flag_false_is_thrown_to_its_caller(callbacks: Start) -> None:
    code = """exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false
      try { cb(null, 1n) } catch (error) { cb(null, 'caught ' + error.message) } }"""
    async with callbacks(code) as client:
        assert (await invoke(client)).value == "caught Unable to stringify response body"


async def test_unserializable_result_of_a_waiting_callback_exits_129(callbacks: Start) -> None:
    async with callbacks("exports.handler = (e, c, cb) => cb(null, 1n)") as client:
        assert (await invoke(client)).value["errorMessage"] == "Unable to stringify response body"
        assert (await client.wait_exit()).status == 129


async def test_value_of_a_store_does_not_leak_into_the_next_invocation(callbacks: Start) -> None:
    code = """const {AsyncLocalStorage} = require('async_hooks'); const als = new AsyncLocalStorage()
    exports.handler = (e, c, cb) => { const seen = als.getStore() ?? 'none'
      als.run('mine', () => setImmediate(() => c.succeed(seen))) }"""
    async with callbacks(code) as client:
        assert [(await invoke(client)).value for _ in range(3)] == ["none"] * 3
