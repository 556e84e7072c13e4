"""External extensions in the life of an environment: the processes are played by the test, its time is short."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator

import pytest
from tests.dataplane.http import Reply, ask, extension_next, register
from tests.dataplane.scripted import BOUND_S, Process, ScriptedSandbox, Stage, make_function

from neve.dataplane import environment as live
from neve.dataplane.sandbox.sandbox import Exit
from neve.domain import record as kinds
from neve.domain import shutdown
from neve.domain.environment import State
from neve.domain.errors import ExtensionRefused
from neve.domain.shutdown import Budget

BOTH = b'["INVOKE","SHUTDOWN"]'
SHUTDOWN = b'["SHUTDOWN"]'
ASK = f"signal {signal.SIGTERM}"
KILL = f"signal {signal.SIGKILL}"


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown, "_EXTERNAL", Budget(0.05, 0.3))
    monkeypatch.setattr(shutdown, "_INTERNAL", Budget(0.05, 0.05))
    monkeypatch.setattr(live, "_EXIT_AFTER_ERROR_S", 0.01)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage(make_function(timeout_s=1))
    made.extensions = ["beside"]
    yield made
    async with asyncio.timeout(BOUND_S):
        await made.close()


class Party:
    """One registered extension, which asks for its events."""

    def __init__(self, sandbox: ScriptedSandbox, name: str, identifier: str) -> None:
        self.sandbox = sandbox
        self.name = name
        self.identifier = identifier
        self.asking = self._ask()

    async def event(self) -> dict[str, object]:
        """What it is told next; then it asks again."""
        told: dict[str, object] = json.loads((await self.asking).body)
        if told["eventType"] == "INVOKE":
            self.asking = self._ask()
        return told

    def leave(self, status: int = 0) -> None:
        self.sandbox.end_extension(self.name, Exit(status, None))

    def _ask(self) -> "asyncio.Task[Reply]":
        task = asyncio.create_task(extension_next(self.sandbox, self.identifier))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # its connection may be cut
        return task


async def join(sandbox: ScriptedSandbox, name: str = "beside", events: bytes = BOTH) -> Party:
    return Party(sandbox, name, await register(sandbox, name, events))


async def frozen(stage: Stage, events: bytes = BOTH) -> tuple[Process, list[Party]]:
    """An environment with its extensions that has answered its first invocation."""
    result = stage.submit("cold")
    process = await stage.process()
    (sandbox,) = stage.sandboxes
    parties = [await join(sandbox, name, events) for name in stage.extensions]
    process.next()
    await process.event()
    for party in parties:
        if b"INVOKE" in events:
            await party.event()
    process.respond("cold")
    process.next()
    await result
    await stage.wait_published(kinds.FREEZE)
    sandbox.asked.clear()
    return process, parties


async def stopped(stage: Stage) -> list[str]:
    """What was asked of the sandbox until nothing was left of the environment."""
    (environment,) = stage.pool
    await asyncio.wait_for(environment.wait_stopped(), BOUND_S)
    return stage.sandboxes[0].asked


# Init


async def test_the_runtime_starts_when_every_external_extension_has_registered(stage: Stage) -> None:
    stage.extensions = ["one", "two"]
    stage.submit("cold")
    await stage.process()
    (sandbox,) = stage.sandboxes
    await join(sandbox, "one")
    await join(sandbox, "inside", b'["INVOKE"]')  # an internal one cannot be there yet; it does not count
    assert sandbox.asked == ["start"]
    await join(sandbox, "two")
    assert sandbox.asked == ["start", "go"]


async def test_a_runtime_without_extensions_is_not_held(stage: Stage) -> None:
    stage.extensions = []
    stage.submit("cold")
    process = await stage.process()
    process.next()
    await process.event()
    assert stage.sandboxes[0].asked == ["start"]


@pytest.mark.parametrize(
    ("end", "text"), [(Exit(0, None), "exit code 0"), (Exit(3, None), "exit code 3"), (Exit(None, 9), "signal: killed")]
)
async def test_an_extension_that_ends_before_it_registers_fails_the_init_twice(
    stage: Stage, end: Exit, text: str
) -> None:
    result = stage.submit("one")
    for _ in range(2):
        await stage.process()
        stage.sandboxes[0].end_extension("beside", end)
    assert json.loads((await result).payload) == {
        "errorType": "Extension.Crash",
        "errorMessage": f"RequestId: one Error: {text}",
    }
    assert "go" not in stage.sandboxes[0].asked
    assert [record.record["status"] for record in stage.records if record.type == kinds.INIT_REPORT] == ["error"] * 2


async def test_an_extension_that_says_it_fails_and_stays_is_not_waited_for(stage: Stage) -> None:
    result = stage.submit("one")
    for _ in range(2):
        await stage.process()
        (sandbox,) = stage.sandboxes
        identifier = await register(sandbox, "beside", BOTH)
        headers = {"lambda-extension-function-error-type": "Extension.NoKey", "lambda-extension-identifier": identifier}
        await ask(sandbox, "POST", "/2020-01-01/extension/init/error", b"{}", **headers)
    assert json.loads((await result).payload) == {
        "errorType": "Extension.InitError",
        "errorMessage": "RequestId: one Error: Extension.NoKey",
    }


async def test_an_extension_that_cannot_be_started_is_a_launch_error(stage: Stage) -> None:
    text = "fork/exec /opt/extensions/beside: permission denied"
    stage.next_sandbox = ScriptedSandbox(refuses=ExtensionRefused("beside", text, "PermissionDenied"))
    result = await stage.submit("one")
    assert json.loads(result.payload) == {
        "errorType": "Extension.LaunchError",
        "errorMessage": f"RequestId: one Error: {text}",
    }
    assert stage.told(kinds.PLATFORM_EXTENSION) == {
        "name": "beside",
        "state": "LaunchError",
        "events": [],
        "errorType": "PermissionDenied",
    }


async def test_an_eleventh_extension_is_a_launch_error(stage: Stage) -> None:
    stage.extensions = [f"extension-{number:02}" for number in range(11)]
    result = json.loads((await stage.submit("one")).payload)
    assert result["errorType"] == "Extension.LaunchError"
    assert result["errorMessage"].endswith("Error: Extension limit (10) reached")
    assert stage.told(kinds.PLATFORM_EXTENSION)["name"] == "extension-10"


# Invocations


async def test_what_an_extension_prints_is_told_apart(stage: Stage) -> None:
    process, _ = await frozen(stage)
    stage.submit("one")
    await process.event()
    process.print("mine\n")
    process.print_beside("of the extension\n")
    process.respond("one")
    process.next()
    await stage.wait_published(kinds.EXTENSION)
    printed = [(record.type, record.record["text"]) for record in stage.records if record.type in kinds.PRINTED]
    assert set(printed) == {("function", "mine"), ("extension", "of the extension")}


async def test_an_extension_that_ends_in_an_invocation_fails_it_and_the_others_are_told(stage: Stage) -> None:
    stage.extensions = ["beside", "other"]
    process, (beside, other) = await frozen(stage)
    result = stage.submit("one")
    await process.event()
    assert (await beside.event())["eventType"] == (await other.event())["eventType"] == "INVOKE"
    beside.leave(2)
    assert json.loads((await result).payload)["errorType"] == "Extension.Crash"
    told = await other.event()
    assert (told["eventType"], told["shutdownReason"]) == ("SHUTDOWN", "failure")
    other.leave()
    await stage.sandboxes[0].wait_asked("kill")
    assert stage.sandboxes[0].asked == ["thaw", KILL, "kill"]


async def test_an_extension_that_ends_while_nothing_runs_costs_the_next_invocation_an_init(stage: Stage) -> None:
    stage.settings = stage.settings.__class__(**{**stage.settings.__dict__, "freeze_grace_ms": 60_000})
    result = stage.submit("cold")
    process = await stage.process()
    (sandbox,) = stage.sandboxes
    party = await join(sandbox)
    process.next()
    await process.event()
    await party.event()
    process.respond("cold")
    process.next()
    await result
    await stage.wait_published(kinds.REPORT)
    party.leave()
    await sandbox.wait_asked("kill")
    again = stage.submit("again")
    fresh = await stage.process()
    await join(sandbox)
    fresh.next()
    await fresh.event()
    fresh.respond("again", b"1")
    assert (await again).payload == b"1"
    assert stage.lines()[-1].startswith("START")


async def test_a_timeout_is_answered_while_extensions_have_their_time(stage: Stage) -> None:
    process, (party,) = await frozen(stage)
    result = stage.submit("slow")
    await process.event()
    await party.event()
    assert (await result).error_type == "Sandbox.Timedout"
    (environment,) = stage.pool
    assert environment.state is State.RESETTING
    told = await party.event()
    assert (told["eventType"], told["shutdownReason"]) == ("SHUTDOWN", "timeout")
    stage.submit("meanwhile")  # does not wait for the reset
    await stage.process(1)
    party.leave()
    await stage.sandboxes[0].wait_asked("kill")
    assert stage.sandboxes[0].asked == ["thaw", KILL, "kill"]


async def test_an_extension_that_does_not_ask_again_times_the_invocation_out_after_its_answer(stage: Stage) -> None:
    process, _ = await frozen(stage)
    result = stage.submit("one")
    await process.event()
    process.respond("one", b"1")
    process.next()
    assert (await result).payload == b"1"  # its INVOKE lies there, and it never asks again
    await stage.wait_published(kinds.REPORT, 2)
    assert stage.told(kinds.REPORT)["status"] == "timeout"


# Shutting down


async def test_without_extensions_everything_is_killed_at_once_and_frozen(stage: Stage) -> None:
    stage.extensions = []
    await frozen(stage)
    stage.pool.retire()
    assert await stopped(stage) == ["kill", "remove"]


async def test_with_an_internal_extension_the_runtime_is_asked_then_killed(stage: Stage) -> None:
    stage.extensions = []
    result = stage.submit("cold")
    process = await stage.process()
    (sandbox,) = stage.sandboxes
    inside = await join(sandbox, "inside", b'["INVOKE"]')
    process.next()
    await process.event()
    await inside.event()
    process.respond("cold")
    process.next()
    await result
    await stage.wait_published(kinds.FREEZE)
    sandbox.asked.clear()
    began = time.monotonic()
    stage.pool.retire()
    assert await stopped(stage) == ["thaw", ASK, KILL, "kill", "remove"]
    assert time.monotonic() - began >= 0.05


async def test_a_runtime_that_goes_when_asked_is_not_waited_for_longer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown, "_EXTERNAL", Budget(BOUND_S * 2, BOUND_S * 3))
    process, (party,) = await frozen(stage)
    stage.pool.retire()
    await stage.sandboxes[0].wait_asked(ASK)
    process.end(Exit(0, None))
    told = await party.event()
    assert (told["eventType"], told["shutdownReason"]) == ("SHUTDOWN", "spindown")
    deadline_ms = told["deadlineMs"]
    assert isinstance(deadline_ms, int)
    assert time.time() * 1000.0 < deadline_ms <= (time.time() + BOUND_S * 3) * 1000.0
    party.leave()
    assert (await stopped(stage))[-2:] == ["kill", "remove"]


async def test_extensions_that_did_not_register_for_shutdown_are_killed(stage: Stage) -> None:
    process, _ = await frozen(stage, b'["INVOKE"]')
    stage.pool.retire()
    await stage.sandboxes[0].wait_asked(ASK)
    process.end(Exit(0, None))
    assert await stopped(stage) == ["thaw", ASK, KILL, f"{KILL} beside", "kill", "remove"]


async def test_an_extension_that_does_not_go_has_the_whole_time_and_no_more(stage: Stage) -> None:
    _, (party,) = await frozen(stage)
    began = time.monotonic()
    stage.pool.retire()
    await party.event()
    assert await stopped(stage) == ["thaw", ASK, KILL, "kill", "remove"]
    assert 0.3 <= time.monotonic() - began < BOUND_S


async def test_stopping_in_the_init_phase_gives_time_to_who_has_registered(stage: Stage) -> None:
    stage.submit("cold")
    await stage.process()
    (sandbox,) = stage.sandboxes
    party = await join(sandbox)
    (environment,) = stage.pool
    environment.stop()
    assert (await party.event())["shutdownReason"] == "spindown"
    party.leave()
    assert (await stopped(stage))[-2:] == ["kill", "remove"]


async def test_stopping_while_extensions_have_their_time_does_not_give_it_twice(stage: Stage) -> None:
    process, (party,) = await frozen(stage)
    result = stage.submit("one")
    await process.event()
    await party.event()
    process.end(Exit(1, None))
    assert (await result).error_type == "Runtime.ExitError"
    (environment,) = stage.pool
    environment.stop()
    assert (await party.event())["shutdownReason"] == "failure"
    party.leave()
    assert await stopped(stage) == ["thaw", "kill", "remove"]
