"""What machine this is, and whether it has time for us."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

QUIET = 0.15
"""More of the processors may nobody use who is not measured."""
_LOOK_S = 1.0


def describe() -> dict[str, str]:
    """What a reader has to know to compare."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
    }


def load() -> float:
    """How many processes wanted to run, over the last minute: it tells of what has ended, too."""
    return os.getloadavg()[0]


def used_share(seconds: float = _LOOK_S) -> float:
    """Which part of all processors is in use, by anybody, during the next seconds: 0 to 1."""
    total, idle = _ticks(Path("/proc/stat").read_text())
    time.sleep(seconds)
    total_then, idle_then = _ticks(Path("/proc/stat").read_text())
    return 1 - (idle_then - idle) / max(1, total_then - total)


def wait_until_quiet(at_most_s: float, tell: Callable[[str], None], look_s: float = _LOOK_S) -> float:
    """Look until the processors are idle enough, at most so long; the share in use as last seen (above QUIET: they are not)."""
    deadline = time.monotonic() + at_most_s
    told = False
    while (share := used_share(look_s)) > QUIET and (left := deadline - time.monotonic()) > 0:
        if not told:
            tell(
                f"waiting until less than {QUIET:.0%} of the processors are in use (now {share:.0%}), at most {left:.0f} s"
            )
        told = True
    return share


def _ticks(text: str) -> tuple[int, int]:
    """All, and those in which nobody ran, of the first line of /proc/stat. Waiting for a disk is idle, too (proc(5))."""
    _, *fields = text.partition("\n")[0].split()
    ticks = [int(each) for each in fields[:8]]  # what guests used is in the first two already
    return sum(ticks), ticks[3] + ticks[4]


def cpu_seconds(pid: int) -> float:
    """What the process and all its threads have used."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int, most: bool = False) -> float:
    """Resident memory in MB, now or the most there ever was."""
    name = "VmHWM:" if most else "VmRSS:"
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(name)[1].split()[0]) / 1024


def forget_the_most(pid: int) -> None:
    """From now on `resident_mb(pid, most=True)` begins anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def share_bytes(pid: int) -> int:
    """Memory of a process, what it shares divided by who shares it (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def descendants(pid: int) -> list[int]:
    """Every process below this one, without it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(text[text.rindex(")") + 2 :].split()[1]), []).append(int(entry.name))
    found, look = [], [pid]
    while look:
        below = children.get(look.pop(), [])
        found += below
        look += below
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
