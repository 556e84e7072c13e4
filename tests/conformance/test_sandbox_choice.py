"""Which kind is chosen: what works, found by freezing; for an ordinary user too."""

import os
import subprocess
import sys

import pytest

from neve.dataplane.sandbox.choose import FREEZERS, choose_kind, try_freezer
from neve.dataplane.sandbox.freezer import FreezerKind, FreezerMissing
from neve.dataplane.sandbox.sandbox import Limits
from neve.domain.errors import OperatorError

AS_NOBODY = """
import asyncio, os, socket
from pathlib import Path
from neve.dataplane.sandbox.choose import choose_kind
from neve.dataplane.sandbox.sandbox import Command, Limits

async def main():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    kind = choose_kind()
    sandbox = kind.create("one", Limits())
    ours, theirs = socket.socketpair()
    await sandbox.start(Command(["/bin/sh", "-c", "while :; do :; done"], {}, Path("/")), theirs, theirs.fileno())
    await sandbox.freeze()
    await sandbox.remove()
    await kind.close()
    print(kind.freezer, await sandbox.wait())

asyncio.run(main())
"""


async def test_the_best_that_works_is_chosen_within_a_running_loop() -> None:
    kind = choose_kind()
    best = next(name for name in FREEZERS if _works(name))
    assert (kind.name, kind.freezer) == ("bare", best)
    assert kind.missing
    await kind.close()


def test_an_ordinary_user_gets_one_too() -> None:
    ran = subprocess.run([sys.executable, "-c", AS_NOBODY], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    assert ran.stdout.split(maxsplit=1)[0] in FREEZERS
    assert "Exit(status=None, signal=9)" in ran.stdout


@pytest.mark.parametrize(("sandbox", "freezer"), [("docker", "auto"), ("auto", "ice"), ("bare", "cgroup3")])
def test_an_unknown_name_is_refused_with_those_that_are(sandbox: str, freezer: str) -> None:
    with pytest.raises(OperatorError, match=r"set (sandbox|freezer) to auto"):
        choose_kind(sandbox, freezer)


def test_what_was_asked_and_cannot_be_had_is_said_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> FreezerKind:
        raise FreezerMissing("no cgroup v2 hierarchy is mounted")

    monkeypatch.setattr("neve.dataplane.sandbox.choose.FREEZERS", {**FREEZERS, "cgroup2": refuse})
    with pytest.raises(OperatorError, match="cgroup2: no cgroup v2 hierarchy is mounted"):
        choose_kind("auto", "cgroup2")


async def test_the_next_best_is_taken_when_the_best_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> FreezerKind:
        raise FreezerMissing("not here")

    monkeypatch.setattr("neve.dataplane.sandbox.choose.FREEZERS", {"cgroup2": refuse, "signals": FREEZERS["signals"]})
    kind = choose_kind()
    assert kind.freezer == "signals"
    await kind.close()


async def test_looking_again_takes_nothing_from_a_kind_in_use() -> None:
    kind = choose_kind()
    assert _works(kind.freezer)
    sandbox = kind.create(f"later-{os.getpid()}", Limits())
    await sandbox.remove()
    await kind.close()


def _works(name: str) -> bool:
    tried = try_freezer(name)
    if tried.kind is not None:
        tried.kind.close()
    return tried.kind is not None
