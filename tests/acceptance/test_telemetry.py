"""Extensions that subscribe to telemetry, in real environments that freeze between invocations."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.extensions import agent, layer, python, words
from tests.acceptance.functions import Answer, Deployed
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.server import NeveServer

TELEMETRY = {"DOOR": "2022-07-01/telemetry", "SCHEMA": "2022-12-13"}
LOGS = {"DOOR": "2020-08-15/logs", "SCHEMA": "2021-03-18"}

Events = Sequence[Any]


@pytest.fixture
def subscriber(neve: NeveServer, deployed: Deploy) -> Deploy:
    """Deploys the function with these variables. Plain processes have no names, and share the machine's ports."""
    plain = {"HOST": "127.0.0.1", "PORT": "0"} if neve.own("health")["sandbox"] == "bare" else {}

    def make(**variables: str) -> Deployed:
        return deployed("t-subscriber", "nodejs24.x", Environment={"Variables": variables | plain}, timeout_s=20)

    return make


def after(function: Deployed, request_id: str, last: str = "platform.report") -> Events:
    """What the extension has got up to this event of an earlier invocation."""
    function.wait_frozen()  # else another environment might answer
    answer = function.invoke({"until": {"type": last, "requestId": request_id}})
    assert answer.error is None, answer.payload
    events: Events = answer.value
    at = [(each["type"], each["record"].get("requestId")) for each in events if isinstance(each["record"], dict)]
    return events[: len(events) - at[::-1].index((last, request_id))]


def kinds(events: Events) -> list[str]:
    return [each["type"] for each in events]


@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
def test_an_extension_inside_the_runtime_hears_of_everything_in_order(subscriber: Deploy, protocol: str) -> None:
    function = subscriber(**TELEMETRY, PROTOCOL=protocol)
    first = function.invoke({"say": "hello"})
    assert first.error is None, first.payload
    with function.motionless():  # what is told of the first invocation is not sent into the frozen environment
        pass
    second = function.invoke({"say": "again"})
    assert "platform.report" not in kinds(first.value)
    events = after(function, second.request_id)
    assert kinds(events) == [
        *("platform.initStart", "platform.telemetrySubscription"),
        *("platform.initRuntimeDone", "platform.extension", "platform.initReport"),
        *("platform.start", "function", "platform.runtimeDone", "platform.report"),
        *("platform.start", "function", "platform.runtimeDone", "platform.report"),
    ]
    told = [each["record"].get("requestId") for each in events if each["type"].startswith("platform.r")]
    assert told == [first.request_id] * 2 + [second.request_id] * 2
    assert [each["record"].rsplit("\t", 1)[1] for each in events if each["type"] == "function"] == ["hello", "again"]
    assert [each["time"] for each in events] == sorted(each["time"] for each in events)


def test_a_subscriber_of_the_logs_api_hears_of_ends(subscriber: Deploy) -> None:
    function = subscriber(**LOGS)
    first = function.invoke({"say": "hello"})
    assert kinds(after(function, first.request_id)) == [
        *("platform.logsSubscription", "platform.extension"),
        *("platform.start", "function", "platform.runtimeDone", "platform.end", "platform.report"),
    ]


def at_the_same_time(function: Deployed, store: ObjectStore, event: dict[str, Any], count: int = 3) -> Sequence[Answer]:
    """Answers of invocations that all ran at once, in an environment each."""
    store.hold("/held")
    calls = [function.begin({**event, "url": f"{store.url}/held"}) for _ in range(count)]
    store.wait_request("PUT", "/held", count)
    assert len(function.environments()) == count
    store.let_go("/held")
    return [call.result() for call in calls]


def test_environments_at_the_same_time_hear_of_themselves_only(subscriber: Deploy, store: ObjectStore) -> None:
    """Their extensions listen on the same port, each at the address that the name means in its environment."""
    function = subscriber(**TELEMETRY, PORT="8099")
    answers = at_the_same_time(function, store, {"until": {"type": "platform.start"}})
    assert [answer.error for answer in answers] == [None] * 3, [answer.payload for answer in answers]
    heard = [
        {each["record"]["requestId"] for each in answer.value if "requestId" in each["record"]} for answer in answers
    ]
    assert heard == [{answer.request_id} for answer in answers]


# External extensions


def with_agent(neve: NeveServer, deployed: Deploy, text: str) -> Deployed:
    return deployed("f-levels", "nodejs24.x", Layers=[layer(neve, {"agent": text})], timeout_s=20)


@pytest.fixture
def named(neve: NeveServer) -> None:
    """Only environments with names of their own have an external extension listen as vendors' do."""
    if neve.own("health")["sandbox"] == "bare":
        pytest.skip("plain processes have the machine's names")


@pytest.mark.usefixtures("named")
def test_an_agent_waits_for_the_end_of_each_invocation_and_hears_the_last_before_it_goes(
    neve: NeveServer, deployed: Deploy
) -> None:
    function = with_agent(neve, deployed, agent())
    ids = []
    for _ in range(2):
        ids.append(function.invoke().request_id)
        function.wait_frozen()
    function.renew()
    said = words(function.log_lines(), "agent")
    assert [each for each in said if each.startswith("heard")] == [
        *("heard platform.initStart ", "heard platform.telemetrySubscription "),
        *("heard platform.initRuntimeDone ", "heard platform.extension ", "heard platform.initReport "),
        *(f"heard platform.start {ids[0]}", f"heard platform.runtimeDone {ids[0]}"),
        *(f"heard platform.report {ids[0]}", f"heard platform.start {ids[1]}"),
        *(f"heard platform.runtimeDone {ids[1]}", f"heard platform.report {ids[1]}"),
    ]
    assert said[-1] == "SHUTDOWN"


@pytest.mark.usefixtures("named")
def test_an_agent_hears_its_own_lines(neve: NeveServer, deployed: Deploy) -> None:
    function = with_agent(neve, deployed, agent('["extension"]'))
    first = function.invoke().request_id
    function.wait_frozen()
    function.renew()
    assert words(function.log_lines(), "agent")[-1] == f"1 lines of its own, the first: agent: INVOKE {first}"


@pytest.mark.usefixtures("named")
def test_agents_of_three_environments_listen_on_the_same_port(
    neve: NeveServer, deployed: Deploy, store: ObjectStore
) -> None:
    function = deployed("l-counter", "nodejs24.x", Layers=[layer(neve, {"agent": agent(port=4243)})], timeout_s=20)
    answers = at_the_same_time(function, store, {})
    assert [answer.value["count"] for answer in answers] == [1, 1, 1]


def test_lines_say_who_takes_part(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed("f-levels", "nodejs24.x", Layers=[layer(neve, {"observer": python()})])
    function.invoke(tail=True)
    lines = [line for line in function.log_lines() if line.startswith(("EXTENSION", "START"))]
    assert lines[0] == "EXTENSION\tName: observer\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"
    assert lines[1].startswith("START")
