"""What a subscriber hears over the life of an environment: freezes, resets and the end. The extension is the test itself."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from tests.dataplane.http import ask, extension_next, register
from tests.dataplane.scripted import BOUND_S, Process, Stage
from tests.dataplane.subscriber import Subscriber, listening

from neve.dataplane.sandbox.sandbox import Exit
from neve.domain import record as kinds


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.close()


@pytest.fixture
async def subscriber() -> AsyncIterator[Subscriber]:
    async with listening() as made:
        yield made


async def subscribed(stage: Stage, subscriber: Subscriber) -> tuple[Process, "asyncio.Task[None]"]:
    """A runtime that has the invocation `one`, and an extension that is done with every event at once."""
    stage.submit("one")
    process = await stage.process()
    (sandbox,) = stage.sandboxes
    identifier = await register(sandbox, "inside")
    body = {
        "schemaVersion": "2022-12-13",
        "types": ["platform", "function"],
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{subscriber.port}"},
    }
    header = {"lambda-extension-identifier": identifier}
    assert (await ask(sandbox, "PUT", "/2022-07-01/telemetry", json.dumps(body).encode(), **header)).status == 200

    async def ask_for_events() -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                await asyncio.wait_for(extension_next(sandbox, identifier), BOUND_S)

    asking = asyncio.create_task(ask_for_events())
    process.next()
    await process.event()
    return process, asking


async def answered(stage: Stage, process: Process, request_id: str, frozen: int = 1) -> None:
    process.respond(request_id)
    process.next()
    await stage.wait_published(kinds.FREEZE, frozen)


def heard(subscriber: Subscriber) -> list[str]:
    return [event["type"].removeprefix("platform.") for event in subscriber.events]


INIT = ["initStart", "telemetrySubscription", "initRuntimeDone", "extension", "initReport"]


async def test_nothing_is_sent_into_a_frozen_environment_and_nothing_is_lost(
    stage: Stage, subscriber: Subscriber
) -> None:
    process, asking = await subscribed(stage, subscriber)
    stage.clock.advance(1)  # the time that events wait for others
    await subscriber.wait(6)
    assert heard(subscriber) == [*INIT, "start"]
    process.print("hello\n")
    await answered(stage, process, "one")
    stage.clock.advance(3600)
    await asyncio.sleep(0.05)  # were anything sent, it would come at once
    assert heard(subscriber) == [*INIT, "start"]
    stage.submit("two")
    await process.event()
    await subscriber.wait(9)
    assert heard(subscriber)[6:9] == ["function", "runtimeDone", "report"]
    await stage.close()
    await asking


async def test_the_last_is_sent_before_the_runtime_is_asked_to_go(stage: Stage, subscriber: Subscriber) -> None:
    process, asking = await subscribed(stage, subscriber)
    await answered(stage, process, "one")
    (environment,) = stage.pool
    environment.stop()
    await environment.wait_stopped()
    assert heard(subscriber) == [*INIT, "start", "runtimeDone", "report"]
    assert stage.sandboxes[0].asked == ["start", "freeze", "thaw", "signal 15", "signal 9", "kill", "remove"]
    await asking


async def test_after_a_reset_who_subscribed_before_is_told_nothing(stage: Stage, subscriber: Subscriber) -> None:
    process, asking = await subscribed(stage, subscriber)
    process.end(Exit(1, None))
    await stage.wait_published(kinds.REPORT)
    await asking
    stage.submit("two")
    again = await stage.process()
    again.next()
    await again.event()
    again.print("hello\n")
    await answered(stage, again, "two")
    stage.clock.advance(60)
    await asyncio.sleep(0.05)
    assert "two" not in json.dumps(subscriber.events)
