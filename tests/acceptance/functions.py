"""Deploys functions to a server and invokes them, as boto3 users do."""

import base64
import io
import itertools
import json
import os
import stat
import time
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.machine import turns, until
from tests.acceptance.server import ROLE, NeveServer

PROGRAMS = Path(__file__).parent / "programs"
_NUMBERS = itertools.count(1)
_CALLERS = ThreadPoolExecutor(8, thread_name_prefix="caller")


@dataclass(frozen=True)
class Answer:
    """What an invocation gave: `error` is `X-Amz-Function-Error`, `log` the decoded tail when it was asked for."""

    status: int
    payload: bytes
    error: str | None
    version: str | None
    log: str | None
    request_id: str
    headers: Mapping[str, str]

    @property
    def value(self) -> Any:
        """The payload as JSON."""
        return json.loads(self.payload)


class Deployed:
    """One function on a server."""

    def __init__(self, server: NeveServer, name: str) -> None:
        self.server = server
        self.name = name
        self.deleted = False

    def invoke(self, event: object = None, *, tail: bool = False, **parameters: Any) -> Answer:
        """RequestResponse, with the event as JSON ({} without one)."""
        payload = event if isinstance(event, bytes) else json.dumps({} if event is None else event).encode()
        answer = self.server.client("lambda").invoke(
            FunctionName=self.name, Payload=payload, LogType="Tail" if tail else "None", **parameters
        )
        log = base64.b64decode(answer["LogResult"]).decode() if "LogResult" in answer else None
        return Answer(
            answer["StatusCode"],
            answer["Payload"].read(),
            answer.get("FunctionError"),
            answer.get("ExecutedVersion"),
            log,
            answer["ResponseMetadata"]["RequestId"],
            answer["ResponseMetadata"]["HTTPHeaders"],
        )

    def begin(self, event: object = None, **parameters: Any) -> "Future[Answer]":
        """Invoke in a thread, for tests that do something while the function runs."""
        return _CALLERS.submit(self.invoke, event, **parameters)

    def log_lines(self) -> list[str]:
        """Every event of the log group, in order; none before there is a group."""
        logs = self.server.client("logs")
        found = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{self.name}")
        try:
            return [event["message"] for page in found for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    def wait_line(self, text: str) -> None:
        """Until a line with this text is in the log."""
        until(lambda: any(text in line for line in self.log_lines()), f"{self.name} did not log {text!r}")

    def environments(self) -> list[dict[str, Any]]:
        """What Neve tells of this function's environments."""
        found: list[dict[str, Any]] = self.server.own(f"environments?function={self.name}")["environments"]
        return found

    def wait_frozen(self) -> dict[str, Any]:
        """The one environment, once it is frozen."""
        until(lambda: [each["state"] for each in self.environments()] == ["frozen"], f"{self.name} is not frozen")
        return self.environments()[0]

    @contextmanager
    def motionless(self) -> Iterator[dict[str, Any]]:
        """Wait until it is frozen; whatever happens inside the `with`, no thread of it runs."""
        environment = self.wait_frozen()
        before = turns(environment["pid"])
        yield environment
        assert [(each["id"], each["state"]) for each in self.environments()] == [(environment["id"], "frozen")]
        assert turns(environment["pid"]) == before

    def wait_overdue(self, seconds: float) -> None:
        """Until it is frozen and a timer of the function that was set before this call is overdue by the real clock."""
        due = time.monotonic() + seconds
        self.wait_frozen()
        until(lambda: time.monotonic() > due, "the clock stands still")

    def wait_gone(self) -> None:
        """Until no environment is left."""
        until(lambda: not self.environments(), f"environments of {self.name} are left")

    def renew(self) -> None:
        """Change the configuration, so that the environments of before are shut down, and wait until they are."""
        client = self.server.client("lambda")
        client.update_function_configuration(FunctionName=self.name, Description=f"changed {next(_NUMBERS)}")
        self.wait_gone()

    def delete(self) -> None:
        """Delete the function; its log group stays."""
        self.deleted = True
        self.server.client("lambda").delete_function(FunctionName=self.name)


def deploy(
    server: NeveServer,
    program: str | Mapping[str, str | bytes],
    runtime: str = "nodejs22.x",
    handler: str = "index.handler",
    timeout_s: int = 10,
    executable: bool = False,
    **configuration: Any,
) -> Deployed:
    """Create a function from a folder of `programs/` or from given files, and wait until it is Active."""
    label = program if isinstance(program, str) else "inline"
    name = f"{label.replace('/', '-')}-{os.getpid()}-{next(_NUMBERS)}"
    client = server.client("lambda")
    client.create_function(
        FunctionName=name,
        Runtime=runtime,
        Handler=handler,
        Role=ROLE,
        Timeout=timeout_s,
        Code={"ZipFile": zipped(program, executable)},
        **configuration,
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.002, "MaxAttempts": 5000})
    return Deployed(server, name)


def zipped(program: str | Mapping[str, str | bytes], executable: bool = False) -> bytes:
    """A code archive."""
    files: dict[str, str | bytes]
    if isinstance(program, str):
        folder = PROGRAMS / program
        files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    else:
        files = dict(program)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
            archive.writestr(entry, text)
    return buffer.getvalue()
