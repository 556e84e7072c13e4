"""AWS's own Python runtime client: installed once into the cache of the checkout, at the version that is named here."""

import fcntl
import subprocess
import sys
from pathlib import Path

VERSION = "4.2.2"
_CACHE = Path(__file__).parents[3] / ".cache" / "awslambdaric"
_INSTALL_BOUND_S = 100.0


def interpreter() -> Path:
    """A Python that has it; parallel test processes wait for the first that installs it. It is downloaded, not built."""
    folder = _CACHE / f"{VERSION}-python{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "venv" / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(folder / "venv", python)
            (folder / "complete").touch()
    return python


def _install(venv: Path, python: Path) -> None:
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        [str(python), "-m", "pip", "install", "-q", "--only-binary", ":all:", f"awslambdaric=={VERSION}"],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_BOUND_S)
