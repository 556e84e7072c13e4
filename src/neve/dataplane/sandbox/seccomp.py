"""The system calls that a function may not make, as a filter for the kernel (BPF), assembled here.

What the service's environments have no use for and what kernels were broken by: mounts, namespaces, tracing, keys, modules,
other processes' memory. Everything else is allowed, so that a new libc works. Refused calls get EPERM; calls whose absence
every libc knows how to live with get ENOSYS.
"""

import errno
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in `struct seccomp_data`, low halves of the arguments
_X32_BIT = 0x40000000

# new: mount, cgroup, uts, ipc, user, pid, net; time (0x80) only for unshare: in clone that byte is the exit signal.
_NAMESPACES = 0x7E020000
_TIME_NAMESPACE = 0x80
# Pushing characters into a terminal that is not ours.
_TERMINAL_INPUT = (0x5412, 0x541C)
# UNIX, INET, INET6, NETLINK (getifaddrs): not the machine's hypervisor (VSOCK), its hardware or its crypto interface.
_FAMILIES = (1, 2, 10, 16)


@dataclass(frozen=True, slots=True)
class Architecture:
    """The numbers of one kind of machine; `audit` names it in the filter's data."""

    audit: int
    has_x32: bool
    clone: int
    unshare: int
    socket: int
    ioctl: int
    refused: Mapping[str, int]


# The same numbers on both, because they are new.
_REFUSED_EVERYWHERE = {
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "process_mrelease": 448,
    "open_tree_attr": 467,
}
_UNKNOWN_EVERYWHERE = {"clone3": 435, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427}

ARCHITECTURES: Mapping[str, Architecture] = {
    "x86_64": Architecture(
        audit=0xC000003E,
        has_x32=True,
        clone=56,
        unshare=272,
        socket=41,
        ioctl=16,
        refused={
            "ptrace": 101,
            "syslog": 103,
            "uselib": 134,
            "sysfs": 139,
            "vhangup": 153,
            "modify_ldt": 154,
            "pivot_root": 155,
            "_sysctl": 156,
            "chroot": 161,
            "acct": 163,
            "settimeofday": 164,
            "mount": 165,
            "umount2": 166,
            "swapon": 167,
            "swapoff": 168,
            "reboot": 169,
            "sethostname": 170,
            "setdomainname": 171,
            "iopl": 172,
            "ioperm": 173,
            "create_module": 174,
            "init_module": 175,
            "delete_module": 176,
            "get_kernel_syms": 177,
            "query_module": 178,
            "quotactl": 179,
            "nfsservctl": 180,
            "lookup_dcookie": 212,
            "clock_settime": 227,
            "kexec_load": 246,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "migrate_pages": 256,
            "move_pages": 279,
            "perf_event_open": 298,
            "fanotify_init": 300,
            "name_to_handle_at": 303,
            "open_by_handle_at": 304,
            "clock_adjtime": 305,
            "setns": 308,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "kcmp": 312,
            "finit_module": 313,
            "kexec_file_load": 320,
            "bpf": 321,
            "userfaultfd": 323,
        },
    ),
    "aarch64": Architecture(
        audit=0xC00000B7,
        has_x32=False,
        clone=220,
        unshare=97,
        socket=198,
        ioctl=29,
        refused={
            "lookup_dcookie": 18,
            "umount2": 39,
            "mount": 40,
            "pivot_root": 41,
            "nfsservctl": 42,
            "chroot": 51,
            "vhangup": 58,
            "quotactl": 60,
            "acct": 89,
            "kexec_load": 104,
            "init_module": 105,
            "delete_module": 106,
            "clock_settime": 112,
            "syslog": 116,
            "ptrace": 117,
            "reboot": 142,
            "sethostname": 161,
            "setdomainname": 162,
            "settimeofday": 170,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "swapon": 224,
            "swapoff": 225,
            "migrate_pages": 238,
            "move_pages": 239,
            "perf_event_open": 241,
            "fanotify_init": 262,
            "name_to_handle_at": 264,
            "open_by_handle_at": 265,
            "clock_adjtime": 266,
            "setns": 268,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "kcmp": 272,
            "finit_module": 273,
            "bpf": 280,
            "userfaultfd": 282,
            "kexec_file_load": 294,
        },
    ),
}


def filter_for(machine: str = platform.machine()) -> bytes | None:
    """The filter as the kernel takes it (an array of `struct sock_filter`); None for a machine that we have no numbers of."""
    found = ARCHITECTURES.get(machine)
    return _assemble(_program(found)) if found else None


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction; `met` and `unmet` are labels, None is the next instruction."""

    code: int
    value: int
    met: str | None = None
    unmet: str | None = None


_Program = Sequence[_Step | str]


def _program(machine: Architecture) -> _Program:
    refused = sorted({**machine.refused, **_REFUSED_EVERYWHERE}.values())
    unknown = sorted(_UNKNOWN_EVERYWHERE.values())
    return [
        _Step(_LOAD, _ARCHITECTURE),
        _Step(_JUMP_EQUAL, machine.audit, unmet="unknown"),  # 32-bit calls have other numbers
        _Step(_LOAD, _NUMBER),
        *([_Step(_JUMP_AT_LEAST, _X32_BIT, met="unknown")] if machine.has_x32 else []),
        *(_Step(_JUMP_EQUAL, number, met="unknown") for number in unknown),
        *(_Step(_JUMP_EQUAL, number, met="refused") for number in refused),
        _Step(_JUMP_EQUAL, machine.clone, met="clone"),
        _Step(_JUMP_EQUAL, machine.unshare, met="unshare"),
        _Step(_JUMP_EQUAL, machine.socket, met="socket"),
        _Step(_JUMP_EQUAL, machine.ioctl, met="ioctl", unmet="allowed"),
        "clone",
        _Step(_LOAD, _FIRST),
        _Step(_JUMP_ANY_BIT, _NAMESPACES, met="refused", unmet="allowed"),
        "unshare",
        _Step(_LOAD, _FIRST),
        _Step(_JUMP_ANY_BIT, _NAMESPACES | _TIME_NAMESPACE, met="refused", unmet="allowed"),
        "ioctl",
        _Step(_LOAD, _SECOND),
        *(_Step(_JUMP_EQUAL, request, met="refused") for request in _TERMINAL_INPUT),
        _Step(_RETURN, _ALLOW),
        "socket",
        _Step(_LOAD, _FIRST),
        *(_Step(_JUMP_EQUAL, family, met="allowed") for family in _FAMILIES),
        _Step(_RETURN, _ERRNO | errno.EAFNOSUPPORT),
        "allowed",
        _Step(_RETURN, _ALLOW),
        "refused",
        _Step(_RETURN, _ERRNO | errno.EPERM),
        "unknown",
        _Step(_RETURN, _ERRNO | errno.ENOSYS),
    ]


def _assemble(program: _Program) -> bytes:
    """Labels become distances, which the kernel counts from the next instruction and up to 255."""
    labels: dict[str, int] = {}
    steps: list[_Step] = []
    for each in program:
        if isinstance(each, str):
            labels[each] = len(steps)
        else:
            steps.append(each)
    return b"".join(
        struct.pack("=HBBI", step.code, _distance(labels, step.met, at), _distance(labels, step.unmet, at), step.value)
        for at, step in enumerate(steps)
    )


def _distance(labels: Mapping[str, int], label: str | None, at: int) -> int:
    return 0 if label is None else labels[label] - at - 1
