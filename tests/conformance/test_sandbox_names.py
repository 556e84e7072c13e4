"""What an environment calls itself: `sandbox.localdomain` and `sandbox`, at an address that nobody else listens on."""

import os

from tests.conformance.conftest import Begin

from neve.dataplane.sandbox import names
from neve.dataplane.sandbox.sandbox import Limits, Sandbox, SandboxKind

LISTEN = """
import os, socket
listening = socket.create_server(("sandbox.localdomain", int(os.environ["PORT"])))
print(listening.getsockname()[1], socket.gethostbyname("sandbox"), flush=True)
listening.accept()
"""
LOOK = "import socket; print(socket.gethostbyname('localhost')); open('/etc/hosts', 'a').close()"


async def test_two_environments_listen_on_the_same_port(kind: SandboxKind, sandbox: Sandbox, begin: Begin) -> None:
    if kind.name == "bare":  # has the machine's names and no other
        assert sandbox.address == names.LOOPBACK
        return
    first = await begin(LISTEN, PORT="0")
    port, address = (await first.line()).split()
    other = kind.create(os.urandom(6).hex(), Limits())
    try:
        second = await begin(LISTEN, sandbox=other, PORT=port)
        same_port, other_address = (await second.line()).split()
        assert (address, other_address) == (first.sandbox.address, other.address)
        assert same_port == port
        assert address != other_address
    finally:
        await other.remove()


async def test_the_machines_names_are_known_and_none_can_be_added(kind: SandboxKind, begin: Begin) -> None:
    running = await begin(LOOK)
    assert await running.line() == "127.0.0.1"
    assert ((await running.sandbox.wait()).status == 0) == (kind.name == "bare" and os.getuid() == 0)


def test_addresses_are_loopback_and_differ() -> None:
    addresses = {names.new_address() for _ in range(1000)}
    assert len(addresses) == 1000
    assert all(address.startswith("127.") and 64 <= int(address.split(".")[1]) < 128 for address in addresses)
