"""AWS's own Python runtime client: installed once into the cache of the checkout, at the version that is named here."""

import fcntl
import subprocess
import sys
from pathlib import Path

VERSION = "4.2.2"
_CACHE = Path(__file__).parents[3] / ".cache" / "awslambdaric"
_INSTALL_BOUND_S = 100.0
_PIP = ("-m", "pip", "install", "-q", "--only-binary", ":all:", f"awslambdaric=={VERSION}")


def interpreter() -> Path:
    """A Python that has it; parallel test processes wait for the first that installs it. It is downloaded, not built."""
    folder = _CACHE / f"{VERSION}-python{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "venv" / "bin" / "python"
    venv = [sys.executable, "-m", "venv", "--clear", str(folder / "venv")]
    _once(folder, venv, [str(python), *_PIP])
    return python


def packages(python: str) -> Path:
    """A folder with it for another Python, `/usr/bin/python3` say."""
    show = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    minor = subprocess.run(show, check=True, capture_output=True, text=True, timeout=_INSTALL_BOUND_S).stdout.strip()
    folder = _CACHE / f"{VERSION}-packages{minor}"
    _once(folder, [sys.executable, *_PIP, "--python-version", minor, "--target", str(folder / "packages")])
    return folder / "packages"


def _once(folder: Path, *commands: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for command in commands:
                subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_BOUND_S)
            (folder / "complete").touch()
