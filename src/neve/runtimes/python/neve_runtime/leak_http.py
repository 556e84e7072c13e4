"""The HTTP request that a stack is in the middle of: read from the local variables of `http.client` and of those above it.

Nothing is patched for it: it costs nothing until somebody asks.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType
    from typing import Any

_METHOD, _URL = "method", "url"


def request_of(frames: Iterable[FrameType]) -> str | None:
    """`GET https://host:port/path`, without a query, which may hold a key; None when it is in no request.

    `frames` from the innermost on.
    """
    seen = list(frames)
    for index, frame in enumerate(seen):
        if frame.f_code.co_filename.endswith(("/http/client.py", "/urllib3/connection.py")):
            connection = _connection(seen[index:])
            if connection is not None:
                return _described(connection, seen[index:])
    return None


def _connection(frames: Iterable[FrameType]) -> Any:
    for frame in frames:
        owner = frame.f_locals.get("self")
        if hasattr(owner, "putrequest") and isinstance(getattr(owner, "host", None), str):
            return owner
    return None


def _described(connection: Any, frames: Iterable[FrameType]) -> str:
    method, path = getattr(connection, "_method", None), ""
    for frame in frames:
        names = frame.f_locals
        if isinstance(names.get(_METHOD), str) and isinstance(names.get(_URL), str):
            method, path = method or names[_METHOD], _path(names[_URL])
            break
        if isinstance(getattr(names.get("req"), "selector", None), str):  # urllib.request
            path = _path(names["req"].selector)
            break
    return f"{method or 'connecting to'} {_origin(connection)}{path}"


def target_of(connection: Any, url: str) -> tuple[str, str]:
    """Whom a request goes to (`https://host:port`), also through a proxy, and the path without a query."""
    scheme, is_whole, rest = url.partition("://")
    if is_whole and not url.startswith("/"):
        return f"{scheme}://{rest.partition('/')[0].partition('?')[0].rpartition('@')[2]}", _path(url)
    return _origin(connection), _path(url)


def _origin(connection: Any) -> str:
    scheme = "https" if getattr(connection, "default_port", 80) == 443 else "http"
    tunnel = getattr(connection, "_tunnel_host", None)
    host, port = (tunnel, connection._tunnel_port) if tunnel else (connection.host, getattr(connection, "port", None))
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port in (None, {"https": 443, "http": 80}[scheme]) else f"{scheme}://{name}:{port}"


def _path(url: str) -> str:
    rest = url.partition("://")[2].partition("/")
    path = "/" + rest[2] if "://" in url and not url.startswith("/") else url
    return path.partition("?")[0].partition("#")[0]
