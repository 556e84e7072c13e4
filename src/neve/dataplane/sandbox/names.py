"""The names that an environment has inside itself, `sandbox.localdomain` and `sandbox`: where its extensions listen.

All environments share the machine's network. Each has a loopback address of its own for these names, so that the
extensions of two environments can listen on the same port.
"""

import itertools
import random
from pathlib import Path

LOOPBACK = "127.0.0.1"
_HOSTS = Path("/etc/hosts")
# 127.64.0.0 to 127.127.255.255, from anywhere: another Neve of this machine counts, too.
_FIRST, _COUNT = (127 << 24) + (64 << 16), 1 << 22
_numbers = itertools.count(random.randrange(_COUNT))


def new_address() -> str:
    """A loopback address for one environment."""
    number = _FIRST + next(_numbers) % _COUNT
    return ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8, 0))


def hosts(address: str) -> bytes:
    """What the environment finds in `/etc/hosts`: the machine's, and its own names before them."""
    own = f"{address}\tsandbox.localdomain sandbox\n".encode()
    try:
        return own + _HOSTS.read_bytes()
    except OSError:  # a machine without one; every program still expects to know itself
        return own + f"{LOOPBACK}\tlocalhost\n".encode()
