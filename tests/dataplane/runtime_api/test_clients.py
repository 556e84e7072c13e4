"""Real peers in processes of their own: AWS's Python client, curl in a shell, an extension over HTTP and TCP."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.dataplane.runtime_api.python_client import interpreter
from tests.dataplane.runtime_api.stage import BOUND_S, Stage, event

from neve.domain import record as kinds
from neve.domain.record import Origin, Record
from neve.domain.world import World

PROGRAMS = Path(__file__).parent / "programs"
STARTS_WITHIN_S = 30.0


@contextlib.asynccontextmanager
async def running(stage: Stage, *command: str | Path, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program with the doors as its Runtime API; it and what it started are ended when they do not end by themselves."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=PROGRAMS,
        env={**os.environ, "AWS_LAMBDA_RUNTIME_API": stage.api.address, "PYTHONDONTWRITEBYTECODE": "1", **variables},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a shell's curl would wait for its event for ever
        await asyncio.wait_for(process.communicate(), STARTS_WITHIN_S)


@contextlib.asynccontextmanager
async def python_client(stage: Stage, entry: str) -> AsyncIterator[None]:
    python = await asyncio.to_thread(interpreter)
    variables = {
        "_HANDLER": entry,
        "LAMBDA_TASK_ROOT": str(PROGRAMS),
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "s",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_REGION": "us-east-1",
    }
    async with running(stage, python, "-m", "awslambdaric", entry, **variables):
        yield


async def told(stage: Stage, name: str, count: int = 1) -> tuple[Any, ...]:
    """With the time that a process needs to start on a busy machine."""
    async with asyncio.timeout(STARTS_WITHIN_S):
        while True:
            with contextlib.suppress(TimeoutError):
                return await stage.told.wait(name, count)


async def test_the_python_client_is_served(stage: Stage) -> None:
    async with python_client(stage, "app.echo"):
        await told(stage, "runtime_waits")
        for number, request_id in enumerate(("r1", "r2"), start=1):
            stage.api.deliver(event(request_id, b'{"text":"\xc3\xa9"}', trace_id="Root=1-0", tenant="t"))
            _, answered, body, _ = await told(stage, "responded", number)
            assert answered == request_id
            assert json.loads(body) == {
                "event": {"text": "é"},
                "aws_request_id": request_id,
                "invoked_function_arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
                "tenant_id": "t",
            }
            await told(stage, "runtime_waits", number + 1)


async def test_an_exception_in_the_python_client_is_an_error(stage: Stage) -> None:
    async with python_client(stage, "app.fail"):
        await told(stage, "runtime_waits")
        stage.api.deliver(event("r1"))
        _, request_id, error = await told(stage, "failed")
        assert request_id == "r1"
        members = json.loads(error.body)
        assert (members["errorType"], members["errorMessage"]) == ("KeyError", "'é'")
        assert json.loads(error.cause)["exceptions"][0]["type"] == "KeyError"
        await told(stage, "runtime_waits", 2)


async def test_an_oversized_response_of_the_python_client_is_told_as_such(stage: Stage) -> None:
    """The client itself takes the 413 for a fault of the Runtime API and exits; others ask for the next event."""
    async with python_client(stage, "app.large"):
        await told(stage, "runtime_waits")
        stage.api.deliver(event("r1"))
        _, _, error = await told(stage, "failed")
        assert error.error_type == "Function.ResponseSizeTooLarge"


async def test_the_python_client_reports_that_it_cannot_initialize(stage: Stage) -> None:
    async with python_client(stage, "missing.handler"):
        _, error = await told(stage, "init_failed")
        assert error.error_type == "Runtime.ImportModuleError"
        assert "missing" in json.loads(error.body)["errorMessage"]


async def test_curl_in_a_shell_is_a_runtime(stage: Stage) -> None:
    assert shutil.which("curl"), "curl is needed: the service's tutorial of custom runtimes is tested with it"
    async with running(stage, "/bin/sh", PROGRAMS / "bootstrap.sh"):
        await told(stage, "runtime_waits")
        for number, body in enumerate((b'{"a":1}', b"[" + b"1," * 50_000 + b"1]"), start=1):
            stage.api.deliver(event(f"r{number}", body))
            assert (await told(stage, "responded", number))[1:3] == (f"r{number}", b"echo " + body)
            await told(stage, "runtime_waits", number + 1)


async def _lines(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), STARTS_WITHIN_S)
    parsed: dict[str, Any] = json.loads(line)
    return parsed


@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
async def test_an_extension_lives_its_life(stage: Stage, protocol: str) -> None:
    stage.api.extensions.expect(["agent"])
    async with running(stage, sys.executable, PROGRAMS / "extension.py", "agent", protocol) as process:
        await told(stage, "extension_waits")
        assert [call[0] for call in stage.told.calls] == ["extension_registered", "subscribed", "extension_waits"]
        stage.api.runtime_asked_by_frame()
        assert stage.api.everything_waits

        stage.api.deliver(event("r1"), by_frame=True)
        assert await _lines(process) == {"event": "INVOKE", "reason": None}
        await told(stage, "extension_waits", 2)

        origin = Origin(World(), "f", "$LATEST", "env", "/aws/lambda/f", "stream")
        stage.subscriptions.take(Record(kinds.FUNCTION, 0.0, origin, "r1", {"text": "printed", "level": None}))
        await stage.subscriptions.flush(BOUND_S)
        assert await _lines(process) == {"telemetry": "printed"}

        stage.api.runtime_asked_by_frame()
        stage.api.shut_down("spindown", 1)
        assert await _lines(process) == {"event": "SHUTDOWN", "reason": "spindown"}
        assert await asyncio.wait_for(process.wait(), STARTS_WITHIN_S) == 0
