"""Where function URLs are: how callers write them, and which one a request is for.

    host   http://ID.lambda-url.REGION.localhost:4566/     as on AWS; of any domain that leads here
    path   http://127.0.0.1:4566/_neve/urls/ID/            needs no names

Every request is understood in both forms. The API tells the first where the resolver of the machine knows that names below
`localhost` are this machine (RFC 6761; many do not), else the second: a URL that is told must work for every client, and not
only for browsers and curl, which know it by themselves. A setting says otherwise, also for URLs that a proxy has.
"""

import re
import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from neve.api.http import Scope
from neve.domain.errors import OperatorError
from neve.domain.function_url import ID_LENGTH, FunctionUrl

Address = Callable[[FunctionUrl], str]

_HOST = re.compile(rb"([a-z0-9]{%d})\.lambda-url\.([a-z0-9-]+)\.[a-z0-9.-]+" % ID_LENGTH)
_PATH = re.compile(rb"/_neve/urls/([^/]*)(/.*)?", re.DOTALL)
_PREFIX = b"/_neve/urls/"
_MARK = b".lambda-url."


class Place(NamedTuple):
    """What a request says of the URL that it is for: `path` is what the function sees, `host` the name without a port.

    `url_id` None is no id; `region` None was not said.
    """

    url_id: str | None
    region: str | None
    host: str
    path: str


def is_for_url(scope: Scope) -> bool:
    """Whether a request is for a function URL, known or not. Asked of every request."""
    if scope["type"] != "http":
        return False
    for name, value in scope["headers"]:
        if name == b"host":
            return _MARK in value.lower() or scope["raw_path"].startswith(_PREFIX)
    return bool(scope["raw_path"].startswith(_PREFIX))


def place_of(scope: Scope, headers: Mapping[bytes, bytes]) -> Place:
    """Where a request goes that is for a function URL, by its host or by its path."""
    host = headers.get(b"host", b"").lower().rpartition(b":")
    name = host[0] if host[1] and host[2].isdigit() else headers.get(b"host", b"").lower()
    path: bytes = scope["raw_path"]
    if _MARK in name:
        found = _HOST.fullmatch(name.rstrip(b"."))
        url_id, region = (found[1].decode(), found[2].decode()) if found else (None, None)
        return Place(url_id, region, name.decode("latin-1"), path.decode("latin-1"))
    below = _PATH.fullmatch(path)
    assert below is not None, path
    url_id = None if _leaves(below[2] or b"/") else below[1].decode("latin-1")
    return Place(url_id, None, name.decode("latin-1"), (below[2] or b"/").decode("latin-1"))


def _leaves(path: bytes) -> bool:
    """Whether its dots lead out of the URL: a signature is of the path without them, and may be one for another URL."""
    depth = 0
    for part in path.split(b"/") if b"/.." in path else ():
        depth += -1 if part == b".." else part not in (b"", b".")
        if depth < 0:
            return True
    return False


def domain_of(url: FunctionUrl, host: str) -> str:
    """The host name that the function is told: that of the request, else the one that the URL would have."""
    return host if ".lambda-url." in host else f"{url.id}.lambda-url.{url.world.region}.localhost"


def by_host(base_url: str) -> Address:
    """As on AWS. `base_url` is that of our own door, without a slash at its end."""
    door = urlsplit(base_url)
    port = f":{door.port}" if door.port else ""
    return lambda url: f"{door.scheme}://{url.id}.lambda-url.{url.world.region}.localhost{port}/"


def by_path(base_url: str) -> Address:
    """Below our own door."""
    return lambda url: f"{base_url}/_neve/urls/{url.id}/"


def chosen(setting: str, base_url: str) -> Address:
    """As the setting `function_urls` says: `auto`, `host`, `path`, or a URL with `{id}` (and `{region}`) in it. OperatorError."""
    if setting == "auto":
        return by_host(base_url) if _localhost_has_names() else by_path(base_url)
    forms = {"host": by_host, "path": by_path}
    if setting in forms:
        return forms[setting](base_url)
    if "{id}" not in setting or not setting.startswith(("http://", "https://")):
        raise OperatorError(
            "the setting function_urls takes auto, host, path, or a URL with {id} in it like "
            f"https://{{id}}.lambda-url.{{region}}.example.com/, not {setting!r}"
        )
    return lambda url: setting.replace("{id}", url.id).replace("{region}", url.world.region)


def _localhost_has_names() -> bool:
    """Whether the resolver that most programs ask knows names below `localhost`."""
    try:
        found = socket.getaddrinfo("neve.lambda-url.localhost", None)
    except OSError:
        return False
    return bool(found) and all(address[0] in ("127.0.0.1", "::1") for *_, address in found)
