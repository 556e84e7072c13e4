"""Which kind is chosen: what works, found by freezing; for an ordinary user too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neve.dataplane.sandbox.bubblewrap import BubblewrapMissing
from neve.dataplane.sandbox.choose import FREEZERS, choose_kind, try_freezer
from neve.dataplane.sandbox.freezer import FreezerKind, FreezerMissing
from neve.dataplane.sandbox.sandbox import Limits
from neve.domain.errors import OperatorError

AS_NOBODY = """
import asyncio, concurrent.futures.thread, os, socket
from pathlib import Path
from neve.dataplane.sandbox.bubblewrap import BubblewrapMissing
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
    print(kind.name, kind.freezer, await sandbox.wait())

asyncio.run(main())
"""


async def test_the_best_that_works_is_chosen_within_a_running_loop() -> None:
    kind = choose_kind()
    best = next(name for name in FREEZERS if _works(name))
    assert (kind.name, kind.freezer) == ("bubblewrap", best)
    await kind.close()


def test_an_ordinary_user_gets_one_too() -> None:
    ran = subprocess.run([sys.executable, "-c", AS_NOBODY], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    assert ran.stdout.split(maxsplit=2)[:1] == ["bubblewrap"]
    assert ran.stdout.split(maxsplit=2)[1] in FREEZERS
    assert "Exit(status=None, signal=9," in ran.stdout


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


async def test_without_bubblewrap_the_choice_falls_back_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Path:
        raise BubblewrapMissing("there is no bwrap")

    monkeypatch.setattr("neve.dataplane.sandbox.bubblewrap.find_program", refuse)
    kind = choose_kind()
    assert kind.name == "bare"
    assert "The bubblewrap sandbox cannot be used: there is no bwrap." in kind.missing
    await kind.close()
    with pytest.raises(OperatorError, match=r"cannot be isolated here \(there is no bwrap\)"):
        choose_kind("bubblewrap")


async def test_a_bubblewrap_that_the_kernel_refuses_tells_its_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace.' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr("neve.dataplane.sandbox.bubblewrap.find_program", lambda: refusing)
    kind = choose_kind()
    assert kind.name == "bare"
    assert kind.missing[-1].endswith("No permissions to create a new namespace.")
    await kind.close()


def _works(name: str) -> bool:
    tried = try_freezer(name)
    if tried.kind is not None:
        tried.kind.close()
    return tried.kind is not None
