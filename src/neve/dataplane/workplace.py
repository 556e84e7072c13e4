"""Where installations are made before they are there: one at a time, and nothing is left of one that was killed."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from neve.domain.errors import OperatorError

_BEGUN = ".begun-"


@contextlib.contextmanager
def workplace(cache: Path) -> Iterator[Path]:
    """A folder of its own in the cache, which is gone afterwards. OperatorError when another one is at work."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / ".lock").open("w")
    except OSError as error:
        raise OperatorError(f"{cache} cannot be written ({error.strerror}); set XDG_CACHE_HOME") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError("another `neve runtimes install` is running; wait for it") from None
        for left in cache.glob(f"{_BEGUN}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_BEGUN, dir=cache) as folder:
            yield Path(folder)
