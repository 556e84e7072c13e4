"""Extensions that subscribe to telemetry, in real environments that freeze between invocations."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
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


def test_environments_at_the_same_time_hear_of_themselves_only(subscriber: Deploy) -> None:
    """Their extensions listen on the same port, each at the address that the name means in its environment."""
    function = subscriber(**TELEMETRY, PORT="8099")
    calls = [function.begin({"until": {"type": "platform.initReport"}}) for _ in range(3)]
    answers = [call.result() for call in calls]
    assert [answer.error for answer in answers] == [None] * 3, [answer.payload for answer in answers]
    assert len(function.environments()) == 3
    heard = [
        {each["record"]["requestId"] for each in answer.value if "requestId" in each["record"]} for answer in answers
    ]
    assert all(len(each) <= 1 for each in heard)
