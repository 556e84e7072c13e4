"""A mount namespace for Neve alone, so that it can mount a `/tmp` of limited size for each environment, and lay folders
over others in sandboxes that were started before.

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
_NO_SUID, _NO_DEVICES, _REMOUNT, _RECURSIVE, _PRIVATE, _SLAVE, _SHARED = 2, 4, 32, 16384, 1 << 18, 1 << 19, 1 << 20
_DETACH = 2
# Linux 5.12; younger than the tables of C libraries, and the same numbers everywhere.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_HERE, _OF_THE_DESCRIPTOR = -100, 0x1000  # AT_FDCWD, AT_EMPTY_PATH
_CLONE, _FROM_THE_DESCRIPTOR = 1, 4
_READ_ONLY_NO_SUID_NO_DEVICES = 1 | 2 | 4
_CANNOT_LAY_OVER = 3  # the exit status of the program below
_TRY_SECONDS = 10.0

_entered = False
_lays_over: bool | None = None


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


def can_lay_over() -> bool:
    """Whether `lay_over` can be used; tried once."""
    global _lays_over
    if _lays_over is None:
        _lays_over = _entered and _try_to_lay_over()
    return _lays_over


def could_lay_over() -> bool:
    """The same of a Neve that is started here. Blocks: a process tries it."""
    return can_lay_over() if _entered else sys.platform.startswith("linux") and _run_by_another() == 0


def mount_memory(folder: Path, size_mb: int, uid: int) -> None:
    """An empty file system of this size in memory, owned by this user. OSError when the kernel refuses."""
    _mount("neve", folder, "tmpfs", _NO_SUID | _NO_DEVICES, f"{_size(size_mb)},mode=0700,uid={uid},gid={uid}")


def resize_memory(folder: Path, size_mb: int) -> None:
    """Another size for what `mount_memory` made. OSError when more is in it."""
    _mount("neve", folder, None, _REMOUNT | _NO_SUID | _NO_DEVICES, _size(size_mb))


def mount_shared(folder: Path) -> None:
    """A small file system that everybody may read. What is mounted in it later is also seen where a part of it is mounted
    in other namespaces by then. OSError when the kernel refuses."""
    _mount("neve", folder, "tmpfs", _NO_SUID | _NO_DEVICES, "size=64k,mode=0755")
    _mount("none", folder, None, _SHARED, None)


def lay_over(source: Path, target: Path) -> None:
    """Let the folder `source` be seen at `target`, read-only from the first moment on. OSError when the kernel refuses."""
    tree = _call(_OPEN_TREE, _HERE, os.fsencode(source), _CLONE | os.O_CLOEXEC)
    try:
        _call(_MOUNT_SETATTR, tree, b"", _OF_THE_DESCRIPTOR, *_attributes(_READ_ONLY_NO_SUID_NO_DEVICES))
        _call(_MOVE_MOUNT, tree, b"", _HERE, os.fsencode(target), _FROM_THE_DESCRIPTOR)
    finally:
        os.close(tree)


def leave_to_others(folder: Path) -> None:
    """Forget what `mount_shared` made; in other namespaces everything stays as it is."""
    _mount("none", folder, None, _PRIVATE, None)
    unmount(folder)


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


def _size(size_mb: int) -> str:
    # An inode for each 4 KiB: else empty files would take the machine's memory without end.
    return f"size={size_mb}m,nr_inodes={size_mb * 256}"


def _call(number: int, *words: object) -> int:
    library = _library()
    library.syscall.restype = ctypes.c_long
    result = int(library.syscall(number, *words))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _attributes(added: int) -> tuple[ctypes.Array[ctypes.c_uint64], ctypes.c_size_t]:
    """`struct mount_attr` (set, clear, propagation, user namespace) and its size."""
    words = (ctypes.c_uint64 * 4)(added, 0, 0, 0)
    return words, ctypes.c_size_t(ctypes.sizeof(words))


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    text = ctypes.c_char_p
    library.mount.argtypes = (text, text, text, ctypes.c_ulong, text)
    return library


def _works_for_another() -> bool:
    return _run_by_another() in (0, _CANNOT_LAY_OVER)


def _run_by_another() -> int:
    try:
        tried = subprocess.run(
            [sys.executable, "-I", "-S", __file__], capture_output=True, timeout=_TRY_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return 1
    return tried.returncode


def _try_to_lay_over() -> bool:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        try:
            mount_shared(place)
        except OSError:
            return False
        try:
            (place / "below").mkdir()
            lay_over(Path(__file__).parent, place / "below")
        except OSError:
            return False
        finally:
            leave_to_others(place)
    return True


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        _enter()
        mount_memory(Path(own), 1, os.geteuid())
        unmount(Path(own))
    sys.exit(0 if _try_to_lay_over() else _CANNOT_LAY_OVER)
