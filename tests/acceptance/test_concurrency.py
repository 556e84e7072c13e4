"""Concurrency with real functions: who is throttled and why, that it survives a restart, and environments kept ready."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.server import running

HELD = {
    "index.mjs": """
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
export const handler = async ({ until }) => {
  while (until && !existsSync(until)) await setTimeout(2);
  return 1;
};
"""
}
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


def test_reserved_concurrency_is_a_cap(deployed: Deploy, tmp_path: Path) -> None:
    function = deployed(HELD)
    reserve(function, 1)
    held = function.begin({"until": str(tmp_path / "go")})
    function.wait_line("START")
    assert throttled(function) == RESERVED
    assert deployed(HELD).invoke().value == 1  # others go on
    (tmp_path / "go").touch()
    assert held.result().value == 1
    assert function.invoke().value == 1


def test_one_caller_after_the_other_is_never_throttled(deployed: Deploy) -> None:
    function = deployed(HELD)
    reserve(function, 1)
    assert [function.invoke().value for _ in range(30)] == [1] * 30
    assert len(function.environments()) == 1


def test_zero_throttles_everything_and_taking_it_away_runs_again(deployed: Deploy) -> None:
    function = deployed(HELD)
    reserve(function, 0)
    assert throttled(function) == RESERVED
    assert function.environments() == []
    function.server.client("lambda").delete_function_concurrency(FunctionName=function.name)
    assert function.invoke().value == 1


def test_reserved_concurrency_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        function = deploy(server, HELD)
        reserve(function, 0)
        server.kill()
    with running(tmp_path / "data") as server:
        again = Deployed(server, function.name)
        assert throttled(again) == RESERVED
        again.delete()
