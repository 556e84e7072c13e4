"""Which sandbox and which freezer this machine has: found by freezing a process, not by file names."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from neve.dataplane.sandbox.bare import BareKind
from neve.dataplane.sandbox.bubblewrap import BubblewrapKind, BubblewrapMissing
from neve.dataplane.sandbox.cgroup1 import Cgroup1Kind
from neve.dataplane.sandbox.cgroup2 import Cgroup2Kind
from neve.dataplane.sandbox.freezer import FreezerKind, FreezerMissing
from neve.dataplane.sandbox.sandbox import Command, Limits, SandboxKind
from neve.dataplane.sandbox.signals import SignalsKind
from neve.domain.errors import OperatorError, SandboxFailed

PROBE_SECONDS = 5.0
SANDBOXES = ("bubblewrap", "bare")
"""Every way of isolating, best first."""

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
        raise OperatorError(f"there is no sandbox {sandbox!r}; set sandbox to auto, {' or '.join(SANDBOXES)}")
    held = _choose_freezer(freezer)
    if sandbox == "bare":
        return BareKind(held)
    isolating = try_bubblewrap(held)
    if isolating.kind is not None:
        return isolating.kind
    if sandbox == "bubblewrap":
        held.close()
        raise OperatorError(
            f"environments cannot be isolated here ({isolating.reason}); set sandbox to auto, or run `neve doctor`"
        )
    return BareKind(held, f"The bubblewrap sandbox cannot be used: {isolating.reason}.")


@dataclass(frozen=True, slots=True)
class Isolating:
    """The bubblewrap sandbox as it was tried: `kind` when it works, else `reason`, the end of a sentence."""

    kind: BubblewrapKind | None
    reason: str = ""


def try_bubblewrap(freezer: FreezerKind) -> Isolating:
    """Run and freeze a process in it. The freezer stays open when it does not work."""
    try:
        kind = BubblewrapKind(freezer)
    except BubblewrapMissing as missing:
        return Isolating(None, str(missing))
    reason = _probe_apart(kind)
    if reason:
        kind.release()
        return Isolating(None, reason)
    return Isolating(kind)


def try_freezer(name: str) -> Tried:
    """Make an environment, run a process in it, freeze it, and take everything away again."""
    try:
        kind = FREEZERS[name]()
    except FreezerMissing as missing:
        return Tried(name, None, str(missing))
    probed = BareKind(kind)
    reason = _probe_apart(probed)
    probed.release()
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


def _probe_apart(kind: SandboxKind) -> str:
    """Probe in a thread with an event loop of its own: the caller's may be running."""
    reasons: list[str] = []
    thread = threading.Thread(target=lambda: reasons.append(asyncio.run(_probe(kind))), name="neve-probe")
    thread.start()
    thread.join()
    return reasons[0] if reasons else "the probe ended early"


async def _probe(kind: SandboxKind) -> str:
    """Why the kind does not work; empty when it does."""
    try:
        sandbox = kind.create(f"probe-{os.urandom(4).hex()}", Limits())
    except SandboxFailed as refused:
        return refused.message
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    try:
        # What the program has to say comes through its channel: a sandbox that fails says so on its output.
        command = Command(["/bin/sh", "-c", "echo up >&3; while :; do :; done"], {}, Path("/"))
        await sandbox.start(command, theirs, write)
        theirs.close()
        os.close(write)
        write = -1
        if not await _says_up(ours):
            return _last_line(read) or "a process did not come in"
        await sandbox.freeze()
        sandbox.thaw()
    except SandboxFailed as refused:
        return refused.message
    finally:
        await sandbox.remove()
        ours.close()
        theirs.close()
        for end in (read, write):
            if end >= 0:
                os.close(end)
    return ""


async def _says_up(channel: socket.socket) -> bool:
    channel.setblocking(False)
    try:
        word = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(channel, 10), PROBE_SECONDS)
    except (TimeoutError, OSError):
        return False
    return word == b"up\n"


def _last_line(output: int) -> str:
    os.set_blocking(output, False)
    try:
        lines = os.read(output, 65_536).decode(errors="replace").split("\n")
    except BlockingIOError:
        return ""
    said = [line.strip().rstrip(".") for line in lines if line.strip()]
    return said[-1] if said else ""
