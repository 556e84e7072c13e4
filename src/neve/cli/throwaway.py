"""Data directories that live as long as one `neve dev`: named by its process id, so that the next one finds dead ones."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "neve-dev-"


@contextlib.contextmanager
def throw_away_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder, removed at the end. What a killed `neve dev` of the same user left is removed first."""
    place = parent or Path(tempfile.gettempdir())
    _remove_dead(place)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_dead(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).split("-")[0]
        with contextlib.suppress(OSError):  # it went by itself
            if pid.isdigit() and folder.stat().st_uid == os.getuid() and not _is_alive(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
