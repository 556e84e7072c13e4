"""A mount namespace for Neve alone, so that it can mount a `/tmp` of limited size for each environment.

Every such mount vanishes with the last process that is in the namespace, also after `kill -9`. Must be entered before Neve has
a second thread, and by an ordinary user together with a user namespace, where nobody but that user is known. What is mounted
on the machine later is still seen.

Imports nothing of Neve: an ordinary user's Neve runs this file as a program first, because a kernel may give the namespace
and refuse to mount, and there is no way back.
"""

import ctypes
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_NO_SUID, _NO_DEVICES, _RECURSIVE, _SLAVE = 2, 4, 16384, 1 << 19
_DETACH = 2
_TRY_SECONDS = 10.0

_entered = False


def enter() -> str:
    """Enter the namespace; why not, as the end of a sentence, or empty. Call it first of all."""
    global _entered
    if not sys.platform.startswith("linux"):
        return "this system has no mount namespaces"
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208
        return "Neve has threads already"
    if os.geteuid() != 0 and not _works_for_another():
        return "the kernel does not let an ordinary user mount"
    try:
        _enter()
    except OSError as refused:
        return f"the kernel does not give a mount namespace ({refused.strerror})"
    _entered = True
    return ""


def possible() -> bool:
    """Whether a Neve that is started here could enter. Blocks: a process tries it."""
    return _entered or (sys.platform.startswith("linux") and _works_for_another())


def entered() -> bool:
    """Whether mounts can be made."""
    return _entered


def mount_memory(folder: Path, size_mb: int, uid: int) -> None:
    """An empty file system of this size in memory, owned by this user. OSError when the kernel refuses."""
    # An inode for each 4 KiB: else empty files would take the machine's memory without end.
    options = f"size={size_mb}m,nr_inodes={size_mb * 256},mode=0700,uid={uid},gid={uid}"
    _mount("neve", folder, "tmpfs", _NO_SUID | _NO_DEVICES, options)


def unmount(folder: Path) -> None:
    """At once for us, and for processes that still have it open when they end."""
    if _library().umount2(os.fsencode(folder), _DETACH) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _enter() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if _library().unshare(_NEW_MOUNTS | (_NEW_USER if uid != 0 else 0)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _mount("none", Path("/"), None, _RECURSIVE | _SLAVE, None)


def _mount(source: str, folder: Path, kind: str | None, flags: int, options: str | None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, folder, kind, options)]
    if _library().mount(*words[:3], flags, words[3]) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    text = ctypes.c_char_p
    library.mount.argtypes = (text, text, text, ctypes.c_ulong, text)
    return library


def _works_for_another() -> bool:
    try:
        tried = subprocess.run(
            [sys.executable, "-I", "-S", __file__], capture_output=True, timeout=_TRY_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        _enter()
        mount_memory(Path(place), 1, os.geteuid())
        unmount(Path(place))
