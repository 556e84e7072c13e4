"""`kill -9` at random moments under load: what was acknowledged is there after the next start, and nothing else is left.

Each worker owns its functions, so it knows what the server has acknowledged; what was on its way when the server died may
have happened or not. The moments come from a seeded generator whose seed is part of the test's name.
"""

import contextlib
import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from tests.acceptance import machine
from tests.acceptance.functions import zipped
from tests.acceptance.server import ROLE, NeveServer, clean_environment, running

ROUNDS = 4
WORKERS = 3
FUNCTIONS_PER_WORKER = 3
MOST_ACKNOWLEDGED = 60
LONGEST_DELAY_S = 0.05
ABSENT = "absent"
BOUND_S = 30.0
SERVER_IS_GONE = (
    botocore.exceptions.ConnectionError,
    botocore.exceptions.HTTPClientError,
    botocore.exceptions.IncompleteReadError,
    botocore.exceptions.ResponseStreamingError,
)


@dataclass(frozen=True)
class Version:
    """What a function is: the number that its code returns, and the number in its configuration."""

    code: int
    note: int


State = Version | str
"""A version, or ABSENT."""


class Ledger:
    """What one function must be. `states` are all that it may be: one, or two while a change is on its way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.states: tuple[State, ...] = (ABSENT,)
        self.refusal: str | None = None

    @property
    def now(self) -> State:
        (state,) = self.states
        return state

    @contextlib.contextmanager
    def changing(self, after: State) -> Iterator[None]:
        """A change: acknowledged when the body ends; refused as too early, it did not happen."""
        before = self.now
        self.states = (before, after)
        try:
            yield
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ResourceConflictException":
                raise
            self.states = (before,)
        else:
            self.states = (after,)


class Worker:
    """Changes and invokes its functions until the server is gone, in a thread of its own."""

    def __init__(self, load: "Load", client: Any, ledgers: Sequence[Ledger], dice: random.Random) -> None:
        self._load, self._client, self._ledgers, self._dice = load, client, ledgers, dice
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="load", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Until it has seen the end of the server; what went wrong before that is raised."""
        self._thread.join(BOUND_S)
        assert not self._thread.is_alive()
        if self._fault is not None:
            raise self._fault

    def _work(self) -> None:
        try:
            while True:
                self._step(self._dice.choice(self._ledgers))
                self._load.acknowledge()
        except SERVER_IS_GONE:
            return
        except BaseException as error:  # noqa: BLE001 - told by `join`
            self._fault = error
            self._load.acknowledge(MOST_ACKNOWLEDGED)

    def _step(self, ledger: Ledger) -> None:
        state = ledger.now
        if isinstance(state, str):
            self._create(ledger)
        else:
            verbs = (self._invoke, self._invoke, self._update_code, self._update_configuration, self._delete)
            self._dice.choice(verbs)(ledger, state)

    def _create(self, ledger: Ledger) -> None:
        version = Version(self._load.number(), self._load.number())
        with ledger.changing(version):
            self._client.create_function(
                FunctionName=ledger.name,
                Runtime="python3.11",
                Handler="index.handler",
                Role=ROLE,
                Description=str(version.note),
                Code={"ZipFile": code(version.code)},
            )

    def _update_code(self, ledger: Ledger, state: Version) -> None:
        number = self._load.number()
        with ledger.changing(Version(number, state.note)):
            self._client.update_function_code(FunctionName=ledger.name, ZipFile=code(number))

    def _update_configuration(self, ledger: Ledger, state: Version) -> None:
        number = self._load.number()
        with ledger.changing(Version(state.code, number)):
            self._client.update_function_configuration(FunctionName=ledger.name, Description=str(number))

    def _delete(self, ledger: Ledger, state: Version) -> None:
        with ledger.changing(ABSENT):
            self._client.delete_function(FunctionName=ledger.name)

    def _invoke(self, ledger: Ledger, state: Version) -> None:
        """While an update is on its way the previous code answers, so the number is compared after the restart only."""
        try:
            answer = self._client.invoke(FunctionName=ledger.name)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ResourceConflictException":  # still Pending
                raise
            return
        assert isinstance(json.load(answer["Payload"]), int), answer


class Load:
    """The workers of one life of the server."""

    def __init__(self, server: NeveServer, ledgers: Sequence[Ledger], dice: random.Random, first: int) -> None:
        self._numbers = first
        self._acknowledged = 0
        self._changed = threading.Condition()
        client = server.client("lambda")
        shares = [
            ledgers[start : start + FUNCTIONS_PER_WORKER] for start in range(0, len(ledgers), FUNCTIONS_PER_WORKER)
        ]
        self._workers = [Worker(self, client, share, random.Random(dice.random())) for share in shares]

    def number(self) -> int:
        """One that nobody had before."""
        with self._changed:
            self._numbers += 1
            return self._numbers

    def acknowledge(self, count: int = 1) -> None:
        with self._changed:
            self._acknowledged += count
            self._changed.notify_all()

    def wait_acknowledged(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._acknowledged >= count, BOUND_S), self._acknowledged

    def join(self) -> int:
        """When all workers have seen the end of the server; the last number."""
        for worker in self._workers:
            worker.join()
        return self._numbers


@pytest.mark.parametrize("seed", [11, 22, 33, 44, 55])
def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    ledgers = [Ledger(f"worker-{i}-function-{j}") for i in range(WORKERS) for j in range(FUNCTIONS_PER_WORKER)]
    numbers = 0
    server = NeveServer.start(tmp_path / "data")
    try:
        for _ in range(ROUNDS):
            load = Load(server, ledgers, dice, numbers)
            load.wait_acknowledged(dice.randint(1, MOST_ACKNOWLEDGED))
            lives = processes_of(server)
            threading.Event().wait(dice.uniform(0, LONGEST_DELAY_S))  # the moment is random, nothing is waited for
            dead = server.process.pid
            server.kill()
            numbers = load.join()
            server = NeveServer.start(tmp_path / "data")
            check_nothing_left(dead, lives)
            check(server, ledgers)
    finally:
        server.stop()


def test_a_server_that_was_killed_while_it_started_hinders_nobody(tmp_path: Path) -> None:
    data, dice = tmp_path / "data", random.Random(66)
    with running(data) as server:
        ledger = Ledger("kept")
        ledger.states = (Version(1, 2),)
        client = server.client("lambda")
        client.create_function(
            FunctionName="kept",
            Runtime="python3.11",
            Handler="index.handler",
            Role=ROLE,
            Description="2",
            Code={"ZipFile": code(1)},
        )
        server.kill()  # perhaps still Pending
    dead = []
    for _ in range(8):
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("neve")), "serve", "--port", "0", "--data-dir", str(data)],
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        machine.until(lambda pid=process.pid: machine.cgroups_of(pid) != [], "the server made no cgroup")  # type: ignore[misc]
        threading.Event().wait(dice.uniform(0, LONGEST_DELAY_S))
        process.kill()
        process.wait(BOUND_S)
        dead.append(process.pid)
    with running(data) as server:
        for pid in dead:
            assert machine.cgroups_of(pid) == []
        check(server, [ledger])


def check(server: NeveServer, ledgers: Sequence[Ledger]) -> None:
    """Every function is what it must be, is ready, and runs its code."""
    client = server.client("lambda")
    found = {function["FunctionName"]: function for function in client.list_functions()["Functions"]}
    for ledger in ledgers:
        function = found.get(ledger.name)
        if function is None:
            assert ABSENT in ledger.states, (ledger.name, ledger.states)
            ledger.states = (ABSENT,)
            continue
        configuration = client.get_function_configuration(FunctionName=ledger.name)
        assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful"), configuration
        answer = client.invoke(FunctionName=ledger.name)
        seen = Version(json.load(answer["Payload"]), int(configuration["Description"]))
        assert "FunctionError" not in answer
        assert seen in ledger.states, (ledger.name, ledger.states)
        ledger.states = (seen,)


def processes_of(server: NeveServer) -> dict[int, str | None]:
    """The runtimes' processes by pid, with the time of their birth."""
    pids = [environment["pid"] for environment in server.own("environments")["environments"]]
    return {pid: machine.started(pid) for pid in pids if pid is not None}


def check_nothing_left(dead: int, lives: dict[int, str | None]) -> None:
    """No process that was alive under the dead server, and none of its cgroups."""
    assert [pid for pid, began in lives.items() if began is not None and machine.started(pid) == began] == []
    assert machine.cgroups_of(dead) == []


def code(number: int) -> bytes:
    return zipped({"index.py": f"def handler(event, context):\n    return {number}\n"})
