"""What Python functions can import without packaging it: the AWS SDK, as on Lambda. Its copies come with Neve.

A folder of its own with these packages and nothing else, copied once from where Neve's are installed and compiled once for
each interpreter: functions see none of what else lies there, and an import is as fast as it can be.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

from neve import log
from neve.dataplane.binaries import Binary, Places

DISTRIBUTIONS = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
_OLDEST = (3, 10)  # of this boto3; older functions bring their own
_COMPILE_SECONDS = 60.0


def packages_for(binary: Binary, places: Places) -> Path | None:
    """The folder for an interpreter; None for one that is too old, or where no folder can be made. Blocks when it makes one."""
    if binary.version < _OLDEST:
        return None
    try:
        folder = _folder(places)
        _compile(folder, binary)
    except (OSError, shutil.Error, metadata.PackageNotFoundError) as error:
        log.failure("functions cannot import boto3", error)
        return None
    return folder


def _folder(places: Places) -> Path:
    name = f"python-packages-{_digest()}"
    kept = places.cache / name
    if _is_there(kept):
        return kept
    folder = places.workshop() / name
    if not _is_there(folder):
        _make(folder)
    return folder


def _is_there(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def _digest() -> str:
    versions = " ".join(f"{name}=={metadata.version(name)}" for name in DISTRIBUTIONS)
    return hashlib.sha256(versions.encode()).hexdigest()[:12]


def _make(folder: Path) -> None:
    """As a whole or not at all. Whoever makes it at the same time makes the same."""
    begun = Path(tempfile.mkdtemp(prefix=".packages-", dir=folder.parent))
    try:
        for name in DISTRIBUTIONS:
            _copy(metadata.distribution(name), begun)
        for made in (begun, *begun.rglob("*")):
            made.chmod(0o755 if made.is_dir() else 0o644)  # functions are other users
        begun.rename(folder)
    except OSError:
        if not _is_there(folder):
            raise
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _copy(distribution: metadata.Distribution, target: Path) -> None:
    if distribution.files is None:  # how it was installed does not tell
        raise metadata.PackageNotFoundError(distribution.name)
    for file in distribution.files:
        if ".." not in file.parts and file.suffix != ".pyc":
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(distribution.locate_file(file)), target / file)


def _compile(folder: Path, binary: Binary) -> None:
    """Once for each minor version; what cannot be compiled is imported more slowly."""
    done = folder / "boto3" / "__pycache__" / f"__init__.cpython-{binary.version[0]}{binary.version[1]}.pyc"
    if done.exists() or not os.access(folder, os.W_OK):
        return
    argv = [str(binary.path), "-I", "-S", "-m", "compileall", "-q", str(folder)]
    try:
        subprocess.run(argv, capture_output=True, timeout=_COMPILE_SECONDS, check=True, umask=0o022)
    except subprocess.SubprocessError as error:
        log.failure("boto3 not compiled", error, binary=str(binary.path))
