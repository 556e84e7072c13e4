"""A throwaway server for the time of a check, and an account of it for each function and fate: nothing that one does, in
queues, tables or other functions, reaches another.

Races that depend on the machine are taken out: a function has a whole processor, and nothing is booted ahead.
"""

import itertools
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neve.cli import caller
from neve.cli.checking.targets import Target
from neve.cli.checking.witness import Witness
from neve.cli.client import Answer, Client, Impossible
from neve.cli.own_server import own_server
from neve.cli.upload import upload

SETTINGS: Mapping[str, object] = {
    "leaks": "explain",
    "neighbours": True,
    "prestarted": 0,
    "limit_cpu": False,
    "limit_rate": False,
    "virtual_clock": False,
    "drain_seconds": 0.5,
    "freeze_grace_ms": 0,
    "idle_seconds": 3600,
}
_CALLERS = ("aws-sdk", "boto", "AWS_ENDPOINT_URL")
_FIRST_ACCOUNT = 900_000_000_001
_SETUP_SECONDS = 120.0


@dataclass(frozen=True)
class World:
    """One account with one function to check in it."""

    account: str
    client: Client
    witness: Witness
    target: Target

    def deploy(self, setup: str | None) -> None:
        """The function, those that it may call, and what the user wants there."""
        if setup is not None:
            self._set_up(setup)
        for each in (*self.target.siblings, self.target):
            members = dict(each.members)
            layers = [self.client.publish_layer(f"{each.name}-{n}", code) for n, code in enumerate(each.layers, 1)]
            upload(self.client, each.name, each.archive, {**members, "Layers": layers} if layers else members)

    def _set_up(self, setup: str) -> None:
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.client.endpoint,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "neve",
            "AWS_DEFAULT_REGION": caller.region(),
            "AWS_REGION": caller.region(),
            "AWS_PAGER": "",
        }
        environment.pop("AWS_SESSION_TOKEN", None)
        environment.pop("AWS_PROFILE", None)
        try:
            run = subprocess.run(
                setup, shell=True, env=environment, capture_output=True, text=True, timeout=_SETUP_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise Impossible(f"The setup `{setup}` did not end within {_SETUP_SECONDS:.0f} seconds.") from None
        if run.returncode != 0:
            said = (run.stderr or run.stdout).strip().splitlines()
            raise Impossible(
                f"The setup `{setup}` failed with status {run.returncode}: {said[-1] if said else 'it said nothing'}"
            )

    def invoke(self) -> Answer:
        """The function, with its event."""
        self.witness.touch(self.account)
        return self.client.invoke(self.target.name, self.target.event)

    def freeze_after(self, seconds: float) -> None:
        """How long its idle environments wait before they freeze."""
        self.client.own("/environments/freezing", self._place(graceSeconds=seconds))

    def reclaim(self) -> None:
        """End its idle environments."""
        self.client.own("/environments/reclaim", self._place())

    def _place(self, **members: Any) -> dict[str, Any]:
        return {"function": self.target.name, "account": self.account, "region": caller.region(), **members}


@dataclass
class Worlds:
    """Those of one check."""

    url: str
    witness: Witness
    _accounts: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_ACCOUNT))

    def make(self, target: Target) -> World:
        """A new one."""
        account = str(next(self._accounts))
        return World(account, Client(self.url, account), self.witness, target)

    def prepare(self, targets: Sequence[Target]) -> None:
        """What functions may call is there before they do: its start is none of their time."""
        if any(each.mentions(name) for each in targets for name in _CALLERS):
            Client(self.url).wake_neighbours()


@contextmanager
def worlds(folder: Path | None) -> Iterator[Worlds]:
    """For the time of a `with`. `folder` has the `neve.toml` whose settings count. Impossible when no server starts."""
    with own_server(SETTINGS, folder) as url:
        witness = Witness(Client(url))
        witness.begin()
        yield Worlds(url, witness)
