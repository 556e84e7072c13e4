"""Neve's Python client and AWS's own one run the same function: results, errors and log lines are the same.

AWS's client (PyPI: awslambdaric) runs unmodified in the same kind of environment, where a wrapper starts it in place of
ours; it speaks the HTTP Runtime API.
"""

import base64
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.functions import PROGRAMS, Deployed, deploy
from tests.acceptance.lines import ISO_TIME
from tests.acceptance.machine import until
from tests.acceptance.server import NeveServer
from tests.dataplane.runtime_api.python_client import interpreter

RUNTIME = f"python3.{sys.version_info[1]}"
INDEX = (PROGRAMS / "o-python" / "index.py").read_text()
# Log records go as frames into the output, as both clients do on the service.
WRAPPER = '#!/bin/sh\n_LAMBDA_TELEMETRY_LOG_FD=1 exec "$1" -m awslambdaric "$_HANDLER"\n'
THEIRS = ("awslambdaric", "simplejson", "snapshot_restore_py.py", "runtime_client.")
# What differs from call to call, and how deep a client's own calls are.
VARYING = (
    (ISO_TIME, "TIME"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "SECOND"),
    (r"repeated \d+ more times", "repeated N more times"),
    (r"Init Duration: [\d.]+ ms", "Init Duration: N ms"),
)
CASES = re.findall(r"^@case\ndef (\w+)", INDEX, re.MULTILINE)
LEAVING = {"leaves", "leaves_at_once", "is_interrupted"}
INIT_FAILURES: Mapping[str, tuple[str, str]] = {
    "no such module": ("other.handler", ""),
    "no such name": ("index.other", ""),
    "no dot": ("index", ""),
    "a module of Python's own": ("sys.handler", ""),
    "a syntax error": ("index.handler", "def handler(event, context)\n    return 1\n"),
    "a missing import": ("index.handler", "import not_there\n"),
    "an exception while loading": ("index.handler", "def deep():\n    raise KeyError('né')\ndeep()\n"),
}


class Call:
    """One invocation: what the caller got, and what it printed."""

    def __init__(self, function: Deployed, event: object, parameters: Mapping[str, Any]) -> None:
        self._function, self._began_ms = function, int(time.time() * 1000)
        self.answer = function.invoke(event, **parameters)

    @property
    def shown(self) -> tuple[str | None, bytes]:
        """What the caller gets, without what differs from call to call."""
        payload = self.answer.payload.replace(self.answer.request_id.encode(), b"ID")
        return self.answer.error, re.sub(rb"repeated \d+ more times", b"repeated N more times", payload)

    def lines(self) -> list[str]:
        """The log since the invocation began, without what differs from call to call."""
        until(lambda: any(map(self._is_end, self._log())), "the end of the invocation is not in the log")
        kept = [line for line in self._log() if not line.startswith(("INIT_START", "REPORT", '{"time"'))]
        text = "\n".join(kept).replace(self.answer.request_id, "ID")
        for pattern, name in VARYING:
            text = re.sub(pattern, name, text)
        return [line for line in text.split("\n") if line.strip()]

    def _is_end(self, line: str) -> bool:
        return self.answer.request_id in line and (line.startswith("REPORT") or '"platform.report"' in line)

    def _log(self) -> list[str]:
        logs, group = self._function.server.client("logs"), f"/aws/lambda/{self._function.name}"
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=self._began_ms)
        return [event["message"] for page in pages for event in page["events"]]


class Pair:
    """One program on both clients."""

    def __init__(
        self, server: NeveServer, files: Mapping[str, str], handler: str = "index.handler", **more: Any
    ) -> None:
        common = {"runtime": RUNTIME, "handler": handler, "timeout_s": 20, "MemorySize": 1769, **more}
        variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}
        self.ours = deploy(server, files, **common)
        self.theirs = deploy(server, {**files, **client()}, **common, executable=True, Environment=variables)

    def invoke(self, event: object, **parameters: Any) -> tuple[Call, Call]:
        """What both did: ours, theirs."""
        return Call(self.ours, event, parameters), Call(self.theirs, event, parameters)

    def compare(self, event: object, **parameters: Any) -> None:
        """The caller gets the same, and the log has the same lines."""
        ours, theirs = self.invoke(event, **parameters)
        assert ours.shown == theirs.shown
        assert ours.lines() == theirs.lines()

    def delete(self) -> None:
        """Delete both functions."""
        self.ours.delete()
        self.theirs.delete()


@cache
def client() -> dict[str, str | bytes]:
    """AWS's client as files of a function."""
    (packages,) = (interpreter().parent.parent / "lib").glob("python3.*/site-packages")
    found = (path for top in packages.iterdir() if top.name.startswith(THEIRS) for path in _files(top))
    wanted = (path for path in found if path.suffix in (".py", ".so", ".json"))
    return {"wrapper": WRAPPER, **{str(path.relative_to(packages)): path.read_bytes() for path in wanted}}


def _files(path: Path) -> Iterator[Path]:
    return path.rglob("*") if path.is_dir() else iter([path])


@pytest.fixture(scope="module")
def pair(neve: NeveServer) -> Iterator[Pair]:
    """The program with all cases."""
    made = Pair(neve, {"index.py": INDEX})
    yield made
    made.delete()


@pytest.fixture(scope="module")
def json_pair(neve: NeveServer) -> Iterator[Pair]:
    """The same with logs in JSON."""
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO"}
    made = Pair(neve, {"index.py": INDEX}, LoggingConfig=logging)
    yield made
    made.delete()


@pytest.mark.parametrize("name", [name for name in CASES if name not in LEAVING])
def test_a_case_is_the_same(pair: Pair, name: str) -> None:
    pair.compare({"case": name, "text": "é☃"})


@pytest.mark.parametrize("name", [each for each in CASES if each.startswith(("logs", "raises", "fails", "configures"))])
def test_a_log_in_json_is_the_same(json_pair: Pair, name: str) -> None:
    json_pair.compare({"case": name})


@pytest.mark.parametrize(
    ("name", "status"), [("leaves", 0), ("leaves", 3), ("leaves_at_once", 7), ("is_interrupted", 0)]
)
def test_an_end_of_the_process_is_the_same(pair: Pair, name: str, status: int) -> None:
    ours, theirs = pair.invoke({"case": name, "status": status})  # a traceback, if any, has the clients' own frames
    assert ours.shown == theirs.shown


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("shows_its_client", {"custom": {"a": [1]}, "env": {"locale": "de"}, "client": {"app_title": "shop"}}),
        ("shows_its_client", {"custom": None, "w3c": {"traceparent": "00-1"}, "more": 1}),
        ("shows_its_context", {"w3c": {"traceparent": "00-1", "baggage": 7}}),
    ],
)
def test_a_client_context_is_read_in_the_same_way(pair: Pair, name: str, given: object) -> None:
    pair.compare({"case": name}, ClientContext=base64.b64encode(json.dumps(given).encode()).decode())


@pytest.mark.parametrize("name", INIT_FAILURES)
def test_a_function_that_cannot_be_loaded_fails_in_the_same_way(neve: NeveServer, name: str) -> None:
    handler, text = INIT_FAILURES[name]
    broken = Pair(neve, {"index.py": text}, handler)
    broken.compare({})
    broken.delete()


@pytest.mark.parametrize(
    "text",
    [
        "async def handler(event, context):\n    return 1\n",  # Python's warning of it names the clients' own files
        "import sys\nsys.exit(4)\n",
    ],
)
def test_what_is_no_handler_is_refused_in_the_same_way(neve: NeveServer, text: str) -> None:
    pair = Pair(neve, {"index.py": text})
    ours, theirs = pair.invoke({})
    assert ours.shown == theirs.shown
    pair.delete()
