"""A streamed response between a scripted runtime and a caller: order, backpressure, limits, and who goes away."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.dataplane.scripted import BOUND_S, Process, Stage

from neve.dataplane import channel as frames
from neve.dataplane.response_stream import HIGH_BYTES, Pace, ResponseStream
from neve.dataplane.run import Run
from neve.domain import record as kinds
from neve.domain.errors import PlatformError
from neve.domain.invocation import Invocation, InvocationResult, Status
from neve.domain.limits import STREAM_BURST_BYTES, STREAM_BYTES_PER_S, STREAMED_RESPONSE_BYTES

CHUNK = b"x" * 60_000


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.close()


def submit(stage: Stage, request_id: str) -> ResponseStream:
    result: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
    invocation = Invocation(request_id, stage.function, stage.function.unqualified_arn, b"{}", "Root=1-0")
    stream = ResponseStream(result)
    stage.pool.submit(Run(invocation, result, lambda: stage.finished.append(request_id), stream=stream))
    return stream


async def begun(stage: Stage, request_id: str = "one") -> tuple[Process, ResponseStream]:
    """A response of a runtime that has begun."""
    stream = submit(stage, request_id)
    process = await stage.process()
    process.next()
    await process.event()
    process.say(frames.STREAM_START, {"id": request_id, "contentType": "text/plain"})
    await asyncio.wait_for(stream.wait_begun(), BOUND_S)
    return process, stream


async def write(process: Process, *chunks: bytes) -> None:
    """Return when the socket has taken them."""
    for chunk in chunks:
        frame = frames.encode(frames.CHUNK, b'{"id":"one"}', chunk)
        await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(process._socket, frame), BOUND_S)


async def wait_held(stream: ResponseStream) -> None:
    for _ in range(100_000):
        if stream.held:
            return
        await asyncio.sleep(0)
    raise AssertionError("the runtime is not held")


async def read(stream: ResponseStream) -> bytes | None:
    return await asyncio.wait_for(stream.read(), BOUND_S)


async def test_chunks_are_read_as_they_are_written(stage: Stage) -> None:
    process, stream = await begun(stage)
    await write(process, b"one")
    assert await read(stream) == b"one"
    await write(process, b"two")
    assert await read(stream) == b"two"
    process.say(frames.STREAM_END, {"id": "one"})
    assert await read(stream) is None
    assert (stream.content_type, stream.result().status, stream.result().payload) == ("text/plain", Status.SUCCESS, b"")
    process.next()
    await stage.wait_published(kinds.FREEZE)
    assert stage.told(kinds.RUNTIME_DONE)["metrics"]["producedBytes"] == 6


async def test_a_runtime_waits_for_a_caller_that_does_not_read_and_goes_on_when_it_does(stage: Stage) -> None:
    process, stream = await begun(stage)
    writing = asyncio.create_task(write(process, *[CHUNK] * 100))
    await wait_held(stream)
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert not writing.done()  # 6 MB do not fit into the socket, and nobody keeps them elsewhere
    assert [await read(stream) for _ in range(100)] == [CHUNK] * 100
    await writing
    assert not stream.held


async def test_what_ends_while_the_caller_is_slow_frees_the_runtime(stage: Stage) -> None:
    process, stream = await begun(stage)
    await write(process, *[CHUNK] * (HIGH_BYTES // len(CHUNK) + 1))
    await wait_held(stream)
    process.say(frames.STREAM_END, {"id": "one"})
    process.next()
    assert await read(stream)
    while stream.held:
        assert await read(stream)
    await stage.wait_published(kinds.FREEZE)
    again = stage.submit("two")
    await process.event()
    process.respond("two")
    assert (await asyncio.wait_for(again, BOUND_S)).payload == b"null"


async def test_what_a_caller_that_went_away_does_not_read_is_thrown_away(stage: Stage) -> None:
    process, stream = await begun(stage)
    stream.abandon()
    await write(process, *[CHUNK] * 50)
    process.say(frames.STREAM_END, {"id": "one"})
    process.next()
    await stage.wait_published(kinds.FREEZE)
    assert stage.told(kinds.REPORT)["status"] == "success"


async def test_an_error_in_the_middle_comes_after_what_was_written(stage: Stage) -> None:
    process, stream = await begun(stage)
    await write(process, b"half")
    process.say(frames.STREAM_END, {"id": "one", "type": "Function.Broken"}, b'{"errorType":"Broken"}')
    assert [await read(stream), await read(stream)] == [b"half", None]
    assert (stream.result().failed, stream.result().error_type) == (True, "Function.Broken")
    assert stream.result().payload == b'{"errorType":"Broken"}'


async def test_a_stream_over_the_limit_ends_in_an_error_and_the_environment_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neve.dataplane.answer.STREAMED_RESPONSE_BYTES", len(CHUNK))
    process, stream = await begun(stage)
    await write(process, CHUNK)
    await write(process, b"x")
    assert [await read(stream), await read(stream)] == [CHUNK, None]
    assert stream.result().error_type == "Function.ResponseSizeTooLarge"
    assert f"({STREAMED_RESPONSE_BYTES} bytes)" in stream.result().payload.decode()
    process.say(frames.STREAM_END, {"id": "one"})
    process.next()
    await stage.wait_published(kinds.FREEZE)


async def test_an_answer_in_one_piece_is_the_result(stage: Stage) -> None:
    stream = submit(stage, "one")
    process = await stage.process()
    process.next()
    await process.event()
    process.respond("one", b"whole")
    await asyncio.wait_for(stream.wait_begun(), BOUND_S)
    assert await read(stream) is None
    assert stream.result().payload == b"whole"


async def test_what_cannot_begin_raises_before_anything_is_read() -> None:
    result: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
    stream = ResponseStream(result)
    result.set_exception(PlatformError("stopped"))
    with pytest.raises(PlatformError):
        await asyncio.wait_for(stream.wait_begun(), BOUND_S)


def test_bandwidth_is_a_burst_and_then_so_much_a_second() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert pace.delay_s(STREAM_BURST_BYTES) == 0
    assert pace.delay_s(STREAM_BYTES_PER_S) == pytest.approx(1.0)
    now = 1.0
    assert pace.delay_s(STREAM_BYTES_PER_S // 2) == pytest.approx(0.5)
