"""The port that Neve listens on."""

import ipaddress
import socket

from neve.domain.errors import OperatorError
from neve.settings import Settings


def listen(settings: Settings) -> socket.socket:
    """The port, taken before anything else is begun. OperatorError when it cannot be had, or should not be open to others."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise OperatorError(
            f"{settings.host}:{settings.port} cannot be listened on ({error}); name another with --port (0 takes a free one)"
        ) from error
    if settings.auth == "none" and not settings.allow_anonymous and not _is_loopback(listener):
        listener.close()
        raise OperatorError(
            f"whoever reaches {settings.host} could run code on this machine: check signatures with --auth sigv4 "
            "(docs/authorization.md), or insist with --allow-anonymous"
        )
    return listener


def url_of(listener: socket.socket) -> str:
    """Where callers reach it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback
