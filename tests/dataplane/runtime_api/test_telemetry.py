"""Telemetry on its way: the doors, batches over HTTP and TCP, and to subscribers that do not take them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.dataplane.runtime_api.stage import BOUND_S, Stage
from tests.dataplane.runtime_api.stage import subscriptions as make_subscriptions
from tests.dataplane.subscriber import listening

from neve.clock import Clock
from neve.dataplane.runtime_api import outbox
from neve.dataplane.runtime_api.subscription import Api, Subscription
from neve.dataplane.runtime_api.subscriptions import Feed, Subscriptions
from neve.dataplane.runtime_api.telemetry_event import render_event_for
from neve.domain import record as kinds
from neve.domain.record import Origin, Record
from neve.domain.world import World

TELEMETRY = "/2022-07-01/telemetry"
LOGS = "/2020-08-15/logs"
ORIGIN = Origin(World(), "f", "$LATEST", "env", "/aws/lambda/f", "stream")


def function(text: str, log_format: str = "Text", environment: str = "env") -> Record:
    origin = Origin(World(), "f", "$LATEST", environment, "/aws/lambda/f", "stream", log_format)
    return Record(kinds.FUNCTION, 1_700_000_000_123.0, origin, None, {"text": text, "level": None})


def platform(kind: str, **members: Any) -> Record:
    return Record(kind, 1_700_000_000_123.0, ORIGIN, None, members)


def subscription(port: int = 1, path: str | None = "/", **changed: Any) -> Subscription:
    values: dict[str, Any] = {
        "api": Api.TELEMETRY,
        "schema": "2022-12-13",
        "types": ("platform", "function", "extension"),
        "max_items": 1_000,
        "max_bytes": 262_144,
        "timeout_ms": 25,
    }
    return Subscription(port=port, path=path, **{**values, **changed})


def ignore(dropped: object) -> None:
    """Nobody asks what was dropped."""


@pytest.fixture
async def subscriptions() -> AsyncIterator[Subscriptions]:
    made = make_subscriptions()
    yield made
    await made.stop()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts that follow each other at once, and end soon."""
    monkeypatch.setattr(outbox, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(outbox, "ATTEMPT_S", 0.2)


# The doors


@pytest.mark.parametrize("path", [TELEMETRY, f"{TELEMETRY}/", LOGS])
async def test_subscribing_needs_an_extension(stage: Stage, path: str) -> None:
    answer = await stage.call("PUT", path, b"{}")
    text = "Missing Lambda-Extension-Identifier header"
    assert answer.refused == (403, "Extension.MissingExtensionIdentifier", text)


@pytest.mark.parametrize(("path", "code"), [(TELEMETRY, "ValidationError"), (LOGS, "Logs.ValidationError")])
async def test_wrong_subscriptions_are_refused(stage: Stage, path: str, code: str) -> None:
    agent = await stage.registered()
    schema = "2022-12-13" if path == TELEMETRY else "2020-08-15"
    destination = {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}
    body = json.dumps({"schemaVersion": schema, "types": [], "destination": destination})
    answer = await stage.call("PUT", path, body.encode(), agent)
    assert answer.refused == (400, code, "URI port is not provided; types should not be empty")
    assert "subscribed" not in stage.told.names()


async def test_nobody_subscribes_after_the_init_phase(stage: Stage) -> None:
    agent = await stage.registered()
    (await stage.connect()).send("GET", "/2020-01-01/extension/event/next", None, agent)
    await stage.told.wait("extension_waits")
    stage.api.runtime_asked_by_frame()
    answer = await stage.call("PUT", TELEMETRY, b"{}", agent)
    assert answer.refused == (403, "Telemetry.SubscriptionClosed", "Telemetry API subscription closed already")


@pytest.mark.parametrize(("path", "schema"), [(TELEMETRY, "2022-12-13"), (LOGS, "2021-03-18")])
async def test_a_subscriber_gets_what_is_told(stage: Stage, path: str, schema: str) -> None:
    async with listening() as subscriber:
        agent = await stage.registered("agent")
        body = {
            "schemaVersion": schema,
            "types": ["function"],
            "buffering": {"timeoutMs": 25},
            "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{subscriber.port}/x"},
        }
        answer = await stage.call("PUT", path, json.dumps(body).encode(), agent)
        assert (answer.status, answer.body) == (200, b"OK")
        told = stage.told.calls[-1][1]
        assert (told.extension.name, told.api, told.types) == ("agent", path[12:], ("function",))
        stage.subscriptions.take(function("hello"))
        await subscriber.wait(1)
        assert subscriber.events == [{"time": "2023-11-14T22:13:20.123Z", "type": "function", "record": "hello"}]


@pytest.mark.parametrize(("first", "second"), [(TELEMETRY, LOGS), (LOGS, TELEMETRY)])
async def test_an_extension_uses_one_of_the_two_apis(stage: Stage, first: str, second: str) -> None:
    agent = await stage.registered()
    schemas = {TELEMETRY: "2022-12-13", LOGS: "2021-03-18"}
    destination = {"protocol": "TCP", "port": 1}
    statuses = []
    for path in (first, first, second):
        body = json.dumps({"schemaVersion": schemas[path], "types": ["platform"], "destination": destination})
        statuses.append((await stage.call("PUT", path, body.encode(), agent)).status)
    assert statuses == [200, 200, 403]


# What is told


def rendered(record: Record, **changed: Any) -> Any:
    event = render_event_for(record, subscription(**changed))
    return None if event is None else json.loads(event)


def test_records_are_events_of_the_telemetry_api() -> None:
    record = platform(kinds.START, requestId="r", functionArn="a", version="1")
    assert rendered(record) == {
        "time": "2023-11-14T22:13:20.123Z",
        "type": "platform.start",
        "record": {"requestId": "r", "functionArn": "a", "version": "1"},
    }


@pytest.mark.parametrize("kind", [kinds.FREEZE, kinds.THAW, kinds.ENVIRONMENT_STARTED])
def test_our_own_records_are_not_sent(kind: str) -> None:
    assert rendered(platform(kind)) is None


def test_only_the_types_that_were_asked_for_are_sent() -> None:
    assert rendered(function("x"), types=("platform",)) is None
    assert rendered(platform(kinds.START, requestId="r"), types=("function",)) is None


@pytest.mark.parametrize(
    ("log_format", "text", "sent"),
    [
        ("JSON", '{"a":1}', {"a": 1}),
        ("JSON", "{broken", "{broken"),
        ("JSON", "[1]", "[1]"),
        ("JSON", '{"a":NaN}', '{"a":NaN}'),
        ("Text", '{"a":1}', '{"a":1}'),
    ],
)
def test_json_lines_are_objects_with_the_json_format(log_format: str, text: str, sent: Any) -> None:
    assert rendered(function(text, log_format))["record"] == sent


def test_the_first_schema_knows_no_json_lines() -> None:
    assert rendered(function('{"a":1}', "JSON"), schema="2022-07-01")["record"] == '{"a":1}'


METRICS = {"metrics": {"durationMs": 1}, "status": "success", "tracing": {}}
LOGS_2021 = {"api": Api.LOGS, "schema": "2021-03-18"}


@pytest.mark.parametrize(
    ("record", "telemetry", "logs"),
    [
        (platform(kinds.INIT_START, phase="init"), {"phase": "init"}, None),
        (platform(kinds.INIT_RUNTIME_DONE, phase="init"), {"phase": "init"}, None),
        (platform(kinds.INIT_REPORT, phase="init"), {"phase": "init"}, None),
        (
            platform(kinds.START, requestId="r", version="1", functionArn="a"),
            {"requestId": "r", "version": "1", "functionArn": "a"},
            {"requestId": "r", "version": "1"},
        ),
        (
            platform(kinds.RUNTIME_DONE, requestId="r", **METRICS),
            {"requestId": "r", **METRICS},
            {"requestId": "r", "status": "success"},
        ),
        (platform(kinds.END, requestId="r"), None, {"requestId": "r"}),
        (
            platform(kinds.REPORT, requestId="r", **METRICS),
            {"requestId": "r", **METRICS},
            {"requestId": "r", "metrics": {"durationMs": 1}},
        ),
        (platform(kinds.FAULT, text="RequestId: r Error: x"), None, "RequestId: r Error: x"),
        (platform(kinds.PLATFORM_EXTENSION, name="e"), {"name": "e"}, {"name": "e"}),
        (platform(kinds.TELEMETRY_SUBSCRIPTION, name="e"), {"name": "e"}, None),
        (platform(kinds.LOGS_SUBSCRIPTION, name="e"), None, {"name": "e"}),
        (platform(kinds.LOGS_DROPPED, droppedRecords=1), None, None),  # the outbox of who missed them tells
        (function('{"a":1}', "JSON"), {"a": 1}, '{"a":1}'),
    ],
    ids=lambda given: given.type if isinstance(given, Record) else "",
)
def test_what_each_api_tells_of_a_record(record: Record, telemetry: Any, logs: Any) -> None:
    assert (rendered(record) or {}).get("record") == telemetry
    assert (rendered(record, **LOGS_2021) or {}).get("record") == logs


def test_the_first_schema_of_the_logs_api_knows_no_runtime_done() -> None:
    done = platform(kinds.RUNTIME_DONE, requestId="r", status="success", metrics={})
    assert rendered(done, api=Api.LOGS, schema="2020-08-15") is None


# Batches


async def test_events_are_delivered_in_order_after_the_time_limit(subscriptions: Subscriptions) -> None:
    async with listening() as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        for number in range(5):
            subscriptions.take(function(str(number)))
        await subscriber.wait(5)
        assert [event["record"] for event in subscriber.events] == list("01234")
        assert len(subscriber.batches) == 1


async def test_a_full_batch_goes_at_once(subscriptions: Subscriptions) -> None:
    async with listening() as subscriber:
        subscriptions.add("a", subscription(subscriber.port, timeout_ms=30_000))
        for number in range(1_000):
            subscriptions.take(function(str(number)))
        await subscriber.wait(1_000)
        assert [len(batch) for batch in subscriber.batches] == [1_000]


async def test_a_batch_keeps_to_its_bytes(subscriptions: Subscriptions) -> None:
    async with listening() as subscriber:
        subscriptions.add("a", subscription(subscriber.port, timeout_ms=30_000))
        for _ in range(6):
            subscriptions.take(function("x" * 100_000))
        await subscriptions.flush(BOUND_S)
        assert [len(batch) for batch in subscriber.batches] == [2, 2, 2]


async def test_one_connection_is_kept(subscriptions: Subscriptions) -> None:
    async with listening() as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        for number in range(3):
            subscriptions.take(function(str(number)))
            await subscriptions.flush(BOUND_S)
        assert (len(subscriber.batches), subscriber.connections) == (3, 1)


async def test_a_subscriber_that_closes_each_time_loses_nothing(subscriptions: Subscriptions, hurried: None) -> None:
    async with listening(closes=True) as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        for number in range(3):
            subscriptions.take(function(str(number)))
            await subscriptions.flush(BOUND_S)
        assert [event["record"] for event in subscriber.events] == list("012")


async def test_tcp_gets_a_line_for_each_event(subscriptions: Subscriptions) -> None:
    async with listening(tcp=True) as subscriber:
        subscriptions.add("a", subscription(subscriber.port, path=None))
        subscriptions.take(function("one\ntwo"))
        subscriptions.take(function("three"))
        await subscriber.wait(2)
        assert [event["record"] for event in subscriber.events] == ["one\ntwo", "three"]


async def test_what_happened_before_the_subscription_is_told(subscriptions: Subscriptions) -> None:
    async with listening() as subscriber:
        subscriptions.take(platform(kinds.INIT_START, phase="init"))
        subscriptions.add("a", subscription(subscriber.port))
        await subscriber.wait(1)
        assert subscriber.events[0]["type"] == "platform.initStart"


async def test_a_talkative_init_keeps_bounded_memory(subscriptions: Subscriptions) -> None:
    async with listening() as subscriber:
        for number in range(40):
            subscriptions.take(function(f"{number} " + "x" * 100_000))
        subscriptions.add("a", subscription(subscriber.port))
        await subscriptions.flush(BOUND_S)
        assert len(subscriber.events) == 10
        assert subscriber.events[-1]["record"].startswith("39 ")


async def test_subscribing_again_replaces(subscriptions: Subscriptions) -> None:
    async with listening() as first, listening() as second:
        subscriptions.add("a", subscription(first.port))
        subscriptions.add("a", subscription(second.port))
        subscriptions.take(function("x"))
        await second.wait(1)
        assert first.events == []


async def test_a_refused_batch_is_sent_again(subscriptions: Subscriptions, hurried: None) -> None:
    async with listening(statuses=[500, 503]) as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        subscriptions.take(function("x"))
        await subscriptions.flush(BOUND_S)
        assert [event["record"] for event in subscriber.events] == ["x", "x", "x"]


async def test_a_batch_that_nobody_takes_is_dropped_and_told(subscriptions: Subscriptions, hurried: None) -> None:
    async with listening(statuses=[500, 500, 500]) as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        subscriptions.take(function("lost"))
        await subscriptions.flush(BOUND_S)
        subscriptions.take(function("kept"))
        await subscriptions.flush(BOUND_S)
        dropped, kept = subscriber.batches[-1]
        assert dropped["type"] == "platform.logsDropped"
        lost = len(render_event_for(function("lost"), subscription()) or b"")
        assert (dropped["record"]["droppedRecords"], dropped["record"]["droppedBytes"]) == (1, lost)
        assert kept["record"] == "kept"


async def test_a_subscriber_that_never_answers_costs_bounded_memory(subscriptions: Subscriptions) -> None:
    async with listening(silent=True) as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        for number in range(10_000):
            subscriptions.take(function(str(number)))
        await subscriber.wait(1_000)
        assert subscriber.events[0]["record"]["droppedRecords"] == 10_000 - outbox.HELD_BATCHES * 1_000
        assert subscriber.connections == 1


async def test_what_is_dropped_is_told_on_our_side_too(hurried: None) -> None:
    told: list[Any] = []
    made = Feed(Clock()).attach("env", "127.0.0.1", told.append)
    async with listening(statuses=[500, 500, 500]) as subscriber:
        made.add("a", subscription(subscriber.port))
        made.take(function("lost"))
        await made.flush(BOUND_S)
        assert told == []
        made.take(function("kept"))
        await made.flush(BOUND_S)
        made.take(function("never sent"))
        await made.stop()
    assert [each["droppedRecords"] for each in told] == [1, 1]


async def test_an_attempt_has_a_time_limit(subscriptions: Subscriptions, hurried: None) -> None:
    async with listening(silent=True) as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        subscriptions.take(function("x"))
        await subscriptions.flush(BOUND_S)
        assert len(subscriber.batches) == outbox.ATTEMPTS


async def test_nothing_is_sent_to_the_frozen_and_all_after_the_thaw(subscriptions: Subscriptions) -> None:
    async with listening() as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        subscriptions.pause()
        subscriptions.take(function("x"))
        await subscriptions.flush(BOUND_S)
        assert subscriber.connections == 0
        subscriptions.resume()
        await subscriber.wait(1)


async def test_a_delivery_that_freezes_is_not_repeated(subscriptions: Subscriptions, hurried: None) -> None:
    async with listening(silent=True) as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        subscriptions.take(function("x"))
        await subscriber.wait(1)
        subscriptions.pause()
        done = asyncio.create_task(subscriptions.flush(BOUND_S))
        await asyncio.wait({done}, timeout=2 * outbox.ATTEMPT_S)  # longer than an attempt may take
        assert not done.done()
        assert len(subscriber.batches) == 1
        subscriptions.resume()
        subscriber.writers[0].write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await done
        assert len(subscriber.batches) == 1


async def test_a_failed_delivery_is_not_repeated_to_the_frozen(subscriptions: Subscriptions, hurried: None) -> None:
    async with listening(statuses=[500]) as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        subscriptions.take(function("x"))
        await subscriber.wait(1)
        subscriptions.pause()
        await subscriptions.flush(0.05)
        assert len(subscriber.batches) == 1
        subscriptions.resume()
        await subscriber.wait(2)


async def test_events_wait_on_neves_clock() -> None:
    clock = Clock(virtual=True)
    made = Feed(clock).attach("env", "127.0.0.1", ignore)
    async with listening() as subscriber:
        made.add("a", subscription(subscriber.port, timeout_ms=30_000))
        made.take(function("x"))
        clock.advance(30)
        await subscriber.wait(1)
    await made.stop()


@pytest.mark.parametrize("listens_on", ["127.0.0.1", "127.99.1.2"])
async def test_a_subscriber_is_found_at_the_environments_address_or_the_machines(listens_on: str) -> None:
    made = Feed(Clock()).attach("env", "127.99.1.2", ignore)
    async with listening(address=listens_on) as subscriber:
        made.add("a", subscription(subscriber.port))
        made.take(function("x"))
        await subscriber.wait(1)
    await made.stop()


async def test_flushing_gives_up_in_time(subscriptions: Subscriptions) -> None:
    async with listening(silent=True) as subscriber:
        subscriptions.add("a", subscription(subscriber.port))
        subscriptions.take(function("x"))
        async with asyncio.timeout(BOUND_S):
            await subscriptions.flush(0.01)


async def test_the_feed_gives_each_environment_its_own() -> None:
    feed = Feed(Clock(virtual=True))
    async with listening() as subscriber:
        mine = feed.attach("env", "127.0.0.1", ignore)
        feed.attach("else", "127.0.0.1", ignore).add("b", subscription(1))
        mine.add("a", subscription(subscriber.port))
        feed(function("mine"), "mine")
        feed(function("other", environment="else"), "other")
        feed(function("nobody's", environment="neither"), "nobody's")
        await mine.flush(BOUND_S)
        await mine.stop()
        feed(function("late"), "late")
        await mine.flush(BOUND_S)
        assert [event["record"] for event in subscriber.events] == ["mine"]


async def test_a_new_start_takes_the_place_of_the_one_before() -> None:
    feed = Feed(Clock(virtual=True))
    async with listening() as subscriber:
        before = feed.attach("env", "127.0.0.1", ignore)
        after = feed.attach("env", "127.0.0.1", ignore)
        await before.stop()
        after.add("a", subscription(subscriber.port))
        feed(function("x"), "x")
        await after.flush(BOUND_S)
        assert len(subscriber.events) == 1
        await after.stop()


def test_where_nobody_subscribed_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed(Clock(virtual=True))
    quiet = feed.attach("env", "127.0.0.1", ignore)
    quiet.close()  # the init phase is over
    monkeypatch.setattr(quiet, "take", None)
    feed(function("x"), "x")
