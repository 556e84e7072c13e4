"""A `neve serve` of an ordinary user, in cgroups that were given to that user, as a service manager does it."""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.acceptance.server import READY, NeveServer, clean_environment

from neve.dataplane.sandbox import hierarchy

UID = 65534
_SOURCE = Path(__file__).parents[2] / "src"
_NUMBERS = itertools.count(1)
_GIVEN = ("cgroup.procs", "cgroup.subtree_control", "tasks")


@contextlib.contextmanager
def running_as_ordinary_user(*flags: str, delegated: bool = True) -> Iterator[NeveServer]:
    """A server of the user who runs the tests, or of `nobody` when that is root; `delegated`: with cgroups to use."""
    # Not below pytest's folders, which are for one user.
    with tempfile.TemporaryDirectory(prefix="ordinary-") as place, contextlib.ExitStack() as stack:
        before: list[str] = []
        if os.geteuid() == 0:
            os.chown(place, UID, UID)
            given = stack.enter_context(_cgroups()) if delegated else []
            enter = "".join(f"echo 0 > {each}/cgroup.procs; " for each in given)
            become = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--"]
            before = ["/bin/sh", "-c", f'{enter}exec "$@"', "sh", *become]
        server = _start(Path(place), before, flags)
        stack.callback(_end, server)
        yield server


def _end(server: NeveServer) -> None:
    if server.process.poll() is None:
        server.process.terminate()
    server.wait_ended()


def _start(folder: Path, before: Sequence[str], flags: Sequence[str]) -> NeveServer:
    program = [_python(), "-c", "from neve.cli.main import main; main()", "serve", "--port", "0"]
    argv = [*before, *program, "--data-dir", str(folder / "data"), *flags]
    environment = clean_environment() | {
        "PYTHONPATH": f"{_SOURCE}:{sysconfig.get_path('purelib')}",
        "PATH": "/usr/bin:/bin",
        "A_SECRET_OF_THE_HOST": "secret",
        "TMPDIR": str(folder),
    }
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment, cwd="/")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith(READY), (line, (folder / "stderr").read_text())
    return NeveServer(process, line.removeprefix(READY).strip(), folder / "data")


def _python() -> str:
    """An interpreter that everybody may read, with the packages of the one that runs the tests."""
    candidates = [Path(sys.executable).resolve(), Path("/usr/bin/python3"), Path("/usr/local/bin/python3")]
    for candidate in candidates:
        if candidate.exists() and _is_open(candidate) and _version(candidate) == sys.version_info[:2]:
            return str(candidate)
    raise AssertionError("no Python of this version can be read by an ordinary user: these tests need one")


def _is_open(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in path.resolve().parents)


def _version(python: Path) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    return tuple(map(int, subprocess.run([python, "-c", code], capture_output=True, check=True).stdout.split()))


@contextlib.contextmanager
def _cgroups() -> Iterator[list[Path]]:
    name = f"ordinary-{os.getpid()}-{next(_NUMBERS)}"
    found = [hierarchy.version2(), *map(hierarchy.version1, ("memory", "cpu", "pids", "freezer"))]
    folders = list(dict.fromkeys(each.here / name for each in found if each is not None))
    for folder in folders:
        folder.mkdir(exist_ok=True)
        for path in (folder, *(folder / name for name in _GIVEN)):
            if path.exists():
                shutil.chown(path, UID)
    try:
        yield folders
    finally:
        deadline = time.monotonic() + 5
        while not all([*map(hierarchy.remove_folder, folders)]) and time.monotonic() < deadline:
            time.sleep(0.01)
