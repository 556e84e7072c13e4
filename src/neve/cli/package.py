"""Code archives: a folder, a file or a zip as the bytes that a function is deployed from.

The same content always gives the same bytes: names are sorted, times are fixed, so that unchanged code keeps its hash.
"""

import base64
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from neve.cli.client import Impossible

RUBBISH = frozenset((
    ".git", ".hg", ".svn", ".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox",
    ".idea", ".vscode", ".DS_Store", ".aws-sam", ".serverless", ".nyc_output", ".cache",
))  # fmt: skip
"""Folders and files that are never code. `node_modules` is."""
_RUBBISH_ENDS = (".pyc", ".pyo", ".swp", "~")
_SETTINGS_FILE = "neve.toml"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def package(path: Path) -> bytes:
    """The archive of a folder, of a single file, or a zip as it is. Impossible when it cannot be read."""
    try:
        if path.suffix == ".zip" and path.is_file():
            return path.read_bytes()
        files = _files(path) if path.is_dir() else iter([(path.name, path)])
        return _zip(files)
    except OSError as error:
        raise Impossible(f"{error.filename or path} cannot be read: {error.strerror}.") from error


def sha256(archive: bytes) -> str:
    """The hash of an archive as the API says it."""
    return base64.b64encode(hashlib.sha256(archive).digest()).decode()


def is_rubbish(name: str) -> bool:
    """Whether a file or folder of this name is left out."""
    return name in RUBBISH or name.endswith(_RUBBISH_ENDS)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not is_rubbish(name))
        for name in sorted(names):
            path = Path(place, name)
            relative = path.relative_to(folder).as_posix()
            if not is_rubbish(name) and relative != _SETTINGS_FILE:
                yield relative, path


def _zip(files: Iterator[tuple[str, Path]]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, path in sorted(files):
            mode = path.stat().st_mode
            if stat.S_ISREG(mode):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.create_system = 3  # else the permissions below mean nothing
                entry.external_attr = (0o100755 if mode & 0o111 else 0o100644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return memory.getvalue()
