"""Which sandbox and which freezer this machine has: found by freezing a process, not by file names."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from neve.dataplane.sandbox.bare import BareKind
from neve.dataplane.sandbox.cgroup1 import Cgroup1Kind
from neve.dataplane.sandbox.cgroup2 import Cgroup2Kind
from neve.dataplane.sandbox.freezer import FREEZE_SECONDS, FreezerKind, FreezerMissing, until
from neve.dataplane.sandbox.sandbox import Command, Limits, SandboxKind
from neve.dataplane.sandbox.signals import SignalsKind
from neve.domain.errors import OperatorError, SandboxFailed

SANDBOXES = ("bare",)
FREEZERS: Mapping[str, Callable[[], FreezerKind]] = {
    "cgroup2": Cgroup2Kind,
    "cgroup1": Cgroup1Kind,
    "signals": SignalsKind,
}
"""Every way of freezing, best first."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One way of freezing that was tried: `kind` when it works, else `reason`, the end of a sentence."""

    name: str
    kind: FreezerKind | None
    reason: str = ""


def choose_kind(sandbox: str = "auto", freezer: str = "auto") -> SandboxKind:
    """The best kind that works, or the one that was asked for. OperatorError when that cannot be had.

    Blocks for some milliseconds; may be called with or without a running event loop.
    """
    if sandbox not in ("auto", *SANDBOXES):
        raise OperatorError(f"there is no sandbox {sandbox!r}; set sandbox to auto or {' or '.join(SANDBOXES)}")
    return BareKind(_choose_freezer(freezer))


def try_freezer(name: str) -> Tried:
    """Make an environment, run a process in it, freeze it, and take everything away again."""
    try:
        kind = FREEZERS[name]()
    except FreezerMissing as missing:
        return Tried(name, None, str(missing))
    reason = _probe_apart(kind)
    if reason:
        kind.close()
        return Tried(name, None, reason)
    return Tried(name, kind)


def _choose_freezer(name: str) -> FreezerKind:
    if name not in ("auto", *FREEZERS):
        raise OperatorError(f"there is no freezer {name!r}; set freezer to auto, {', '.join(FREEZERS)}")
    reasons = []
    for candidate in FREEZERS if name == "auto" else (name,):
        tried = try_freezer(candidate)
        if tried.kind is not None:
            return tried.kind
        reasons.append(f"{candidate}: {tried.reason}")
    raise OperatorError(
        f"environments cannot be frozen here ({'; '.join(reasons)}); set freezer to auto, or run `neve doctor`"
    )


def _probe_apart(kind: FreezerKind) -> str:
    """Probe in a thread with an event loop of its own: the caller's may be running."""
    reasons: list[str] = []
    thread = threading.Thread(target=lambda: reasons.append(asyncio.run(_probe(kind))), name="neve-probe")
    thread.start()
    thread.join()
    return reasons[0] if reasons else "the probe ended early"


async def _probe(kind: FreezerKind) -> str:
    """Why the kind does not work; empty when it does."""
    try:
        sandbox = BareKind(kind).create(f"probe-{os.urandom(4).hex()}", Limits())
    except SandboxFailed as refused:
        return refused.message
    ours, theirs = socket.socketpair()
    try:
        command = Command(["/bin/sh", "-c", "while :; do :; done"], {}, Path("/"))
        await sandbox.start(command, theirs, theirs.fileno())
        if not await until(lambda: sandbox.usage().processes > 0 or sandbox.pid is None, FREEZE_SECONDS):
            return "a process did not come in"
        if sandbox.pid is None:
            return "a process may not come in"
        await sandbox.freeze()
        sandbox.thaw()
    except SandboxFailed as refused:
        return refused.message
    finally:
        ours.close()
        theirs.close()
        await sandbox.remove()
    return ""
