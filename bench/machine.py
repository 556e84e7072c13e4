"""What machine this is, and whether it has time for us."""

import os
import platform
import time
from pathlib import Path


def describe() -> dict[str, str]:
    """What a reader has to know to compare."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
    }


def load() -> float:
    """How many processes wanted to run, over the last minute; 0 where the machine does not say."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return 0.0


def is_busy() -> bool:
    """Whether others want this machine: the load of a quiet one is far below its cores."""
    return load() > 0.5 * (os.cpu_count() or 1)


def wait_until_quiet(seconds: float) -> bool:
    """Wait for others to finish, at most so long; whether they did."""
    deadline = time.monotonic() + seconds
    while is_busy():
        if time.monotonic() > deadline:
            return False
        time.sleep(2)
    return True


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
