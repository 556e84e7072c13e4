"""A real Neve whose disk is full for a while: who gets no 202 is told why, who got one finds the event run (charter E2)."""

import resource
from pathlib import Path

import botocore.exceptions
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.machine import until
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.server import running

LARGE = b'"' + b"x" * 200_000 + b'"'
PROGRAM = """
import urllib.request
def handler(event, context):
    if event == "hold":
        urllib.request.urlopen("{url}/held", timeout=60).read()
"""


def fill(function: Deployed) -> tuple[set[str], str]:
    """Send until one is refused: the ids of those that were accepted, and what was said."""
    accepted: set[str] = set()
    while len(accepted) < 1000:
        try:
            accepted.add(function.invoke(LARGE, InvocationType="Event").request_id)
        except botocore.exceptions.ClientError as refused:
            status = refused.response["ResponseMetadata"]["HTTPStatusCode"]
            return accepted, f"{status} {refused.response['Error']['Code']}: {refused.response['Error']['Message']}"
    raise AssertionError("the disk was never full")


def test_event_is_refused_while_the_disk_is_full_and_none_is_lost(tmp_path: Path, store: ObjectStore) -> None:
    with running(tmp_path / "data") as server:
        function = deploy(server, {"index.py": PROGRAM.format(url=store.url)}, "python3.11", timeout_s=60)
        server.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
        store.objects["/held"] = b""
        store.hold("/held")
        busy = function.begin("hold")
        store.wait_request("GET", "/held")  # from now on events wait
        before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        # The limit of a file's size is what a full disk is to the process, without taking the disk from everybody else.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (6_000_000, before[1]))
        accepted, refusal = fill(function)
        assert refusal.startswith("500 ServiceException: The storage is unavailable: the disk ")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)
        store.let_go("/held")
        assert busy.result(30).status == 200
        accepted.add(function.invoke("one more", InvocationType="Event").request_id)

        def succeeded() -> int:
            (found,) = server.own(f"queue?function={function.name}")["functions"]
            return int(found["succeeded"])

        until(lambda: succeeded() == len(accepted), "not every event has run")
        started = {line.split()[2] for line in function.log_lines() if line.startswith("START")}
        assert accepted <= started
