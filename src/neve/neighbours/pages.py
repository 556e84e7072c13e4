"""Whether a web page is behind a request. A page of anybody may call a server on this machine, so none gets a signature.

A browser says so itself (`Origin`, `Sec-Fetch-Site`), except to a name that somebody lets point to this machine: names that
nobody can own are all that is believed.
"""

import ipaddress

from neve.neighbours.request import Head


def from_page(head: Head) -> bool:
    """True when it may be."""
    site = head.header(b"sec-fetch-site")
    return bool(head.header(b"origin")) or site not in (b"", b"none") or not _is_nobodys(head.header(b"host"))


def _is_nobodys(host: bytes) -> bool:
    """Addresses, `localhost` and what is below it, and names without a dot; docker's name for its host."""
    name = host.decode("latin-1").lower()
    name = name[1 : name.find("]")] if name.startswith("[") else name.rsplit(":", 1)[0]
    if "." not in name or name.endswith((".localhost", ".internal")):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
