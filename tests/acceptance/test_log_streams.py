"""The log group of a function as `aws logs`, boto3 and `aws logs tail --follow` read it from a running server."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance import machine
from tests.acceptance.conftest import Deploy
from tests.acceptance.functions import Deployed
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.server import NeveServer

RUNTIMES = pytest.mark.parametrize("runtime", ["nodejs22.x", "nodejs24.x", "python3.11"])
BOUND_S = 30.0
STREAM = re.compile(r"(\d{4}/\d\d/\d\d)/\[\$LATEST\]([0-9a-f]{32})")
INIT_START = (
    r"INIT_START Runtime Version: (?:nodejs:\d+|python:3\.11)\.neve\.v\S+\t"
    r"Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}"
)


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """For invocations that run at the same time."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


@RUNTIMES
def test_the_stream_of_a_cold_success_is_in_order(
    neve: NeveServer, deployed: Deploy, tmp_path: Path, runtime: str
) -> None:
    function = deployed("l-speaks", runtime)
    request_id = invoked(function, 7)
    (stream,) = aws_logs(neve, tmp_path, "describe-log-streams", function)["logStreams"]
    told = aws_logs(
        neve, tmp_path, "get-log-events", function, "--log-stream-name", stream["logStreamName"], "--start-from-head"
    )
    report = rf"REPORT RequestId: {request_id}\tDuration: .*\tInit Duration: \d+\.\d\d ms\t"
    prefix = "" if runtime.startswith("python") else r"\S+\t\S+\t(?:INFO|ERROR)\t"
    expected = [
        INIT_START,
        f"{prefix}loading",
        rf"START RequestId: {request_id} Version: \$LATEST",
        f"{prefix}first 7",
        f"{prefix}second 7",
        f"END RequestId: {request_id}",
        report,
    ]
    lines = [event["message"] for event in told["events"]]
    assert len(lines) == len(expected), lines
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)
    times = [event["timestamp"] for event in told["events"]]
    assert times == sorted(times)
    now_ms = datetime.now(UTC).timestamp() * 1000
    assert now_ms - 60_000 < times[0] <= times[-1] <= now_ms


def test_a_warm_invocation_goes_on_in_the_same_stream(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed("l-speaks")
    ids = [invoked(function, number) for number in range(3)]
    (stream,) = streams(neve, function)
    events = neve.client("logs").get_log_events(
        logGroupName=f"/aws/lambda/{function.name}", logStreamName=stream, startFromHead=True
    )["events"]
    starts = [event["message"].split()[2] for event in events if event["message"].startswith("START")]
    assert starts == ids
    assert len(events) == 2 + 3 * 5


def test_each_environment_has_a_stream_of_its_own(
    neve: NeveServer, deployed: Deploy, store: ObjectStore, callers: ThreadPoolExecutor
) -> None:
    function = deployed("l-counter")
    store.hold("/held")
    calls = [callers.submit(function.invoke, {"url": f"{store.url}/held"}) for _ in range(3)]
    store.wait_request("PUT", "/held", 3)
    store.let_go("/held")
    answers = [call.result(BOUND_S) for call in calls]
    names = streams(neve, function)
    assert sorted(names) == sorted(answer.value["stream"] for answer in answers)
    assert sorted(names) == sorted(environment["logStream"] for environment in function.environments())
    today = datetime.now(UTC)
    days = {f"{day:%Y/%m/%d}" for day in (today, today - timedelta(minutes=5))}
    for name in names:
        found = STREAM.fullmatch(name)
        assert found, name
        assert found[1] in days
    for answer in answers:
        told = neve.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{function.name}", logStreamNames=[answer.value["stream"]]
        )["events"]
        starts = [event["message"] for event in told if event["message"].startswith("START")]
        assert starts == [f"START RequestId: {answer.request_id} Version: $LATEST"]


@RUNTIMES
def test_a_follower_sees_every_line_once_and_in_order(
    neve: NeveServer, deployed: Deploy, callers: ThreadPoolExecutor, runtime: str
) -> None:
    function = deployed("l-speaks", runtime)
    count = 40
    invoked(function, 0)  # the group is there
    tail = Tail(neve, function)
    calls = callers.submit(lambda: [invoked(function, number) for number in range(1, count)])
    machine.until(lambda: tail.look() >= 2 + count * 5, "the follower did not see all lines")
    calls.result(BOUND_S)
    assert tail.look() == 2 + count * 5
    spoken = [line.rpartition("\t")[2] for line in tail.lines if "first " in line or "second " in line]
    assert spoken == [f"{word} {number}" for number in range(count) for word in ("first", "second")]


def test_a_pattern_finds_the_reports(neve: NeveServer, deployed: Deploy, tmp_path: Path) -> None:
    function = deployed("l-speaks")
    ids = [invoked(function, number) for number in range(3)]
    told = aws_logs(neve, tmp_path, "filter-log-events", function, "--filter-pattern", "REPORT")["events"]
    assert [event["message"].split()[2] for event in told] == ids


def test_the_group_comes_with_the_first_line_and_not_before(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed("l-speaks")
    logs = neve.client("logs")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName=f"/aws/lambda/{function.name}")
    function.invoke()
    (group,) = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function.name}")["logGroups"]
    assert group["logGroupName"] == f"/aws/lambda/{function.name}"


class Tail:
    """Asks as `aws logs tail --follow` of the CLI's version 2 does: from the newest time on, known events left out."""

    def __init__(self, neve: NeveServer, function: Deployed) -> None:
        self.lines: list[str] = []
        self._pages = neve.client("logs").get_paginator("filter_log_events")
        self._group = f"/aws/lambda/{function.name}"
        self._from_ms = int((datetime.now(UTC) - timedelta(minutes=10)).timestamp() * 1000)
        self._known: set[str] = set()

    def look(self) -> int:
        """One round; how many lines there are by now."""
        newest: dict[int, set[str]] = {}
        for page in self._pages.paginate(logGroupName=self._group, interleaved=True, startTime=self._from_ms):
            for event in page["events"]:
                newest.setdefault(event["timestamp"], set()).add(event["eventId"])
                if event["eventId"] not in self._known:
                    self.lines.append(event["message"])
        if newest:
            self._from_ms = max(newest)
            self._known = newest[self._from_ms]
        return len(self.lines)


def invoked(function: Deployed, number: int) -> str:
    """The request id of an invocation that is over: a caller who wants the tail is answered after REPORT."""
    return function.invoke({"number": number}, tail=True).request_id


def streams(neve: NeveServer, function: Deployed) -> list[str]:
    found = neve.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{function.name}")["logStreams"]
    return [stream["logStreamName"] for stream in found]


def aws_logs(neve: NeveServer, folder: Path, command: str, function: Deployed, *arguments: str) -> Any:
    """What `aws logs COMMAND` prints about the function's group."""
    ended = neve.aws(
        "logs", command, "--log-group-name", f"/aws/lambda/{function.name}", *arguments, "--output", "json", cwd=folder
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)
