"""Where peers are installed: a cache of their own, never Neve's environment. What failed once fails with the same words."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.peers.peer import Missing

FOLDER = Path(__file__).parents[2] / ".cache" / "bench"
_BOUND_S = 600


def python_packages(name: str, *packages: str) -> Path:
    """A virtual environment with these; its `bin`."""
    folder = FOLDER / name
    if not (folder / ".whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", folder], FOLDER)
        _run([folder / "bin" / "pip", "install", "-q", *packages], FOLDER)
        (folder / ".whole").touch()
    return folder / "bin"


def python_version(binaries: Path, package: str) -> str:
    """Of an installed one."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return _run([binaries / "python", "-c", code], FOLDER).strip()


def wheel(package: str) -> Path:
    """The wheel itself, for what is inside."""
    folder = FOLDER / "wheels"
    name = package.replace("-", "_")
    if not any(folder.glob(f"{name}-*.whl")):
        folder.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", package], folder)
    return next(folder.glob(f"{name}-*.whl"))


def node_packages(name: str, *packages: str) -> Path:
    """A folder with these in its `node_modules`."""
    folder = FOLDER / name
    if shutil.which("npm") is None:
        raise Missing("npm is not installed")
    if not (folder / ".whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true}')
        _run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *packages], folder)
        (folder / ".whole").touch()
    return folder


def _run(command: Sequence[str | Path], directory: Path) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            [str(each) for each in command],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=_BOUND_S,
            check=True,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as failed:
        told = (getattr(failed, "stderr", None) or str(failed)).strip().splitlines()
        raise Missing(f"cannot be installed: {told[-1] if told else failed}") from failed
    return done.stdout
