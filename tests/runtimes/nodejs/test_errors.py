"""Errors on the wire (Node.js facts §6)."""

import json

import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import invoke


def throwing(expression: str, prelude: str = "") -> str:
    return f"{prelude}; exports.handler = async () => {{ throw {expression} }}"


async def test_error_has_type_message_and_trace(both: Start) -> None:
    async with both(throwing("new TypeError('t')")) as client:
        answer = await invoke(client)
        assert list(answer.value) == ["errorType", "errorMessage", "trace"]
        assert answer.error_type == answer.value["errorType"] == "TypeError"
        first, second, *_ = answer.value["trace"]
        assert first == "TypeError: t"
        assert "/task/app.js:1:" in second


async def test_trace_ends_with_few_frames_of_the_client(both: Start) -> None:
    async with both("exports.handler = () => { throw new Error('x') }") as client:
        trace = (await invoke(client)).value["trace"]
        assert sum("/runtimes/nodejs/" in line for line in trace) <= 4
        assert not any("channel.mjs" in line or "frames.mjs" in line for line in trace)


async def test_string_form_of_an_error_thrown_again(both: Start) -> None:
    async with both(throwing("new Error(new Error('some_error_msg'))")) as client:
        assert (await invoke(client)).value["errorMessage"] == "Error: some_error_msg"


@pytest.mark.parametrize(
    ("expression", "kind", "text"),
    [
        ("'text'", "string", "text"),
        ("42", "number", "42"),
        ("{a: 1}", "object", "[object Object]"),
        ("true", "boolean", "true"),
    ],
)
async def test_values_that_are_no_errors(both: Start, expression: str, kind: str, text: str) -> None:
    async with both(throwing(expression)) as client:
        assert (await invoke(client)).value == {"errorType": kind, "errorMessage": text, "trace": []}


async def test_delete_character_is_escaped(both: Start) -> None:
    async with both(throwing(r"new Error('a\x7fb')")) as client:
        value = (await invoke(client)).value
        assert value["errorMessage"] == "a%7Fb"
        assert value["trace"][0] == "Error: a%7Fb"


async def test_error_that_throws_when_it_is_read(both: Start) -> None:
    error = "Object.defineProperty(new Error('x'), 'message', {get() { throw 1 }})"
    async with both(throwing(error)) as client:
        value = (await invoke(client)).value
        assert value == {
            "errorType": "handled",
            "errorMessage": "callback called with Error argument, but there was a problem while retrieving"
            " one or more of its message, name, and stack",
        }


LOOKALIKE = "{name: 'Like', message: 'm', stack: 'Like: m\\n    at x'}"


async def test_lookalike_passes_for_an_error_up_to_22(callbacks: Start) -> None:
    async with callbacks(throwing(LOOKALIKE)) as client:
        value = {"errorType": "Like", "errorMessage": "m", "trace": ["Like: m", "    at x"]}
        assert (await invoke(client)).value == value


async def test_lookalike_is_an_object_from_24_on(modern: Start) -> None:
    async with modern(throwing(LOOKALIKE)) as client:
        assert (await invoke(client)).error_type == "object"


async def test_xray_cause(both: Start) -> None:
    async with both("function thrower() { throw new Error('c') }; exports.handler = async () => thrower()") as client:
        cause = json.loads((await invoke(client)).cause or "")
        assert cause["working_directory"].endswith("/task")
        (exception,) = cause["exceptions"]
        assert (exception["type"], exception["message"]) == ("Error", "c")
        top = exception["stack"][0]
        assert (top["label"], top["line"]) == ("thrower", 1)
        assert top["path"].endswith("/task/app.js")
        assert top["path"] in cause["paths"]


async def test_error_is_logged_with_its_code_and_fields(both: Start) -> None:
    error = "Object.assign(new Error('boom'), {code: 'ECODE', extra: {deep: 1}})"
    async with both(throwing(error)) as client:
        await invoke(client, id="an-id")
        line = await client.wait_log("boom")
        assert (line.level, line.request_id) == ("ERROR", "an-id")
        label, text = line.message.split("\t")
        assert label == "Invoke Error "
        logged = json.loads(text)
        assert list(logged) == ["errorType", "errorMessage", "code", "extra", "stack"]
        assert logged["stack"][0] == "Error: boom"


async def test_error_with_a_cycle_is_logged_without_its_fields(both: Start) -> None:
    async with both("const e = new Error('round'); e.self = {e}; exports.handler = async () => { throw e }") as client:
        assert (await invoke(client)).value["errorMessage"] == "round"
        assert '"errorMessage":"round"' in (await client.wait_log("Invoke Error")).text


async def test_error_is_logged_as_the_message_in_json_format(both: Start) -> None:
    async with both(throwing("new TypeError('boom')"), AWS_LAMBDA_LOG_FORMAT="JSON") as client:
        await invoke(client)
        entry = json.loads((await client.wait_log("boom")).text)
        assert entry["level"] == "ERROR"
        assert (entry["message"]["errorType"], entry["message"]["errorMessage"]) == ("TypeError", "boom")
        assert entry["message"]["stackTrace"][0] == "TypeError: boom"
