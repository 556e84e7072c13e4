"""What the machine itself knows of processes and cgroups, whatever Neve says."""

import os
import time
from collections.abc import Callable
from pathlib import Path

BOUND_S = 20.0
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
_PAUSE_S = 0.002


def until(met: Callable[[], bool], what: str) -> None:
    """Look again and again until the condition holds; an AssertionError with `what` when the bound is over."""
    deadline = time.monotonic() + BOUND_S
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(_PAUSE_S)


def processes_with(argument: str) -> list[int]:
    """The living processes that have this among their arguments, oldest first: as the host numbers them."""
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return sorted(pid for pid in found if argument in _arguments(pid))


def cpu_seconds(pid: int) -> float:
    """What the process and all its threads have used."""
    fields = _fields(pid)
    assert fields is not None, f"process {pid} is gone"
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def turns(pid: int) -> int:
    """How often the kernel has given the processor to any thread of the process: a frozen one never gets it."""
    texts = [status.read_text() for status in Path(f"/proc/{pid}/task").glob("*/status")]
    lines = [line.split() for text in texts for line in text.splitlines() if "ctxt_switches" in line]
    assert lines, f"process {pid} is gone"
    return sum(int(count) for _, count in lines)


def started(pid: int) -> str | None:
    """When the process began, in ticks since boot: with the pid it names one process for ever. None when it is gone."""
    fields = _fields(pid)
    return fields[19] if fields is not None and fields[0] not in "ZX" else None


def cgroups_of(neve_pid: int) -> list[Path]:
    """The folders of one Neve in every hierarchy."""
    name = f"neve-{neve_pid}-"
    walks = (os.walk(mount) for mount in _cgroup_mounts())
    return [Path(top) / folder for walk in walks for top, folders, _ in walk for folder in folders if name in folder]


def _cgroup_mounts() -> list[str]:
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [place for _, place, kind, *_ in lines if kind in ("cgroup", "cgroup2")]


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _fields(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()
