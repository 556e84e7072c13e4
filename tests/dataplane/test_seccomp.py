"""The filter of system calls, read back as the kernel reads it, for every machine that it is made for."""

import errno
import struct

import pytest

from neve.dataplane.sandbox.seccomp import ARCHITECTURES, Architecture, filter_for

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EVERY = pytest.mark.parametrize("name", ARCHITECTURES)


def judge(name: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the kernel would return: 0 to allow, else the error number."""
    program = filter_for(name)
    assert program is not None
    given = ARCHITECTURES[name].audit if audit is None else audit
    data = struct.pack("=IIQ6Q", number, given, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("=HBBI", program))
    at, value = 0, 0
    while True:
        code, met, unmet, operand = steps[at]
        at += 1
        if code == 0x06:
            return 0 if operand == ALLOW else operand - ERRNO
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
            continue
        test = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
        at += met if test else unmet


def machine(name: str) -> Architecture:
    return ARCHITECTURES[name]


@EVERY
def test_each_refused_call_is_refused_and_most_others_are_not(name: str) -> None:
    refused = {number for number in range(600) if judge(name, number) == errno.EPERM}
    assert refused >= set(machine(name).refused.values())
    assert len(refused) < 70
    for number in (0, 1, 2, 3, 20, 60, 63, 64, 93, 94):  # read, write, close, exit, … on one machine or the other
        assert number in refused or judge(name, number) == 0


@EVERY
def test_namespaces_are_refused_and_threads_and_forks_are_not(name: str) -> None:
    here = machine(name)
    for flag in (1 << 17, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30):
        assert judge(name, here.clone, flag | 17) == errno.EPERM
        assert judge(name, here.unshare, flag) == errno.EPERM
    assert judge(name, here.unshare, 0x80) == errno.EPERM
    assert judge(name, here.unshare, 0x200) == 0  # its own table of files
    for flags in (17, 0x3D0F00, 0x4111, 0x1200011):  # fork, a thread, vfork, fork as libc does it
        assert judge(name, here.clone, flags) == 0


@EVERY
def test_clone3_and_io_uring_look_as_on_an_older_kernel(name: str) -> None:
    for number in (435, 425, 426, 427):
        assert judge(name, number) == errno.ENOSYS


@EVERY
def test_only_sockets_of_the_network_and_of_files_are_made(name: str) -> None:
    allowed = {family for family in range(50) if judge(name, machine(name).socket, family) == 0}
    assert allowed == {1, 2, 10, 16}
    assert judge(name, machine(name).socket, 40) == errno.EAFNOSUPPORT


@EVERY
def test_a_terminal_gets_no_characters(name: str) -> None:
    assert judge(name, machine(name).ioctl, 0, 0x5412) == errno.EPERM
    assert judge(name, machine(name).ioctl, 0, 0x5413) == 0


@EVERY
def test_calls_with_the_numbers_of_another_machine_do_not_exist(name: str) -> None:
    assert judge(name, 0, audit=0x40000003) == errno.ENOSYS
    if machine(name).has_x32:
        assert judge(name, 0x40000000) == errno.ENOSYS


def test_an_unknown_machine_has_none() -> None:
    assert filter_for("vax") is None
