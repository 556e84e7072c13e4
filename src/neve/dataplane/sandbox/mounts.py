"""What a function sees of the file system, as options of bubblewrap: the system's libraries, its own folders, little else.

The root is a small file system in memory that is made read-only at the end: nothing can be written but below `/tmp`.
"""

from collections.abc import Iterator
from pathlib import Path

from neve.dataplane.sandbox.sandbox import Folders

TASK_ROOT = Path("/var/task")
RUNTIME = Path("/var/runtime")
LAYERS = Path("/opt")
LANGUAGE = Path("/var/lang")
PACKAGES = Path("/var/packages")

_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store")
# Names and certificates: what a program needs to speak to the network. Everything else in /etc is the host's own affair.
_ETC = (
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "gai.conf",
    "host.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "pki/ca-trust",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "protocols",
    "resolv.conf",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
)
# What bubblewrap makes on its way to a mount is for its maker only: these are made before, for all.
_ABOVE = ("dev", "etc", "etc/pki", "etc/pki/tls", "etc/ssl", "nix", "var")
_OWN_ETC = Path(__file__).parent / "etc"
_DEVICES = ("null", "zero", "full", "random", "urandom")  # no /dev/shm: lifecycle facts §5
_STREAMS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


def seen(folders: Folders) -> Folders:
    """Where the function has them. What lies in the system's folders stays where it is."""
    return Folders(
        TASK_ROOT, RUNTIME, LAYERS, LANGUAGE if folders.language else None, PACKAGES if folders.packages else None
    )


def real(path: Path, folders: Folders | None) -> Path:
    """Where the host has what the function sees at this path."""
    for inside, outside in _own(folders):
        if path.is_relative_to(inside):
            return outside / path.relative_to(inside)
    return path


def system() -> list[str]:
    """The options for what every function sees."""
    options = [word for name in _ABOVE for word in ("--dir", f"/{name}")]
    options += [word for name in _SYSTEM for word in _system_folder(name)]
    for name in _ETC:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for file in sorted(_OWN_ETC.iterdir()):
        options += ["--ro-bind", str(file), f"/etc/{file.name}"]
    for device in _DEVICES:
        options += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    for name, target in _STREAMS.items():
        options += ["--symlink", target, f"/dev/{name}"]
    return [*options, "--proc", "/proc"]


def own(folders: Folders | None, tmp: Path, hosts_fd: int) -> list[str]:
    """The options for the folders of one function, and the `/tmp` and names of one environment; they come last."""
    options = [word for inside, outside in _own(folders) for word in ("--ro-bind", str(outside), str(inside))]
    for inside in (TASK_ROOT, LAYERS):
        options += ["--dir", str(inside)]
    options += ["--perms", "0644", "--ro-bind-data", str(hosts_fd), "/etc/hosts"]
    return [*options, "--bind", str(tmp), "/tmp", "--remount-ro", "/"]


def _own(folders: Folders | None) -> Iterator[tuple[Path, Path]]:
    if folders is None:
        return
    yield TASK_ROOT, folders.task_root
    yield RUNTIME, folders.runtime
    if folders.layers is not None:
        yield LAYERS, folders.layers
    if folders.language is not None:
        yield LANGUAGE, folders.language
    if folders.packages is not None:
        yield PACKAGES, folders.packages


def _system_folder(name: str) -> list[str]:
    path = Path("/", name)
    if path.is_symlink():  # a merged /usr
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.is_dir() else []
