"""The console and the log lines (Node.js facts §7)."""

import json
import re
from typing import Any

import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import FramesClient, LogEvent, invoke

LEVELS = ["TRACE", "DEBUG", "INFO", "INFO", "WARN", "ERROR", "FATAL"]
ALL_METHODS = "for (const m of ['trace', 'debug', 'log', 'info', 'warn', 'error', 'fatal']) console[m]('by ' + m)"


def printing(code: str) -> str:
    return f"exports.handler = async () => {{ {code}; console.fatal('the end') }}"


async def printed(client: FramesClient, **members: Any) -> list[LogEvent]:
    """One invocation's log without the line that ends it."""
    await invoke(client, **members)
    await client.wait_log("the end")
    return [event for event in client.log() if "the end" not in event.text]


async def test_text_line(both: Start) -> None:
    async with both(printing("console.log('hello %s', 'you', {a: 1})")) as client:
        (line,) = await printed(client, id="an-id")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tan-id\tINFO\thello you \{ a: 1 \}\n", line.text)
        assert line.level == "INFO"
        assert not line.json


async def test_methods_and_levels(both: Start) -> None:
    async with both(printing(ALL_METHODS)) as client:
        events = await printed(client)
        assert [event.level for event in events] == [event.columns[2] for event in events] == LEVELS
        assert events[0].message == "by trace"


async def test_inner_newlines_are_kept_in_one_frame(both: Start) -> None:
    async with both(printing("console.log('a\\nb\\n')")) as client:
        (line,) = await printed(client)
        assert line.text.endswith("\ta\nb\n\n")


async def test_one_text_argument_is_not_a_format(both: Start) -> None:
    async with both(printing("console.log('100%'); console.log('%s %%')")) as client:
        assert [line.message for line in await printed(client)] == ["100%", "%s %%"]


async def test_frame_carries_the_time_of_the_line(both: Start) -> None:
    async with both(printing("console.log('x')")) as client:
        (line,) = await printed(client)
        assert line.time_us is not None
        assert line.time_us % 1000 == 0
        assert line.columns[0].endswith(f"{line.time_us // 1000 % 1000:03d}Z")


@pytest.mark.parametrize(("level", "shown"), [("warn", 3), ("ERROR", 2), ("FATAL", 1), ("TRACE", 7), ("nonsense", 7)])
async def test_level_filter(both: Start, level: str, shown: int) -> None:
    async with both(printing(ALL_METHODS), AWS_LAMBDA_LOG_LEVEL=level) as client:
        assert [event.level for event in await printed(client)] == LEVELS[-shown:]


async def test_raw_output_has_no_prefix_and_keeps_its_place(both: Start) -> None:
    code = "console.log('one'); process.stdout.write('raw\\n'); console.table([1]); console.error('two')"
    async with both(printing(code)) as client:
        texts = [line.message if line.level else line.text for line in await printed(client)]
        assert texts[:2] == ["one", "raw\n"]
        assert texts[-1] == "two"
        assert any("│" in text for text in texts)


async def test_request_id_before_the_first_event_up_to_22(callbacks: Start) -> None:
    async with callbacks("console.log('loading'); exports.handler = async () => 1") as client:
        assert (await client.wait_log("loading")).request_id == "undefined"


async def test_request_id_before_the_first_event_from_24_on(modern: Start) -> None:
    async with modern("console.log('loading'); exports.handler = async () => 1") as client:
        assert (await client.wait_log("loading")).request_id == "-"


async def json_entries(start: Start, code: str, **members: Any) -> list[dict[str, Any]]:
    async with start(printing(code), AWS_LAMBDA_LOG_FORMAT="JSON") as client:
        events = await printed(client, **members)
        assert all(event.json for event in events)
        return [json.loads(event.text) for event in events]


async def test_json_line(both: Start) -> None:
    (entry,) = await json_entries(both, "console.log({a: [1]})", id="an-id")
    assert list(entry) == ["timestamp", "level", "requestId", "message"]
    assert (entry["level"], entry["requestId"], entry["message"]) == ("INFO", "an-id", {"a": [1]})


async def test_json_line_with_a_tenant(both: Start) -> None:
    (entry,) = await json_entries(both, "console.warn('x')", tenant="blue")
    assert list(entry) == ["timestamp", "level", "requestId", "tenantId", "message"]
    assert entry["tenantId"] == "blue"


async def test_json_error_alone_is_the_message(both: Start) -> None:
    (entry,) = await json_entries(
        both, "class Mine extends Error {}; console.error(Object.assign(new Mine('m'), {own: 1}))"
    )
    message = entry["message"]
    assert list(message) == ["errorType", "errorMessage", "stackTrace", "own"]
    assert (message["errorType"], message["errorMessage"], message["own"]) == ("Mine", "m", 1)
    assert message["stackTrace"][0] == "Error: m"


async def test_json_several_arguments_are_formatted_and_the_first_error_is_taken_apart(both: Start) -> None:
    (entry,) = await json_entries(both, "console.error('got %d', 2, new TypeError('first'), new Error('second'))")
    assert list(entry) == ["timestamp", "level", "requestId", "message", "errorType", "errorMessage", "stackTrace"]
    assert entry["message"].startswith("got 2 TypeError: first")
    assert (entry["errorType"], entry["errorMessage"]) == ("TypeError", "first")


@pytest.mark.parametrize("value", ["1n", "(() => { const a = {}; a.a = a; return a })()"])
async def test_json_of_what_json_cannot_say(both: Start, value: str) -> None:
    (entry,) = await json_entries(both, f"console.log({value})")
    assert isinstance(entry["message"], str)


async def test_a_full_pipe_is_waited_for(both: Start) -> None:
    # Touching process.stdout makes the pipe non-blocking; the lines are several times as long as a pipe holds.
    code = "process.stdout.write(''); for (let i = 0; i < 40; i++) console.log('x'.repeat(20000))"
    async with both(printing(code)) as client:
        assert [len(line.message) for line in await printed(client)] == [20000] * 40


async def test_replaced_console_does_not_change_the_runtimes_own_lines(both: Start) -> None:
    code = "console.error = () => {}; exports.handler = async () => { throw new Error('boom') }"
    async with both(code) as client:
        await invoke(client)
        assert (await client.wait_log("Invoke Error")).level == "ERROR"
