"""A Neve of one's own: a child process on a free port, with a data directory that is thrown away, for as long as a `with`."""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from neve.cli.client import Impossible
from neve.cli.throwaway import throw_away_folder

_READY = "neve ready on "
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_SET_PARENT_DEATH_SIGNAL = 1

# Whatever neve.toml says for a platform: nobody else is to reach it.
_OURS_ALONE = {"NEVE_HOST": "127.0.0.1", "NEVE_AUTH": "none"}


@contextlib.contextmanager
def own_server(settings: Mapping[str, object], folder: Path | None = None) -> Iterator[str]:
    """Its URL. `settings` win over NEVE_* variables; `folder` has the `neve.toml` that counts, if any does.

    Impossible when it does not start.
    """
    with throw_away_folder() as place, (place / "stderr").open("w+b") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "neve.cli.main", "serve", "--port", "0", "--data-dir", str(place / "data")],
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **_OURS_ALONE, **_variables(settings)},
            cwd=folder,
            start_new_session=True,  # Ctrl-C is ours to pass on
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        try:
            yield _url(process, place / "stderr")
        finally:
            _stop(process)


def _variables(settings: Mapping[str, object]) -> dict[str, str]:
    def text(value: object) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return {f"NEVE_{name.upper()}": text(value) for name, value in settings.items()}


_PRCTL = getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    if _PRCTL is not None:
        _PRCTL(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)


def _url(process: "subprocess.Popen[bytes]", errors: Path) -> str:
    """What its first line says. Bounded."""
    assert process.stdout is not None
    until, said = time.monotonic() + _START_SECONDS, b""
    while not said.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))
        piece = os.read(process.stdout.fileno(), 4096) if ready else b""
        if not piece:
            raise Impossible(f"Neve did not start: {_last_line(errors) or 'it said nothing'}")
        said += piece
    return said.decode().splitlines()[0].removeprefix(_READY).strip()


def _last_line(errors: Path) -> str:
    lines = errors.read_text(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else ""


def _stop(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdout is not None
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
