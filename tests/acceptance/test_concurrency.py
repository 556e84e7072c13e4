"""Concurrency with real functions: who is throttled and why, that it survives a restart, and environments kept ready."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.machine import until
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.server import running
from tests.acceptance.test_versions import publish

HELD = {
    "index.mjs": """
export const handler = async ({ url }) => {
  if (url) await fetch(url, { method: 'PUT', body: '' });
  return process.env.AWS_LAMBDA_INITIALIZATION_TYPE;
};
"""
}
ON_DEMAND = "on-demand"
RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"


def reserve(function: Deployed, executions: int) -> None:
    client = function.server.client("lambda")
    client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=executions)


def throttled(function: Deployed) -> str:
    """The reason why an invocation is refused now."""
    with pytest.raises(ClientError) as caught:
        function.invoke()
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["Error"]["Code"] == "TooManyRequestsException"
    assert response["Error"]["Message"] == "Rate Exceeded."
    reason: str = response["Reason"]
    return reason


def test_reserved_concurrency_is_a_cap(deployed: Deploy, store: ObjectStore) -> None:
    function = deployed(HELD)
    reserve(function, 1)
    store.hold("/held")
    held = function.begin({"url": f"{store.url}/held"})
    store.wait_request("PUT", "/held")
    assert throttled(function) == RESERVED
    assert deployed(HELD).invoke().value == ON_DEMAND  # others go on
    store.let_go("/held")
    assert held.result().value == ON_DEMAND
    assert function.invoke().value == ON_DEMAND


def test_one_caller_after_the_other_is_never_throttled(deployed: Deploy) -> None:
    function = deployed(HELD)
    reserve(function, 1)
    assert [function.invoke().value for _ in range(10)] == [ON_DEMAND] * 10
    assert [each["provisioned"] for each in function.environments()] == [False]


def test_zero_throttles_everything_and_taking_it_away_runs_again(deployed: Deploy) -> None:
    function = deployed(HELD)
    reserve(function, 0)
    assert throttled(function) == RESERVED
    assert function.environments() == []
    function.server.client("lambda").delete_function_concurrency(FunctionName=function.name)
    assert function.invoke().value == ON_DEMAND


def reasons(function: Deployed, count: int) -> Counter[str]:
    """Why so many invocations at once were refused; `ran` for those that were not."""

    def one(_: int) -> str:
        try:
            return "ran" if function.invoke().status == 200 else "?"
        except ClientError as error:
            return str(error.response["Reason"])

    with ThreadPoolExecutor(16) as callers:
        return Counter(callers.map(one, range(count)))


def test_requests_have_a_rate_of_ten_a_second_for_each_slot(deployed: Deploy) -> None:
    function = deployed(HELD)
    reserve(function, 1)
    found = reasons(function, 200)
    assert found["ReservedFunctionInvocationRateLimitExceeded"] > 50, found
    assert found["ran"] >= 1
    assert found.total() == 200


def test_the_pool_of_an_account_has_a_rate_too_and_time_gives_it_back(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--virtual-clock", "--concurrency", "1") as server:
        function = deploy(server, HELD)
        assert reasons(function, 200)["FunctionInvocationRateLimitExceeded"] > 50
        server.own("clock/advance", {"seconds": 1})
        assert function.invoke().value == ON_DEMAND


def test_the_rate_can_be_switched_off(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--no-limit-rate", "--concurrency", "1") as server:
        function = deploy(server, HELD)
        assert [function.invoke().value for _ in range(100)] == [ON_DEMAND] * 100


def test_reserved_concurrency_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        function = deploy(server, HELD)
        reserve(function, 0)
        server.kill()
    with running(tmp_path / "data") as server:
        again = Deployed(server, function.name)
        assert throttled(again) == RESERVED
        again.delete()


# Provisioned


def provision(function: Deployed, executions: int, qualifier: str = "1") -> None:
    """Ask for it, and wait until it is not in progress any more."""
    client = function.server.client("lambda")
    client.put_provisioned_concurrency_config(
        FunctionName=function.name, Qualifier=qualifier, ProvisionedConcurrentExecutions=executions
    )
    until(lambda: allocation(function, qualifier)["Status"] != "IN_PROGRESS", f"{function.name} is still in progress")


def allocation(function: Deployed, qualifier: str = "1") -> dict[str, Any]:
    client = function.server.client("lambda")
    state: dict[str, Any] = client.get_provisioned_concurrency_config(FunctionName=function.name, Qualifier=qualifier)
    return state


def test_provisioned_environments_are_ready_and_overflow_goes_on_demand(deployed: Deploy, store: ObjectStore) -> None:
    function = deployed(HELD)
    publish(function)
    provision(function, 2)
    assert allocation(function)["Status"] == "READY"
    assert allocation(function)["AvailableProvisionedConcurrentExecutions"] == 2
    ready = {each["id"] for each in function.environments()}
    assert len(ready) == 2
    for number in range(2):
        store.hold(f"/{number}")
    held = [function.begin({"url": f"{store.url}/{number}"}, Qualifier="1") for number in range(2)]
    for number in range(2):
        store.wait_request("PUT", f"/{number}")
    assert function.invoke(Qualifier="1").value == ON_DEMAND
    for number in range(2):
        store.let_go(f"/{number}")
    assert [each.result().value for each in held] == ["provisioned-concurrency"] * 2
    # An answer comes before the environment is free again.
    until(lambda: {each["state"] for each in function.environments()} == {"frozen"}, "one is not frozen")
    assert function.invoke(Qualifier="1").value == "provisioned-concurrency"
    reports = [line for line in function.log_lines() if line.startswith("INIT_REPORT")]
    assert len(reports) == 2
    assert all(line.endswith("Phase: init\tStatus: success") for line in reports)
    client = function.server.client("lambda")
    client.delete_provisioned_concurrency_config(FunctionName=function.name, Qualifier="1")
    until(lambda: not ready & {each["id"] for each in function.environments()}, "they are still there")


def test_an_init_that_fails_is_told(deployed: Deploy) -> None:
    function = deployed({"index.mjs": "throw new Error('no');"})
    publish(function)
    provision(function, 2)
    assert allocation(function)["Status"] == "FAILED"
    assert allocation(function)["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"
    function.wait_gone()


def test_provisioned_concurrency_is_there_again_after_a_kill_and_survives_idle_time(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        function = deploy(server, HELD)
        publish(function)
        server.client("lambda").create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
        provision(function, 1, "live")
        server.kill()
    with running(tmp_path / "data", "--virtual-clock") as server:
        again = Deployed(server, function.name)
        until(lambda: allocation(again, "live")["Status"] == "READY", "it is not ready")
        before = again.environments()
        assert [each["provisioned"] for each in before] == [True]
        server.own("clock/advance", {"seconds": 100_000})
        assert again.invoke(Qualifier="live").value == "provisioned-concurrency"
        assert [each["id"] for each in again.environments()] == [each["id"] for each in before]
