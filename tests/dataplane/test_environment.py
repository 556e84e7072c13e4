"""The life of environments, played against a scripted process: what is asked of the sandbox, told to callers and reported."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable

import pytest
from tests.dataplane.scripted import Process, ScriptedSandbox, Stage, make_function

from neve.dataplane import channel as frames
from neve.dataplane.sandbox.sandbox import Exit
from neve.domain import record as kinds
from neve.domain.environment import State
from neve.domain.errors import PlatformError
from neve.domain.function import Function
from neve.domain.invocation import InvocationResult, Status

MakeStage = Callable[..., Stage]


@pytest.fixture
async def make_stage() -> AsyncIterator[MakeStage]:
    stages: list[Stage] = []

    def make(function: Function | None = None, **flags: object) -> Stage:
        stages.append(Stage(function, **flags))
        return stages[-1]

    yield make
    for each in stages:
        await each.close()


@pytest.fixture
async def stage(make_stage: MakeStage) -> Stage:
    return make_stage()


async def invoke_once(stage: Stage, process: Process, request_id: str = "one", body: bytes = b'"v"') -> None:
    result = stage.submit(request_id)
    header, _ = await process.event()
    process.respond(header["id"], body)
    process.next()
    assert (await result).payload == body


async def ready(stage: Stage) -> Process:
    """An environment that has answered its first invocation and is frozen."""
    result = stage.submit("cold")
    process = await stage.process()
    process.next()
    await process.event()
    process.respond("cold")
    process.next()
    await result
    await stage.wait_published(kinds.FREEZE)
    return process


async def test_a_cold_invocation_runs_init_then_the_event_then_freezes(stage: Stage) -> None:
    await ready(stage)
    assert stage.kinds() == [
        kinds.INIT_START,
        kinds.INIT_RUNTIME_DONE,
        kinds.INIT_REPORT,
        kinds.START,
        kinds.RUNTIME_DONE,
        kinds.END,
        kinds.REPORT,
        kinds.FREEZE,
    ]
    assert stage.sandboxes[0].asked == ["start", "freeze"]


async def test_a_waiting_event_is_handed_over_without_a_freeze(stage: Stage) -> None:
    first, second = stage.submit("one"), stage.submit("two")
    process, _ = await stage.process(0), await stage.process(1)
    process.next()
    for result, request_id in ((first, "one"), (second, "two")):
        assert (await process.event())[0]["id"] == request_id
        process.respond(request_id)
        process.next()
        await result
    await stage.wait_published(kinds.FREEZE)
    told = [kind for kind in stage.kinds() if kind in (kinds.REPORT, kinds.FREEZE, kinds.THAW)]
    assert told == [kinds.REPORT, kinds.REPORT, kinds.FREEZE]


async def test_a_warm_invocation_thaws_the_same_environment(stage: Stage) -> None:
    process = await ready(stage)
    await invoke_once(stage, process)
    await stage.wait_published(kinds.FREEZE, 2)
    assert stage.sandboxes[0].asked == ["start", "freeze", "thaw", "freeze"]
    assert len(stage.sandboxes) == 1


async def test_only_the_first_report_tells_the_init_duration(stage: Stage) -> None:
    process = await ready(stage)
    await invoke_once(stage, process)
    reports = [line for line in stage.lines() if line.startswith("REPORT")]
    assert ["Init Duration" in line for line in reports] == [True, False]


async def test_two_at_the_same_time_get_two_environments(stage: Stage) -> None:
    process = await ready(stage)
    first = stage.submit("one")
    await process.event()
    second = stage.submit("two")
    other = await stage.process(1)
    other.next()
    await other.event()
    other.respond("two", b"2")
    assert (await second).payload == b"2"
    process.respond("one", b"1")
    assert (await first).payload == b"1"


async def test_an_environment_that_has_answered_serves_a_quick_next_caller(stage: Stage) -> None:
    process = await ready(stage)
    first = stage.submit("one")
    await process.event()
    process.respond("one")
    await first
    second = stage.submit("two")
    process.next()
    assert (await process.event())[0]["id"] == "two"
    process.respond("two")
    await second
    assert len(stage.sandboxes) == 1


async def test_the_caller_is_answered_before_the_runtime_asks_for_the_next_event(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("one")
    await process.event()
    process.respond("one", b"7")
    assert (await result).payload == b"7"
    assert stage.finished == ["cold"]
    assert "freeze" not in stage.sandboxes[0].asked[2:]


async def test_a_caller_that_wants_the_log_waits_for_report(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("one", wants_log_tail=True)
    await process.event()
    process.print("hello\n")
    process.respond("one")
    process.next()
    tail = (await result).log_tail
    assert tail is not None
    assert re.fullmatch(
        r"START RequestId: one Version: \$LATEST\nhello\nEND RequestId: one\nREPORT RequestId: one\t.*\t\n",
        tail.decode(),
    )


async def test_a_timeout_answers_kills_and_starts_clean(make_stage: MakeStage) -> None:
    stage = make_stage(make_function(timeout_s=1))
    process = await ready(stage)
    result = await _timed_out(stage, process)
    assert json.loads(result.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: slow Error: Task timed out after 1.00 seconds",
    }
    assert result.status is Status.TIMEOUT
    assert re.search(r"Duration: 1000\.00 ms\tBilled Duration: 1000 ms\t.*\tStatus: timeout$", stage.lines()[-1])
    again = stage.submit("after")
    fresh = await stage.process()
    fresh.next()
    assert (await fresh.event())[0]["id"] == "after"
    fresh.respond("after", b"1")
    assert (await again).payload == b"1"
    assert stage.kinds().count(kinds.INIT_START) == 1  # a suppressed init has no INIT_START
    assert len(stage.sandboxes) == 1


async def _timed_out(stage: Stage, process: Process) -> InvocationResult:
    result = stage.submit("slow")
    await process.event()
    return await result


async def test_a_runtime_that_ends_while_nobody_uses_it_is_started_again_inside_the_next_invocation(
    stage: Stage,
) -> None:
    process = await ready(stage)
    (environment,) = stage.pool
    process.end(Exit(1, None))
    await stage.sandboxes[0].wait_asked("kill")
    first, second = stage.submit("one"), stage.submit("two")
    restarted, other = await stage.process(0), await stage.process(1)
    for each, request_id in ((restarted, "one"), (other, "two")):
        each.next()
        assert (await each.event())[0]["id"] == request_id
    restarted.respond("one")
    other.respond("two")
    await asyncio.gather(first, second)
    assert len(list(stage.pool)) == 2
    assert environment.invocations == 2


async def test_a_late_answer_to_an_earlier_invocation_is_refused(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("one")
    await process.event()
    process.respond("cold", b'"late"')
    process.respond("one", b'"mine"')
    assert (await result).payload == b'"mine"'


async def test_what_a_process_said_before_it_ended_counts(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("one")
    await process.event()
    process.print("last words")
    process.say(frames.ERROR, {"id": "one", "type": "Error"}, b'{"errorType":"Error"}')
    process.end(Exit(129, None))
    assert (await result).payload == b'{"errorType":"Error"}'
    await stage.wait_published(kinds.REPORT, 2)
    assert "last words" in stage.lines()
    assert stage.lines()[-1].endswith("Status: error\tError Type: Runtime.ExitError")


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (Exit(0, None), "Runtime exited without providing a reason"),
        (Exit(3, None), "Runtime exited with error: exit status 3"),
        (Exit(None, 9), "Runtime exited with error: signal: killed"),
        (Exit(None, 11), "Runtime exited with error: signal: segmentation fault"),
    ],
)
async def test_a_process_that_ends_inside_an_invocation_fails_it(stage: Stage, end: Exit, text: str) -> None:
    process = await ready(stage)
    result = stage.submit("one")
    await process.event()
    process.end(end)
    assert json.loads((await result).payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: one Error: {text}",
    }


async def test_a_failing_init_is_tried_twice_before_the_caller_sees_it(stage: Stage) -> None:
    result = stage.submit("one")
    for text in ("first", "second"):
        process = await stage.process()
        process.print(f"{text}\n")
        process.say(frames.INIT_ERROR, {"type": "Runtime.ImportModuleError"}, b'{"errorMessage":"no"}')
    assert (await result).payload == b'{"errorMessage":"no"}'
    shown = [re.sub(r"\d+\.\d\d ms", "N ms", line) for line in stage.lines()]
    assert shown[1:6] == [
        "first",
        "INIT_REPORT Init Duration: N ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError",
        "second",
        "INIT_REPORT Init Duration: N ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError",
        "START RequestId: one Version: $LATEST",
    ]
    assert shown[6] == "END RequestId: one"
    assert shown[7].endswith("\tStatus: error\tError Type: Runtime.ImportModuleError")


async def test_what_a_runtime_prints_after_its_init_error_comes_before_the_report(stage: Stage) -> None:
    result = stage.submit("one")
    for _ in range(2):
        process = await stage.process()
        process.say(frames.INIT_ERROR, {"type": "Error"}, b'{"errorType":"Error"}')
        await asyncio.sleep(0)
        process.print("its stack\n")
        process.end(Exit(1, None))
    await result
    told = [line.split(" ")[0] for line in stage.lines()]
    assert told == ["INIT_START", "its", "INIT_REPORT", "its", "INIT_REPORT", "START", "END", "REPORT"]


async def test_an_init_that_takes_too_long_is_repeated_inside_the_invocation(make_stage: MakeStage) -> None:
    stage = make_stage(init_seconds=0.01)
    result = stage.submit("one")
    await stage.process()
    await stage.wait_published(kinds.INIT_REPORT)
    process = await stage.process()
    process.next()
    await process.event()
    process.respond("one", b"1")
    assert (await result).payload == b"1"
    assert re.match(r"INIT_REPORT Init Duration: .* ms\tPhase: init\tStatus: timeout$", stage.lines()[1])


async def test_a_program_that_cannot_be_started_is_an_invalid_entrypoint(stage: Stage) -> None:
    stage.next_sandbox = ScriptedSandbox(refuses="fork/exec /var/task/bootstrap: no such file or directory")
    result = await stage.submit("one")
    assert json.loads(result.payload) == {
        "errorType": "Runtime.InvalidEntrypoint",
        "errorMessage": "RequestId: one Error: fork/exec /var/task/bootstrap: no such file or directory",
    }


async def test_a_response_over_the_limit_is_an_error_and_the_environment_goes_on(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("one")
    await process.event()
    await stage_send(process, "one", b"x" * 6_291_557)
    process.next()
    assert json.loads((await result).payload)["errorType"] == "Function.ResponseSizeTooLarge"
    await invoke_once(stage, process, "two")


async def test_a_streamed_response_is_collected_for_a_buffered_caller(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("one")
    await process.event()
    process.say(frames.STREAM_START, {"id": "one", "contentType": "text/plain"})
    process.say(frames.CHUNK, {"id": "one"}, b"half and ")
    process.say(frames.CHUNK, {"id": "one"}, b"half")
    process.say(frames.STREAM_END, {"id": "one"})
    process.next()
    assert (await result).payload == b"half and half"


async def test_a_stream_that_fails_is_an_error_for_a_buffered_caller(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("one")
    await process.event()
    process.say(frames.STREAM_START, {"id": "one"})
    process.say(frames.CHUNK, {"id": "one"}, b"half")
    process.say(frames.STREAM_END, {"id": "one", "type": "Error"}, b'{"errorType":"Error"}')
    process.next()
    assert (await result).payload == b'{"errorType":"Error"}'
    assert (await result).failed


async def stage_send(process: Process, request_id: str, body: bytes) -> None:
    frame = frames.encode(frames.RESPONSE, json.dumps({"id": request_id}).encode(), body)
    await asyncio.get_running_loop().sock_sendall(process._socket, frame)


async def test_output_of_work_left_behind_belongs_to_the_invocation_in_which_it_appears(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("two")
    await process.event()
    process.print("leaked\n")
    process.respond("two")
    process.next()
    await result
    leaked = [each for each in stage.records if each.type == kinds.FUNCTION]
    assert [each.request_id for each in leaked] == ["two"]


async def test_assigning_while_freezing_does_not_wait_for_the_freeze(stage: Stage) -> None:
    stage.next_sandbox = ScriptedSandbox(holds_freeze=asyncio.Event())
    result = stage.submit("cold")
    process = await stage.process()
    process.next()
    await process.event()
    process.respond("cold")
    process.next()
    await result
    await stage.sandboxes[0].wait_asked("freeze")
    await invoke_once(stage, process, "quick")
    assert stage.sandboxes[0].asked[:3] == ["start", "freeze", "thaw"]


async def test_an_invocation_that_comes_before_the_freeze_began_is_not_frozen(stage: Stage) -> None:
    process = await ready(stage)
    asked = stage.sandboxes[0].asked
    stage.submit("one")
    await process.event()
    process.respond("one")
    process.next()
    (environment,) = stage.pool
    await stage.wait_published(kinds.REPORT, 2)
    assert environment.state is State.FREEZING
    asked.clear()
    stage.submit("quick")
    await process.event()
    await asyncio.sleep(0)
    assert asked[-1] == "thaw"


async def test_a_retired_pool_lets_its_invocation_end_and_then_goes(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("one")
    await process.event()
    (environment,) = stage.pool
    stage.pool.retire()
    process.respond("one", b"1")
    process.next()
    assert (await result).payload == b"1"
    await environment.wait_stopped()
    assert stage.pool.empty
    assert stage.sandboxes[0].asked[-2:] == ["kill", "remove"]


async def test_an_idle_environment_is_shut_down_after_its_time(stage: Stage) -> None:
    await ready(stage)
    (environment,) = stage.pool
    assert stage.pool.stop_idle_since(environment.idle_since - 1) == environment.idle_since
    assert environment.state is State.FROZEN
    assert stage.pool.stop_idle_since(environment.idle_since) is None
    await environment.wait_stopped()
    assert stage.kinds()[-1] == kinds.ENVIRONMENT_STOPPED


async def test_an_abandoned_invocation_is_an_error_of_the_platform(stage: Stage) -> None:
    process = await ready(stage)
    result = stage.submit("one")
    await process.event()
    (environment,) = stage.pool
    stage.pool.abandon(lambda run: None)
    with pytest.raises(PlatformError, match="stopped before"):
        await result
    await environment.wait_stopped()


async def test_stopping_while_starting_leaves_nothing(stage: Stage) -> None:
    stage.submit("one")
    (environment,) = stage.pool
    stage.pool.abandon(lambda run: run.refuse(PlatformError("stopped")))
    await environment.wait_stopped()
    assert stage.pool.empty
    assert stage.sandboxes[0].asked[-1] == "remove"
