"""The Python runtime client, compiled for the interpreter that will run it.

Where functions are isolated its folder is read-only, so an interpreter that finds nothing compiled would compile it at every
start. Nothing of this is seen by the function: no variable, no folder of its own.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from neve import log
from neve.dataplane.binaries import Binary

_COMPILE_SECONDS = 30.0


def compiled(client: Path, binary: Binary, cache: Path) -> Path:
    """The folder with the client for this interpreter: `client` itself, compiled in place, or a compiled copy in `cache`.

    `client` as it is when neither can be written: functions then start some milliseconds later. Blocks.
    """
    if _is_compiled(client, binary) or _compile(client, binary):
        return client
    copy = cache / f"python-client-{binary.version_text}"
    try:
        shutil.copytree(client, copy, dirs_exist_ok=True)
    except (OSError, shutil.Error):
        return client
    return copy if _is_compiled(copy, binary) or _compile(copy, binary) else client


def _compile(folder: Path, binary: Binary) -> bool:
    if not all(os.access(each, os.W_OK) for each in _packages(folder)):
        return False
    argv = [str(binary.path), "-I", "-S", "-m", "compileall", "-q", str(folder)]
    try:
        subprocess.run(argv, capture_output=True, timeout=_COMPILE_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        log.failure("runtime client not compiled", error, binary=str(binary.path))
        return False
    return True


def _is_compiled(folder: Path, binary: Binary) -> bool:
    """Whether nothing is newer than what was compiled of it. The file that is started is compiled each time: it is short."""
    tag = f"cpython-{binary.version[0]}{binary.version[1]}"
    for package in _packages(folder):
        for source in package.glob("*.py"):
            made = package / "__pycache__" / f"{source.stem}.{tag}.pyc"
            if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
                return False
    return True


def _packages(folder: Path) -> Iterator[Path]:
    return (path.parent for path in folder.glob("*/__init__.py"))
