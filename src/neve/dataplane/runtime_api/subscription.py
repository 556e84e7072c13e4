"""What a subscribe request of the Telemetry or Logs API says, and everything that is wrong with it.

Source: runtime-api facts §3. Two complaints are the service's own texts (`URI port is not provided`, `types should not be
empty`); the others are worded like them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

HOSTS = ("sandbox.localdomain", "sandbox")  # where an extension listens; `Sandbox.address` says what it means
RESERVED_PORT = 9001
TYPES = ("platform", "function", "extension")


class Api(Enum):
    """Which of the two was asked. The value names it."""

    TELEMETRY = "Telemetry"
    LOGS = "Logs"


_SCHEMAS = {Api.TELEMETRY: ("2022-07-01", "2022-12-13", "2025-01-29"), Api.LOGS: ("2020-08-15", "2021-03-18")}

# Least, most and default of each member of `buffering`.
_BUFFERING = {
    "maxItems": (1_000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1_000),
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A legal one. `path` is None for TCP; `schema` is a date."""

    api: Api
    schema: str
    types: tuple[str, ...]
    port: int
    path: str | None
    max_items: int
    max_bytes: int
    timeout_ms: int


class SubscriptionRefused(Exception):
    """The request is wrong; the text has every complaint."""


def parse_subscription(api: Api, body: bytes) -> Subscription:
    """The subscription, or SubscriptionRefused."""
    request = _parse_object(body)
    complaints: list[str] = []
    port, path = _destination(request.get("destination"), complaints)
    types = _types(request.get("types"), complaints)
    buffering = _buffering(request.get("buffering"), complaints)
    schema = _schema(api, request.get("schemaVersion"), complaints)
    if complaints:
        raise SubscriptionRefused("; ".join(complaints))
    return Subscription(
        api, schema, types, port, path, buffering["maxItems"], buffering["maxBytes"], buffering["timeoutMs"]
    )


def _parse_object(body: bytes) -> Mapping[str, Any]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SubscriptionRefused(f"request is not valid JSON: {error}") from None
    if not isinstance(request, dict):
        raise SubscriptionRefused("request should be a JSON object")
    return request


def _destination(destination: Any, complaints: list[str]) -> tuple[int, str | None]:
    if not isinstance(destination, dict):
        complaints.append("destination is not provided")
        return 0, None
    protocol = destination.get("protocol")
    if protocol == "TCP":
        return _port(destination.get("port"), "port", complaints), None
    if protocol != "HTTP":
        complaints.append("protocol should be HTTP or TCP")
        return 0, None
    if destination.get("method", "POST") != "POST":
        complaints.append("method should be POST")
    if destination.get("encoding", "JSON") != "JSON":
        complaints.append("encoding should be JSON")
    return _uri(destination.get("URI"), complaints)


def _uri(uri: Any, complaints: list[str]) -> tuple[int, str]:
    if not isinstance(uri, str) or not uri:
        complaints.append("URI is not provided")
        return 0, "/"
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        complaints.append("URI is not valid")
        return 0, "/"
    if parts.scheme != "http":
        complaints.append("URI scheme should be http")
    if host not in HOSTS:
        complaints.append(f"URI host should be {HOSTS[0]}")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        complaints.append("URI is not valid")
    return _port(port, "URI port", complaints), path


def _port(port: Any, name: str, complaints: list[str]) -> int:
    if port is None:
        complaints.append(f"{name} is not provided")
    elif type(port) is not int or not 0 < port < 65_536:
        complaints.append(f"{name} should be between 1 and 65535")
    elif port == RESERVED_PORT:
        complaints.append(f"{name} {RESERVED_PORT} is reserved")
    else:
        return port
    return 0


def _types(types: Any, complaints: list[str]) -> tuple[str, ...]:
    if not isinstance(types, list) or not types:
        complaints.append("types should not be empty")
        return ()
    complaints += [f"type {each} is not supported" for each in types if each not in TYPES]
    return tuple(dict.fromkeys(each for each in types if each in TYPES))


def _buffering(buffering: Any, complaints: list[str]) -> dict[str, int]:
    given = {} if buffering is None else buffering
    if not isinstance(given, dict):
        complaints.append("buffering should be an object")
        given = {}
    return {name: _bounded(name, given.get(name), complaints) for name in _BUFFERING}


def _bounded(name: str, value: Any, complaints: list[str]) -> int:
    least, most, default = _BUFFERING[name]
    if value is None:
        return default
    if type(value) is not int or not least <= value <= most:
        complaints.append(f"{name} should be between {least} and {most}")
        return default
    return value


def _schema(api: Api, schema: Any, complaints: list[str]) -> str:
    """The Logs API has a default, its first edition."""
    known = _SCHEMAS[api]
    if schema is None and api is Api.LOGS:
        return known[0]
    if schema is None:
        complaints.append("schemaVersion is not provided")
    elif schema not in known:
        complaints.append(f"schemaVersion {schema} is not supported")
    return schema if isinstance(schema, str) else known[0]
