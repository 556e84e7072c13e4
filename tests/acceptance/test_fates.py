"""Fates on purpose: when an environment freezes and when it ends, said from outside, and the calls that were made."""

import urllib.error

import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.records import followed

LATE = "exports.handler = async () => { setTimeout(() => console.log('late'), 20) }"
ONE_CPU = 1769


def freezing(function: Deployed, seconds: float | None) -> None:
    function.server.own("environments/freezing", {"function": function.name, "graceSeconds": seconds})


def reclaim(function: Deployed) -> list[str]:
    ended: list[str] = function.server.own("environments/reclaim", {"function": function.name})["reclaimed"]
    return ended


def test_work_ends_in_the_grace_that_a_function_is_given(deployed: Deploy) -> None:
    function = deployed({"index.js": LATE}, "nodejs24.x", MemorySize=ONE_CPU)
    freezing(function, 60)
    with followed(function.server) as records:
        function.invoke()
        records.wait("neve.leakFinished", lambda each: each["record"]["requestId"] is None)
    assert [each["state"] for each in function.environments()] == ["ready"]
    freezing(function, 0)
    function.wait_frozen()


def test_reclaimed_environments_are_gone_and_the_next_invocation_is_a_cold_start(deployed: Deploy) -> None:
    function = deployed({"index.js": "let calls = 0; exports.handler = async () => ++calls"}, "nodejs24.x")
    assert function.invoke().value == 1
    assert len(reclaim(function)) == 1
    assert function.environments() == []
    assert function.invoke().value == 1
    assert reclaim(function)
    assert reclaim(function) == []


def test_requests_of_a_leak_are_told_when_they_are_over(deployed: Deploy, store: ObjectStore) -> None:
    variables = {"Environment": {"Variables": {"STORE_URL": store.url}}, "MemorySize": ONE_CPU}
    function = deployed("a02-forgotten-await", "nodejs24.x", **variables)
    freezing(function, 60)
    with followed(function.server) as records:
        function.invoke({"id": 1})
        put = records.wait("neve.call", lambda each: each["record"]["method"] == "PUT" and each["record"]["durationMs"])
        (leak,) = [each for each in records.seen if each["type"] == "neve.leak"]
    told = put["record"]
    assert (f"http://{told['host']}", told["path"]) == (store.url, "/invoices/1")
    assert (told["status"], told["source"]["line"]) == (200, 5)
    assert told["leakId"] == leak["record"]["leakId"]


@pytest.mark.parametrize("members", [{}, {"function": "f", "graceSeconds": -1}, {"function": "f", "graceSeconds": "1"}])
def test_what_is_not_understood_is_refused(deployed: Deploy, members: object) -> None:
    function = deployed({"index.js": LATE}, "nodejs24.x")
    with pytest.raises(urllib.error.HTTPError) as refused:
        function.server.own("environments/freezing", members)
    refused.value.close()
    assert refused.value.code == 400


def test_calls_of_services_are_told_to_who_wants_them(deployed: Deploy) -> None:
    function = deployed({"index.js": LATE}, "nodejs24.x")
    with followed(function.server) as records:
        function.server.client("sns", account="000000000042").create_topic(Name="orders")
        answer = function.invoke()
        topic = records.wait("neve.serviceCall", lambda each: each["record"]["service"] == "sns")
        called = records.wait("neve.serviceCall", lambda each: each["requestId"] == answer.request_id)
    assert (topic["account"], topic["record"]["operation"], topic["record"]["status"]) == (
        "000000000042",
        "CreateTopic",
        200,
    )
    assert (called["record"]["service"], called["record"]["operation"]) == ("lambda", "Invoke")
