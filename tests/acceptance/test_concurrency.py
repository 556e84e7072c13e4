"""Concurrency with real functions: who is throttled and why, that it survives a restart, and environments kept ready."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.server import running

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
    assert [function.invoke().value for _ in range(30)] == [ON_DEMAND] * 30
    assert len(function.environments()) == 1


def test_zero_throttles_everything_and_taking_it_away_runs_again(deployed: Deploy) -> None:
    function = deployed(HELD)
    reserve(function, 0)
    assert throttled(function) == RESERVED
    assert function.environments() == []
    function.server.client("lambda").delete_function_concurrency(FunctionName=function.name)
    assert function.invoke().value == ON_DEMAND


def test_reserved_concurrency_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        function = deploy(server, HELD)
        reserve(function, 0)
        server.kill()
    with running(tmp_path / "data") as server:
        again = Deployed(server, function.name)
        assert throttled(again) == RESERVED
        again.delete()
