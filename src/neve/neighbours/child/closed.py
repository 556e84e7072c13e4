"""With authorization on, the process answers to Neve alone: its port is the machine's, and functions could find it. moto's own
API, which empties and shows every account, then answers to nobody."""

import hmac
from collections.abc import Callable, Iterable
from typing import Any

PASSWORD = "NEVE_NEIGHBOURS_PASSWORD"
"""The variable that has what must be in the header; without it everybody is answered."""

HEADER = "x-neve-password"
_OWN_API = "/moto-api"
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def closed_to_others(app: Wsgi, password: str | None) -> Wsgi:
    """The application, for requests that know the password."""
    if password is None:
        return app
    name = "HTTP_" + HEADER.upper().replace("-", "_")

    def closed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        known = hmac.compare_digest(environ.pop(name, "").encode(), password.encode())
        if known and not environ.get("PATH_INFO", "").startswith(_OWN_API):
            return app(environ, start_response)
        start_response("403 Forbidden", [("content-length", "0"), ("connection", "close")])
        return []

    return closed
