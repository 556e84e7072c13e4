"""Streamed responses (Node.js facts §8)."""

import json

import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import Event, invoke


def streaming(body: str, parameters: str = "event, stream, context") -> str:
    return f"exports.handler = awslambda.streamifyResponse(async ({parameters}) => {{ {body} }})"


async def test_chunks_arrive_as_they_are_written(both: Start) -> None:
    body = "stream.write('one'); await new Promise((r) => setTimeout(r, 5)); stream.write(Buffer.from('two')); stream.end()"
    async with both(streaming(body)) as client:
        await client.wait_next()
        await client.give(Event())
        assert await client.wait_stream_start() == "application/octet-stream"
        assert [await client.wait_chunk(), await client.wait_chunk()] == [b"one", b"two"]
        await client.wait_next()


async def test_several_invocations_and_content_type(both: Start) -> None:
    async with both(streaming("stream.setContentType('text/plain'); stream.end(event.text)")) as client:
        for text in ("a", "b"):
            answer = await invoke(client, {"text": text})
            assert (answer.content_type, answer.body, answer.failed) == ("text/plain", text.encode(), False)


async def test_other_chunks_are_json(both: Start) -> None:
    async with both(streaming("stream.write({a: 1}); stream.end([2])")) as client:
        assert (await invoke(client)).body == b'{"a":1}[2]'


async def test_stream_that_is_ended_without_a_byte(both: Start) -> None:
    async with both(streaming("stream.end()")) as client:
        answer = await invoke(client)
        assert (answer.content_type, answer.body) == ("application/octet-stream", b"")


async def test_pipeline_into_the_stream(both: Start) -> None:
    body = "await require('stream/promises').pipeline(require('stream').Readable.from(['x', 'y']), stream)"
    async with both(streaming(body)) as client:
        assert (await invoke(client)).body == b"xy"


async def test_http_response_stream_writes_the_prelude(both: Start) -> None:
    prelude = "{statusCode: 201, headers: {a: 'b'}}"
    body = f"stream = awslambda.HttpResponseStream.from(stream, {prelude}); stream.write('body'); stream.end()"
    async with both(streaming(body)) as client:
        answer = await invoke(client)
        assert answer.content_type == "application/vnd.awslambda.http-integration-response"
        sent, rest = answer.body.split(b"\0" * 8)
        assert json.loads(sent) == {"statusCode": 201, "headers": {"a": "b"}}
        assert rest == b"body"


async def test_content_type_after_the_first_write(both: Start) -> None:
    async with both(streaming("stream.write('x'); stream.setContentType('text/plain')")) as client:
        answer = await invoke(client)
        assert answer.error_type == "Runtime.InvalidStreamingOperation"
        assert answer.body == b"x"
        assert json.loads(answer.trailer or b"")["errorMessage"] == "Cannot set content-type, too late."


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (streaming("throw new Error('early')"), "early"),
        (streaming("return"), "Response stream is not finished."),
        (
            "exports.handler = awslambda.streamifyResponse((event, stream) => { stream.on('error', () => {}); return 1 })",
            "Streaming does not support non-async handlers.",
        ),
    ],
)
async def test_error_before_the_first_byte_is_a_plain_error(both: Start, code: str, message: str) -> None:
    async with both(code) as client:
        answer = await invoke(client)
        assert (answer.error_type, answer.value["errorMessage"]) == ("Error", message)
        assert answer.content_type is None
        assert (await client.wait_log("Invoke Error")).level == "ERROR"
        await client.wait_next()


async def test_error_after_bytes_is_in_the_trailer(both: Start) -> None:
    async with both(streaming("stream.write('part'); throw new RangeError('mid')")) as client:
        answer = await invoke(client)
        assert (answer.body, answer.error_type) == (b"part", "RangeError")
        assert json.loads(answer.trailer or b"")["errorMessage"] == "mid"
        await client.wait_next()


async def test_stream_left_open_after_bytes(both: Start) -> None:
    async with both(streaming("stream.write('part')")) as client:
        answer = await invoke(client)
        assert json.loads(answer.trailer or b"")["errorMessage"] == "Response stream is not finished."


async def test_return_value_is_ignored_with_a_warning(both: Start) -> None:
    async with both(streaming("stream.end('x'); return 1")) as client:
        assert (await invoke(client)).body == b"x"
        line = await client.wait_log("return values")
        assert (line.level, line.message) == ("WARN", "Streaming handlers ignore return values.")


async def test_three_parameters_are_no_callback(both: Start) -> None:
    async with both(streaming("stream.end(typeof context.awsRequestId)")) as client:
        assert (await invoke(client)).body == b"string"
        assert client.log() == []


LEAVES_WORK = "setTimeout(() => console.log('work done'), 20); stream.end('x')"


async def test_next_waits_for_the_empty_loop_up_to_22(callbacks: Start) -> None:
    async with callbacks(streaming(LEAVES_WORK)) as client:
        assert (await invoke(client)).body == b"x"
        await client.wait_next()
        await client.wait_log("work done")


async def test_next_does_not_wait_with_the_flag_false(callbacks: Start) -> None:
    body = "context.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); stream.end('x')"
    async with callbacks(streaming(body)) as client:
        await invoke(client)
        await client.wait_next()


async def test_next_does_not_wait_from_24_on(modern: Start) -> None:
    async with modern(streaming("setInterval(() => {}, 1000); stream.end('x')")) as client:
        await invoke(client)
        await client.wait_next()


async def test_never_settles_up_to_22(callbacks: Start) -> None:
    async with callbacks(streaming("if (event) await new Promise(() => {}); stream.end('x')")) as client:
        assert (await invoke(client, 1)).error_type == "Runtime.NodeJsExit"
        assert (await invoke(client, 0)).body == b"x"


async def test_uncaught_exception_in_a_stream_up_to_22(callbacks: Start) -> None:
    body = "stream.write('x'); setTimeout(() => { throw new Error('boom') }, 1); await new Promise((r) => setTimeout(r, 1000))"
    async with callbacks(streaming(body)) as client:
        answer = await invoke(client)
        assert json.loads(answer.trailer or b"")["errorMessage"] == "boom"
        assert (await client.wait_exit()).status == 129


@pytest.mark.parametrize("value", ["true", "1"])
async def test_no_global(both: Start, value: str) -> None:
    code = "exports.handler = async () => typeof awslambda"
    async with both(code, AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA=value) as client:
        assert (await invoke(client)).value == "undefined"


async def test_large_stream(both: Start) -> None:
    body = "for (let i = 0; i < 50; i++) stream.write(Buffer.alloc(100000, i)); stream.end()"
    async with both(streaming(body)) as client:
        assert len((await invoke(client)).body) == 5_000_000
