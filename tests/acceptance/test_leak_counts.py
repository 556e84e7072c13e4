"""Nothing of Neve's grows with use: a thousand invocations of fifty functions, two hundred environments alive at once.

What is counted before and after: processes, the server's descriptors, cgroups, mounts, folders.
"""

import asyncio
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.machine import cgroups_of, until
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.server import NeveServer, running

FUNCTIONS = 50
ENVIRONMENTS_OF_EACH = 4
INVOCATIONS = 1_000
USED_AGAIN = 20
CALLERS = 32
IDLE_S = 600
HOUSEKEEPING_S = 3600
BOUND_S = 60.0

# Mostly Python, which starts in a third of the time of Node.js; a shell takes four programs for each invocation.
NODE = {
    "index.mjs": "export const handler = async ({ url }) => { if (url) await fetch(url, { method: 'PUT', body: '' }); };"
}
PYTHON = {
    "index.py": """
import urllib.request

def handler(event, context):
    if "url" in event:
        urllib.request.urlopen(urllib.request.Request(event["url"], b"", method="PUT")).read()
"""
}
SHELL = {
    "bootstrap": """#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while event=$(curl -s -D /tmp/head "$api/next"); do
  id=$(sed -n 's/^lambda-runtime-aws-request-id: *\\([0-9a-f-]*\\).*/\\1/Ip' /tmp/head)
  case $event in *url*) curl -s -X PUT -d '' "$(echo "$event" | sed 's/.*"url":"\\([^"]*\\).*/\\1/')" ;; esac
  curl -s -o /tmp/answered -d null "$api/$id/response"
done
"""
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NeveServer]:
    """One whose clock can be moved, without a stock of runtimes: what waits for functions would be counted, too."""
    with running(tmp_path / "data", "--virtual-clock", "--idle-seconds", str(IDLE_S), "--prestarted", "0") as started:
        yield started


class Held:
    """What a server holds of the machine."""

    def __init__(self, server: NeveServer) -> None:
        self._server = server
        self._pid = server.process.pid

    def __call__(self) -> dict[str, int]:
        """Numbers by name."""
        return {
            "processes": len(descendants(self._pid)),
            "descriptors": len(list(Path(f"/proc/{self._pid}/fd").iterdir())),
            "cgroups": sum(1 for top in cgroups_of(self._pid) for _ in os.walk(top)),
            "mounts": len(Path(f"/proc/{self._pid}/mountinfo").read_text().splitlines()),
            "folders for /tmp": len(list(Path(f"/proc/{self._pid}/root/tmp").glob(f"neve-{self._pid}-*/*"))),
            "environments": len(self._server.own("environments")["environments"]),
        }

    def folders(self) -> list[Path]:
        """The unpacked code."""
        return [path for path in self._server.data_dir.glob("tasks/*") if path.is_dir()]

    def wait_back(self, before: dict[str, int], but: Sequence[str] = ()) -> None:
        """Until everything is as it was."""
        now: dict[str, int] = {}

        def back() -> bool:
            now.update(self() | {name: before[name] for name in but})
            return now == before

        try:
            until(back, "not back")
        except AssertionError:
            assert now == before


def descendants(pid: int) -> set[int]:
    """Every process that it started, and theirs."""
    found = {int(child) for task in _threads(pid) for child in _read(task / "children").split()}
    return found.union(*(descendants(child) for child in found))


def _threads(pid: int) -> list[Path]:
    """None of a process that ended between two looks."""
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


async def call(server: NeveServer, function: Deployed, event: bytes) -> None:
    """One invocation on a connection of its own; it must succeed."""
    host = urlsplit(server.url).netloc
    reader, writer = await asyncio.open_connection(*host.split(":"))
    head = f"POST /2015-03-31/functions/{function.name}/invocations HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
    writer.write(f"{head}content-length: {len(event)}\r\n\r\n".encode() + event)
    answer = await asyncio.wait_for(reader.read(), BOUND_S)
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert b"x-amz-function-error" not in answer.lower(), answer


async def all_at_once(server: NeveServer, functions: list[Deployed], store: ObjectStore) -> None:
    """As many environments as invocations, which wait for each other."""
    path = f"/held-{len(store.requests)}"
    store.hold(path)
    calls = [asyncio.ensure_future(call(server, each, f'{{"url":"{store.url}{path}"}}'.encode())) for each in functions]
    try:
        await asyncio.to_thread(store.wait_request, "PUT", path, len(calls), BOUND_S)
    finally:
        await asyncio.to_thread(store.let_go, path)
        await asyncio.gather(*calls)


async def some_at_a_time(server: NeveServer, functions: list[Deployed]) -> None:
    """Invocations of few callers."""
    waiting = iter(functions)

    async def caller() -> None:
        for function in waiting:
            await call(server, function, b"{}")

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


def deployed(server: NeveServer, number: int) -> Deployed:
    if number % 5 == 0:
        return deploy(server, NODE, "nodejs24.x", timeout_s=60)
    if number % 25 == 1:
        return deploy(server, SHELL, "provided.al2023", "x", timeout_s=60, executable=True)
    text = PYTHON["index.py"] + f"\n# {number}\n"  # code of its own
    return deploy(server, {"index.py": text}, f"python3.{sys.version_info[1]}", timeout_s=60)


@pytest.mark.timeout(180)
async def test_what_neve_holds_is_given_back(server: NeveServer, store: ObjectStore) -> None:
    held = Held(server)
    before = held()
    # What is made once, at the first use, is not the use's: threads' connections, compiled clients, packages.
    warm = [deployed(server, number) for number in (0, 1, 2)]
    await all_at_once(server, warm * 8, store)
    for function in warm:
        function.delete()
    held.wait_back(before, but=["descriptors"])
    server.own("clock/advance", {"seconds": HOUSEKEEPING_S})
    until(lambda: not held.folders(), "folders of code are left")
    before = held()

    functions = [deployed(server, number) for number in range(FUNCTIONS)]
    await all_at_once(server, functions * ENVIRONMENTS_OF_EACH, store)
    alive = server.own("environments")["environments"]
    assert len(alive) == FUNCTIONS * ENVIRONMENTS_OF_EACH
    await some_at_a_time(server, most_often(functions, INVOCATIONS - len(alive) - USED_AGAIN))
    server.own("clock/advance", {"seconds": IDLE_S + 1})
    held.wait_back(before)

    await all_at_once(server, functions[:USED_AGAIN], store)
    for function in functions:
        function.delete()
    held.wait_back(before)
    server.own("clock/advance", {"seconds": HOUSEKEEPING_S})
    until(lambda: not held.folders(), "folders of code are left")


def most_often(functions: list[Deployed], count: int) -> list[Deployed]:
    """So many, in turns, of those that cost least."""
    cheap = itertools.cycle(function for number, function in enumerate(functions) if number % 25 != 1)
    return list(itertools.islice(cheap, count))
