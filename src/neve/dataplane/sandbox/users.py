"""As whom functions run: `sbx_user1051`, who is nobody on the host.

An ordinary user's Neve maps that name to the user, because a user may map nobody else. Neve as root makes one user
namespace in which the name is a user of the host who owns nothing, so that what a function can reach of the host (an open
port, a socket) does not take it for root. Root stays mapped there, to nothing but root's right to reach the folders that are
mounted: `setpriv` gives it up before the first instruction of the function, and the way back needs a capability.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

UID, GID = 993, 990  # lifecycle facts §5

HOST_UID = 1_900_000_993
"""The host's number for it under root: in the range that systemd leaves unused, and far from anybody's subordinate ids."""

_NEEDED_TO_BECOME = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
_NEW_USER_NAMESPACE = 0x10000000
_BESIDE = (
    "import ctypes, os, sys\n"
    "library = ctypes.CDLL(None, use_errno=True)\n"
    f"refused = library.unshare({_NEW_USER_NAMESPACE}) and ctypes.get_errno()\n"
    "print(refused, flush=True)\n"
    "sys.stdin.read()\n"
)


class UsersMissing(Exception):
    """The kernel does not give user namespaces; the text says why, as the end of a sentence."""


@dataclass
class Users:
    """How bubblewrap is told; `become` begins the command inside, `missing` says what is not as it should be."""

    namespace: int | None = None
    become: Sequence[str] = ()
    missing: Sequence[str] = ()

    def options(self, descriptor: int) -> list[str]:
        """The options of bubblewrap; `descriptor` is the number that the namespace will have."""
        if self.namespace is None:
            return ["--unshare-user", "--uid", str(UID), "--gid", str(GID)]
        kept = [word for name in _NEEDED_TO_BECOME for word in ("--cap-add", name)]
        return ["--userns", str(descriptor), "--uid", "0", "--gid", "0", *kept]

    @property
    def host_uid(self) -> int:
        """Who owns what functions write, as the host sees it."""
        return os.geteuid() if self.namespace is None else HOST_UID

    def close(self) -> None:
        """Give the namespace back: no environment needs it any more."""
        if self.namespace is not None:
            os.close(self.namespace)
            self.namespace = None


def of_functions() -> Users:
    """What can be had here. UsersMissing when the kernel refuses."""
    if os.geteuid() != 0:
        return Users()
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin")
    if setpriv is None:
        return Users(missing=["Functions have root's user id on this machine: `setpriv` (util-linux) is not there."])
    switch = ["--reuid", str(UID), "--regid", str(GID), "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    return Users(_namespace(), [setpriv, *switch, "--"])


def _namespace() -> int:
    try:
        with _process_beside() as pid:
            folder = Path("/proc", str(pid))
            (folder / "uid_map").write_text(f"0 0 1\n{UID} {HOST_UID} 1\n")
            (folder / "gid_map").write_text(f"0 0 1\n{GID} {HOST_UID} 1\n")
            return os.open(folder / "ns" / "user", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as refused:
        raise UsersMissing(f"a user namespace cannot be set up ({refused.strerror})") from refused


@contextlib.contextmanager
def _process_beside() -> Iterator[int]:
    """The pid of a process in a new user namespace: entering one oneself is not for processes with threads."""
    argv = [sys.executable, "-I", "-S", "-c", _BESIDE]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        refused = int(process.stdout.readline() or -1)
        if refused:
            raise UsersMissing(f"the kernel refuses user namespaces ({os.strerror(max(refused, 1))})")
        yield process.pid
