"""A pre-started runtime: it has booted, in a sandbox, before anybody knew for which function. Here it becomes that function's."""

from __future__ import annotations

import os
import time

from . import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN = "_NEVE_"
_MARK = "_NEVE_PRESTARTED"


def is_prestarted() -> bool:
    """Whether the process is to wait for its function."""
    return _MARK in os.environ


def wait(channel: frames.Channel) -> None:
    """Say that the boot is over, and wait to be given a function. ChannelEnded when Neve needs none."""
    channel.send(frames.frame(frames.WAITING, {}))
    kind, header, _ = channel.receive()
    while kind != frames.ASSIGN:
        kind, header, _ = channel.receive()
    _take_on(header["environment"], str(header["directory"]))  # type: ignore[arg-type]


def _take_on(environment: Mapping[str, str], directory: str) -> None:
    """Look as if the process had been started with these variables, in this folder."""
    zone = os.environ.get("TZ")
    del os.environ[_MARK]
    for name in [name for name in os.environ if name not in environment and not name.startswith(_OWN)]:
        del os.environ[name]
    os.environ.update(environment)
    os.chdir(directory)
    if os.environ.get("TZ") != zone:
        time.tzset()
