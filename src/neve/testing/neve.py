"""A Neve for tests: one server for a session, an account of it for each test, functions on it."""

import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from neve.cli import caller, output
from neve.cli.checking.fates import QUIET_S, nothing_open
from neve.cli.checking.observed import bare_line
from neve.cli.checking.witness import Record, Witness
from neve.cli.client import Answer, Client, Failed, Impossible
from neve.cli.discover import Found, find_functions, guess
from neve.cli.own_server import own_server
from neve.cli.package import package
from neve.cli.upload import upload
from neve.testing.results import Error, Leak, Result, error_of

SETTINGS: Mapping[str, object] = {
    "virtual_clock": True,
    "neighbours": True,
    "leaks": "explain",
    "prestarted": 1,
    "drain_seconds": 0.5,
    "limit_cpu": False,
    "limit_rate": False,
    "freeze_grace_ms": 0,
}
WAIT_S = 20.0
"""How long anything here is waited for."""

_FIRST_ACCOUNT = 700_000_000_001
_PAUSE_S = 0.01
_AT_REST = frozenset({"ready", "frozen", "down"})

_NO_EVENTS: Mapping[str, Any] = {
    "waiting": 0,
    "running": 0,
    "retrying": 0,
    "received": 0,
    "succeeded": 0,
    "dropped": {},
}

Code = str | Path | Mapping[str, str]
"""A folder, a file or a zip; or files by their names."""


@dataclass
class Server:
    """A server and what it tells, for a session of tests."""

    url: str
    witness: Witness
    _accounts: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_ACCOUNT))

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Self]:
        """For the time of a `with`."""
        with own_server(SETTINGS) as url:
            witness = Witness(Client(url))
            witness.begin()
            yield cls(url, witness)

    @contextmanager
    def account_for(self, folder: Path) -> Iterator["Neve"]:
        """An account for a test in a folder; its functions are deleted at the end."""
        neve = Neve(self.url, str(next(self._accounts)), folder, self.witness)
        try:
            yield neve
        finally:
            neve.close()


class Neve:
    """What the fixture `neve` is. Everything in it belongs to one account, so that tests do not see each other."""

    def __init__(self, url: str, account: str, folder: Path, witness: Witness) -> None:
        self.url = url
        self.account = account
        self._folder = folder
        self._witness = witness
        self._client = Client(url, account)
        self._functions: list[Function] = []

    @property
    def variables(self) -> Mapping[str, str]:
        """What points AWS tools here, and to this account."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "neve",
            "AWS_DEFAULT_REGION": caller.region(),
            "AWS_REGION": caller.region(),
        }

    def client(self, service: str) -> Any:
        """A boto3 client."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=caller.region(),
            aws_access_key_id=self.account,
            aws_secret_access_key="neve",
        )

    def deploy(
        self,
        code: Code,
        *,
        name: str | None = None,
        runtime: str | None = None,
        handler: str | None = None,
        timeout: int | None = None,
        memory: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "Function":
        """Create or update a function.

        `code` is a folder, a file or a zip (relative to the test's file, else to the current directory), or files by name:
        `{"index.mjs": "export const handler = …"}`. What is not given is what a `neve.toml` beside the folder says, else what the
        code looks like, as for `neve dev`; else the service's defaults.
        """
        if not isinstance(code, str | Path):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place) / (name or "function")
                _write(folder, code)
                return self._deploy(folder, name or "function", runtime, handler, timeout, memory, environment)
        path = self._path(Path(code))
        own_name = name or (path.name if path.is_dir() else path.stem)
        return self._deploy(path, own_name, runtime, handler, timeout, memory, environment)

    def advance(self, span: float | str) -> None:
        """Move the clock of retries, schedules and idle limits: seconds, or `2m`, `1h30m`. Functions keep the real time."""
        seconds = output.Duration().convert(span, None, None)
        self._client.own("/clock/advance", {"seconds": seconds})

    def close(self) -> None:
        """Delete the functions."""
        for function in self._functions:
            with suppress(Failed):  # the test may have deleted it
                self._client.delete(function.name)

    def _path(self, path: Path) -> Path:
        found = next((each for each in (self._folder / path, path) if each.exists()), None)
        if found is None:
            raise Impossible(f"There is no {path}, neither beside the test nor in {Path.cwd()}.")
        return found.resolve()

    def _deploy(
        self,
        path: Path,
        name: str,
        runtime: str | None,
        handler: str | None,
        timeout: int | None,
        memory: int | None,
        environment: Mapping[str, str] | None,
    ) -> "Function":
        found = _found(path, name)
        members = {
            "Runtime": runtime or (found and found.runtime),
            "Handler": handler or (found and found.handler),
            "Timeout": timeout or (found.timeout if found else 3),
            "MemorySize": memory or (found.memory if found else 128),
            "Environment": {"Variables": dict(environment or (found.environment if found else {}))},
        }
        if members["Runtime"] is None or members["Handler"] is None:
            raise Impossible(f"{path} does not tell how to run it; give runtime and handler.")
        upload(self._client, name, package(path), members)
        function = Function(name, self.account, self._client, self._witness)
        self._functions.append(function)
        return function


class Function:
    """A function that is deployed."""

    def __init__(self, name: str, account: str, client: Client, witness: Witness) -> None:
        self.name = name
        self._account = account
        self._client = client
        self._witness = witness
        self._failed = 0

    # Running it

    def invoke(self, event: object = None, *, qualifier: str | None = None) -> Result:
        """Invoke it and wait for its end; `event` is anything that JSON can say, `{}` without one."""
        payload = json.dumps({} if event is None else event).encode()
        answer = self._client.invoke(self.name, payload, qualifier=qualifier)
        return self._result(answer)

    def send(self, event: object = None) -> str:
        """Give it to the event queue (InvocationType `Event`): the request id."""
        payload = json.dumps({} if event is None else event).encode()
        return self._client.invoke(self.name, payload, event=True).headers["x-amzn-requestid"]

    def _result(self, answer: Answer) -> Result:
        request_id = answer.headers["x-amzn-requestid"]
        report = self._report(request_id)
        failed = answer.headers.get("x-amz-function-error")
        metrics = report["metrics"]
        return Result(
            request_id=request_id,
            payload=None if failed else _json(answer.body),
            error=error_of(answer.body, failed) if failed else None,
            logs=self._logs(request_id),
            duration_ms=metrics["durationMs"],
            billed_ms=metrics["billedDurationMs"],
            init_ms=metrics.get("initDurationMs"),
            status=report["status"],
            _leaks=self._leaks_of,
        )

    def _report(self, request_id: str) -> Mapping[str, Any]:
        """Told when the runtime asks for its next event, which is a moment after the answer."""

        def reports(told: Sequence[Record]) -> list[Record]:
            return [each for each in told if each["type"] == "platform.report" and each["requestId"] == request_id]

        if not self._witness.wait(self._account, lambda told: bool(reports(told)), WAIT_S):
            raise Failed(f"The invocation {request_id} of {self.name} did not come to its end.")
        report: Mapping[str, Any] = reports(self._witness.told(self._account))[0]["record"]
        return report

    # What it does

    def _logs(self, request_id: str) -> list[str]:
        told = self._witness.told(self._account)
        lines = (each for each in told if each["type"] == "function" and each["requestId"] == request_id)
        return [bare_line(each["record"]["text"]) for each in lines]

    @property
    def logs(self) -> list[str]:
        """Everything that it printed, whoever printed it, without the columns before each line."""
        told = self._witness.told(self._account)
        lines = (each for each in told if each["type"] == "function" and each["function"] == self.name)
        return [bare_line(each["record"]["text"]) for each in lines]

    @property
    def leaks(self) -> list[Leak]:
        """What its invocations left behind so far, the oldest first."""
        return [Leak.of(each) for each in self._told_leaks()]

    def _leaks_of(self, request_id: str) -> list[Leak]:
        return [Leak.of(each) for each in self._told_leaks() if each["origin"] == request_id]

    def _told_leaks(self) -> list[Mapping[str, Any]]:
        self._wait(lambda: all(each in _AT_REST for each in self.states), "come to rest")
        found = self._client.own(f"/leaks?function={quote(self.name, safe='')}")["leaks"]
        return [each for each in reversed(found) if each["account"] == self._account]

    # Its environments

    @property
    def states(self) -> list[str]:
        """Of its environments: `frozen`, `ready`, `invoking`, …"""
        found = self._client.own(f"/environments?function={quote(self.name, safe='')}")["environments"]
        return [each["state"] for each in found if each["account"] == self._account]

    def freeze_after(self, seconds: float | None) -> None:
        """How long an idle environment waits before it freezes: 0 is at once, as on Lambda; None is as usual."""
        self._client.own("/environments/freezing", self._place(graceSeconds=seconds))

    def settle(self, seconds: float = WAIT_S) -> None:
        """Until left-over work that can end has ended; for a function that does not freeze at once."""
        if not self._witness.wait_quiet(self._account, nothing_open, QUIET_S, seconds):
            raise Failed(f"What {self.name} left behind was not over within {seconds:g} seconds.")

    def reclaim(self) -> None:
        """End its idle environments, as Lambda may at any time: what was frozen in them never goes on."""
        self._client.own("/environments/reclaim", self._place())

    # Its events

    @property
    def queue(self) -> Mapping[str, Any]:
        """How many of its events are `waiting`, `running`, `retrying`, and what became of the others."""
        query = f"function={quote(self.name, safe='')}&account={self._account}"
        found = self._client.own(f"/queue?{query}")["functions"]
        return dict(found[0]) if found else _NO_EVENTS

    def wait_retrying(self) -> None:
        """Until an event of it has failed, since the last call of this, and waits for its next attempt (`neve.advance("2m")`)."""

        def failed(told: Sequence[Record]) -> int:
            return sum(each["type"] == "neve.retryAt" and each["function"] == self.name for each in told)

        if not self._witness.wait(self._account, lambda told: failed(told) > self._failed, WAIT_S):
            raise Failed(f"No event of {self.name} has failed and waits for its next attempt.")
        self._failed = failed(self._witness.told(self._account))

    def wait_done(self) -> None:
        """Until every event that it was given has succeeded, or was dropped."""
        self._wait(lambda: _is_done(self.queue), "be done with its events")

    def _wait(self, met: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + WAIT_S
        while not met():
            if time.monotonic() > until:
                raise Failed(f"{self.name} did not {what} within {WAIT_S:.0f} seconds.")
            time.sleep(_PAUSE_S)

    def _place(self, **members: Any) -> dict[str, Any]:
        return {"function": self.name, "account": self._account, "region": caller.region(), **members}


def _is_done(queue: Mapping[str, Any]) -> bool:
    return bool(queue["received"] == queue["succeeded"] + sum(queue["dropped"].values()))


def _found(path: Path, name: str) -> Found | None:
    """What a `neve.toml` beside it says, else what the code looks like."""
    if path.is_dir() and (path.parent / "neve.toml").is_file():
        told = [each for each in find_functions(path.parent, lambda name, error: None) if each.path == path]
        if told:
            return told[0]
    guessed = guess(path) if path.suffix != ".zip" else None
    return Found(name, path, *guessed) if guessed else None


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


__all__ = ["Error", "Function", "Leak", "Neve", "Result", "Server"]
