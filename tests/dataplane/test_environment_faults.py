"""When the machine refuses: no descriptors, processes that cannot be frozen or killed. The next invocation must find a way."""

import asyncio
import errno
import json
import socket
from collections.abc import AsyncIterator

import pytest
from tests.dataplane.scripted import BOUND_S, Process, ScriptedSandbox, Stage, make_function

from neve.dataplane import channel as frames
from neve.dataplane.sandbox.sandbox import Command, Exit
from neve.domain import record as kinds
from neve.domain.errors import SandboxFailed
from neve.domain.invocation import InvocationResult, Status
from neve.domain.record import Record


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    async with asyncio.timeout(BOUND_S):
        await made.close()


def refuse(*_: object) -> None:
    raise OSError(errno.EMFILE, "Too many open files")


async def answered(stage: Stage, request_id: str, index: int = 0) -> None:
    """Invoke it in the environment that is there, whose processes start anew."""
    result = stage.submit(request_id)
    process = await stage.process(index)
    process.next()
    await process.event()
    process.respond(request_id, b'"well"')
    process.next()
    assert (await result).payload == b'"well"'


async def test_a_start_without_descriptors_fails_and_the_next_one_is_as_any_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", refuse)
        failed = await asyncio.wait_for(stage.submit("without"), BOUND_S)
    assert failed.status is Status.ERROR
    assert b"too many open files" in failed.payload
    await answered(stage, "with")


class Unkillable(ScriptedSandbox):
    """The first kill fails in a way that nobody has thought of."""

    failure: Exception | None = None

    async def kill(self) -> None:
        await super().kill()
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure


@pytest.mark.parametrize(
    "failure", [SandboxFailed("they do not end"), TimeoutError(), OSError(errno.ENODEV, "gone"), KeyError("x")]
)
async def test_a_kill_that_fails_costs_the_environment_and_not_the_invocation(stage: Stage, failure: Exception) -> None:
    sandbox = stage.next_sandbox = Unkillable()
    sandbox.failure = failure
    result = stage.submit("one")
    (await stage.process()).end(Exit(1, None))
    await sandbox.wait_asked("remove")
    process = await stage.process(1)
    process.next()
    await process.event()
    process.respond("one")
    process.next()
    assert (await result).status is Status.SUCCESS


class Unthawable(ScriptedSandbox):
    """The first thaw fails."""

    refused = False

    def thaw(self) -> None:
        if not self.refused:
            self.refused = True
            raise OSError(errno.ENODEV, "gone")


async def test_an_invocation_whose_environment_does_not_thaw_fails_and_the_next_one_starts_clean(stage: Stage) -> None:
    stage.next_sandbox = Unthawable()
    await answered(stage, "one")
    await stage.wait_published(kinds.FREEZE)
    failed = await asyncio.wait_for(stage.submit("two"), BOUND_S)
    assert failed.status is Status.ERROR
    assert b'"Sandbox.Failure"' in failed.payload
    await answered(stage, "three")


class Unremovable(ScriptedSandbox):
    """What it had of the machine stays."""

    failure: Exception

    async def remove(self) -> None:
        await super().remove()
        raise self.failure


@pytest.mark.parametrize("failure", [SandboxFailed("the cgroup could not be removed"), KeyError("x")])
async def test_an_environment_that_cannot_be_removed_is_gone_all_the_same(stage: Stage, failure: Exception) -> None:
    sandbox = stage.next_sandbox = Unremovable()
    sandbox.failure = failure
    await answered(stage, "one")
    (environment,) = stage.pool
    stage.pool.retire()
    await asyncio.wait_for(environment.wait_stopped(), BOUND_S)
    assert stage.pool.empty


class Unfreezable(ScriptedSandbox):
    """Freezing fails, and so slowly does what follows that an invocation comes in between."""

    async def freeze(self) -> None:
        await super().freeze()
        raise SandboxFailed("it does not stand still")

    async def remove(self) -> None:
        await asyncio.sleep(0.01)
        await super().remove()


async def test_an_invocation_that_comes_while_an_environment_fails_to_freeze_is_answered(stage: Stage) -> None:
    sandbox = stage.next_sandbox = Unfreezable()
    await answered(stage, "one")
    await sandbox.wait_asked("kill")
    await answered(stage, "two")
    assert stage.finished == ["one", "two"]


class Slow(ScriptedSandbox):
    """A start that takes a turn of the loop in which the runtime already asks for its first event."""

    async def start(
        self, command: Command, channel: socket.socket, output: int, extension_output: int | None = None
    ) -> None:
        await super().start(command, channel, output, extension_output)
        self.processes[-1].next()
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_runtime_that_is_ready_before_its_start_returned_is_ready(stage: Stage) -> None:
    stage.next_sandbox = Slow()
    result = stage.submit("one")
    process = await stage.process()
    await process.event()
    process.respond("one")
    process.next()
    assert (await result).status is Status.SUCCESS
    await stage.wait_published(kinds.FREEZE)
    assert stage.kinds().count(kinds.INIT_REPORT) == 1


async def test_only_the_first_init_error_counts(stage: Stage) -> None:
    result = stage.submit("one")
    for text in (b'"first time"', b'"second time"'):
        process = await stage.process()
        process.say(frames.INIT_ERROR, {"type": "Runtime.First"}, text)
        process.say(frames.INIT_ERROR, {"type": "Runtime.Second"}, b'"another"')
        process.end(Exit(1, None))
    assert (await result).payload == b'"second time"'


class Fault(Exception):
    """One of ours, where nobody expects one."""


def failing_to_tell(stage: Stage, kind: str) -> None:
    """From now on no record of this type can be told."""
    publish = stage.publish

    def tell(record: Record) -> None:
        if record.type == kind:
            raise Fault(kind)
        publish(record)

    stage.publish = tell  # type: ignore[method-assign]


async def begun(
    stage: Stage, request_id: str, wants_log_tail: bool = False
) -> tuple[Process, "asyncio.Future[InvocationResult]"]:
    """An invocation that runs in a new environment."""
    result = stage.submit(request_id, wants_log_tail)
    process = await stage.process()
    process.next()
    await process.event()
    return process, result


async def test_what_is_told_of_calls_costs_no_invocation(stage: Stage) -> None:
    failing_to_tell(stage, kinds.CALL)
    process, result = await begun(stage, "one")
    call = {
        "id": "a.1",
        "origin": "one",
        "method": "GET",
        "to": "http://a",
        "path": "/",
        "ago": 1,
        "took": 1,
        "sent": True,
    }
    said = [(frames.RESPONSE, {"id": "one"}), (frames.CALLS, {"at": 1, "calls": [call]}), (frames.NEXT, {})]
    process.write(b"".join(frames.encode(kind, json.dumps(header).encode()) for kind, header in said))
    assert (await result).status is Status.SUCCESS
    await stage.wait_published(kinds.FREEZE)
    assert kinds.CALL not in stage.kinds()


@pytest.mark.parametrize("kind", [kinds.RUNTIME_DONE, kinds.END, kinds.REPORT])
@pytest.mark.parametrize("wants_log_tail", [False, True])
async def test_an_invocation_whose_end_cannot_be_told_is_answered_and_the_next_one_starts_clean(
    stage: Stage, kind: str, wants_log_tail: bool
) -> None:
    publish = stage.publish
    failing_to_tell(stage, kind)
    process, result = await begun(stage, "one", wants_log_tail)
    process.respond("one", b'"well"')
    process.next()
    assert (await asyncio.wait_for(result, BOUND_S)).payload == b'"well"'
    await stage.sandboxes[0].wait_asked("kill")
    stage.publish = publish  # type: ignore[method-assign]
    await answered(stage, "two")
    assert stage.finished == ["one", "two"]


async def test_a_runtime_that_answers_and_never_asks_again_is_ended_when_its_time_is_over() -> None:
    stage = Stage(make_function(timeout_s=1))
    process, result = await begun(stage, "one", wants_log_tail=True)
    process.respond("one", b'"well"')
    answer = await asyncio.wait_for(result, BOUND_S)
    assert answer.payload == b'"well"'
    assert b"Status: timeout" in (answer.log_tail or b"")
    await stage.sandboxes[0].wait_asked("kill")
    await answered(stage, "two")
    await stage.close()


async def test_time_is_over_even_when_the_last_output_cannot_be_told() -> None:
    stage = Stage(make_function(timeout_s=1))
    process, result = await begun(stage, "one")
    failing_to_tell(stage, kinds.FUNCTION)
    process.print("no end of a line")
    failed = await asyncio.wait_for(result, BOUND_S)
    assert failed.status is Status.TIMEOUT
    await stage.sandboxes[0].wait_asked("kill")
    await stage.close()


async def test_an_environment_that_fails_to_be_made_keeps_nobody_waiting(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(stage.feed, "attach", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            await asyncio.wait_for(stage.submit("one"), BOUND_S)
    await answered(stage, "two", 1)
    assert stage.finished == ["one", "two"]
