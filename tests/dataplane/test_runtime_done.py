"""platform.runtimeDone: when the runtime itself is done, whoever else is still at work, and what its time went to."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.dataplane.http import ask, extension_next, register
from tests.dataplane.scripted import Process, Stage, make_function

from neve.dataplane import channel as frames
from neve.dataplane.sandbox.sandbox import Exit
from neve.domain import record as kinds

NEXT = "/2018-06-01/runtime/invocation/next"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage(make_function(timeout_s=1))
    yield stage
    await stage.close()


async def initialized(stage: Stage, request_id: str) -> Process:
    """A runtime without extensions that has this invocation."""
    stage.submit(request_id)
    process = await stage.process()
    process.next()
    await process.event()
    return process


async def test_its_time_is_told_in_spans(stage: Stage) -> None:
    process = await initialized(stage, "one")
    process.respond("one", b"12345")
    process.next()
    await stage.wait_published(kinds.REPORT)
    done = stage.told(kinds.RUNTIME_DONE)
    assert (done["requestId"], done["status"], done["metrics"]["producedBytes"]) == ("one", "success", 5)
    assert [each["name"] for each in done["spans"]] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    spent_ms = sum(each["durationMs"] for each in done["spans"])
    assert spent_ms == pytest.approx(done["metrics"]["durationMs"], abs=0.02)
    assert "spans" not in stage.told(kinds.REPORT)  # there is no extension


async def test_a_streamed_response_begins_before_it_is_whole(stage: Stage) -> None:
    process = await initialized(stage, "one")
    process.say(frames.STREAM_START, {"id": "one", "contentType": "text/plain"})
    await asyncio.sleep(0.01)
    process.say(frames.CHUNK, {"id": "one"}, b"abc")
    process.say(frames.STREAM_END, {"id": "one"})
    process.next()
    await stage.wait_published(kinds.REPORT)
    done = stage.told(kinds.RUNTIME_DONE)
    assert done["spans"][1]["durationMs"] > 5
    assert done["metrics"]["producedBytes"] == 3


async def test_without_an_answer_nothing_is_spanned(stage: Stage) -> None:
    process = await initialized(stage, "one")
    process.next()
    await stage.wait_published(kinds.REPORT)
    done = stage.told(kinds.RUNTIME_DONE)
    assert (done["status"], done["errorType"], "spans" in done) == ("error", "Runtime.ExitError", False)


async def test_a_suppressed_init_is_not_its_time(stage: Stage) -> None:
    process = await initialized(stage, "one")
    process.respond("one")
    process.next()
    await stage.wait_published(kinds.FREEZE)
    process.end(Exit(1, None))
    await stage.sandboxes[0].wait_asked("kill")
    stage.submit("two")
    process = await stage.process()
    await asyncio.sleep(0.02)
    process.next()
    await process.event()
    process.respond("two")
    process.next()
    await stage.wait_published(kinds.REPORT, 2)
    done, report = stage.told(kinds.RUNTIME_DONE), stage.told(kinds.REPORT)
    assert report["metrics"]["durationMs"] - done["metrics"]["durationMs"] > 15


async def with_extension(stage: Stage) -> tuple[Process, str]:
    """A runtime and an extension that have the invocation `one`; the extension's identifier."""
    stage.submit("one")
    process = await stage.process()
    (sandbox,) = stage.sandboxes
    identifier = await register(sandbox, "inside")
    process.next()
    await stage.wait_published(kinds.INIT_RUNTIME_DONE)
    assert kinds.INIT_REPORT not in stage.kinds()
    await extension_next(sandbox, identifier)
    await process.event()
    return process, identifier


async def test_it_is_told_before_the_extensions_are_done(stage: Stage) -> None:
    process, identifier = await with_extension(stage)
    process.respond("one")
    process.next()
    await stage.wait_published(kinds.RUNTIME_DONE)
    assert kinds.END not in stage.kinds()
    await asyncio.sleep(0.02)
    waiting = asyncio.create_task(extension_next(stage.sandboxes[0], identifier))
    await stage.wait_published(kinds.REPORT)
    assert stage.kinds()[-3:] == [kinds.RUNTIME_DONE, kinds.END, kinds.REPORT]
    done, report = stage.told(kinds.RUNTIME_DONE), stage.told(kinds.REPORT)
    (overhead,) = report["spans"]
    assert overhead["name"] == "extensionOverhead"
    assert overhead["durationMs"] > 15
    both = done["metrics"]["durationMs"] + overhead["durationMs"]
    assert both == pytest.approx(report["metrics"]["durationMs"], abs=0.5)
    await stage.close()
    with pytest.raises((OSError, EOFError)):
        await waiting


async def test_a_runtime_that_speaks_http_is_done_when_it_asks(stage: Stage) -> None:
    stage.submit("one")
    await stage.process()
    (sandbox,) = stage.sandboxes
    identifier = await register(sandbox, "inside")
    first = asyncio.create_task(ask(sandbox, "GET", NEXT))
    await extension_next(sandbox, identifier)
    await first
    assert (await ask(sandbox, "POST", "/2018-06-01/runtime/invocation/one/response", b"1234")).status == 202
    waiting = [asyncio.create_task(ask(sandbox, "GET", NEXT))]
    await stage.wait_published(kinds.RUNTIME_DONE)
    assert kinds.END not in stage.kinds()
    assert stage.told(kinds.RUNTIME_DONE)["metrics"]["producedBytes"] == 4
    waiting.append(asyncio.create_task(extension_next(sandbox, identifier)))
    await stage.wait_published(kinds.REPORT)
    await stage.close()
    assert all(isinstance(each, OSError | EOFError) for each in await asyncio.gather(*waiting, return_exceptions=True))


async def test_it_is_told_once_when_an_extension_takes_all_the_time(stage: Stage) -> None:
    process, _ = await with_extension(stage)
    process.respond("one")
    process.next()
    await stage.wait_published(kinds.REPORT)
    assert stage.kinds().count(kinds.RUNTIME_DONE) == 1
    assert stage.told(kinds.RUNTIME_DONE)["status"] == "success"
    assert stage.told(kinds.REPORT)["status"] == "timeout"


async def test_a_runtime_that_asks_twice_is_done_once(stage: Stage) -> None:
    process, _ = await with_extension(stage)
    process.respond("one")
    process.next()
    process.next()
    await stage.wait_published(kinds.REPORT)
    assert stage.kinds().count(kinds.RUNTIME_DONE) == 1


async def test_an_answer_after_it_has_asked_is_too_late(stage: Stage) -> None:
    process, identifier = await with_extension(stage)
    process.next()
    process.respond("one", b'"late"')
    waiting = asyncio.create_task(extension_next(stage.sandboxes[0], identifier))
    await stage.wait_published(kinds.REPORT)
    assert stage.told(kinds.REPORT)["status"] == "error"
    await stage.close()
    with pytest.raises((OSError, EOFError)):
        await waiting
