"""Cross-origin requests at a function URL: what its configuration answers to browsers. Source: http-frontends facts §1."""

from collections.abc import Mapping

from neve.domain.function_url import Cors

Headers = list[tuple[str, str]]

_ANY = "*"
_PREFIX = "access-control-"


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks what it may do: the URL answers that by itself."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight(cors: Cors, headers: Mapping[str, str]) -> Headers:
    """The headers of the answer to a preflight; an origin that is not allowed finds nothing of it."""
    allowed = _origin(cors, headers)
    if not allowed:
        return _vary(cors)
    answer = [*allowed]
    _add(answer, "allow-methods", _listed(cors, cors.allow_methods, headers["access-control-request-method"]))
    _add(answer, "allow-headers", _listed(cors, cors.allow_headers, headers.get("access-control-request-headers", "")))
    _add(answer, "max-age", "" if cors.max_age_s is None else str(cors.max_age_s))
    return answer


def with_cors(cors: Cors | None, headers: Mapping[str, str], answer: Headers) -> Headers:
    """An answer's headers with those of the configuration, which win over the function's own."""
    if cors is None:
        return answer
    kept = [(name, value) for name, value in answer if not name.startswith(_PREFIX)]
    allowed = _origin(cors, headers)
    if not allowed:
        return kept + _vary(cors)
    kept += allowed
    _add(kept, "expose-headers", ",".join(cors.expose_headers or ()))
    return kept


def _origin(cors: Cors, headers: Mapping[str, str]) -> Headers:
    """The origin that may read the answer; with credentials browsers take no `*`."""
    origin, origins = headers.get("origin", ""), cors.allow_origins or ()
    if _ANY in origins and not cors.allow_credentials:
        return [(f"{_PREFIX}allow-origin", _ANY)]
    if not origin or not any(_matches(each, origin) for each in origins):
        return []
    allowed = [(f"{_PREFIX}allow-origin", origin), *_vary(cors)]
    return [*allowed, (f"{_PREFIX}allow-credentials", "true")] if cors.allow_credentials else allowed


def _matches(allowed: str, origin: str) -> bool:
    return allowed == _ANY or allowed.lower().rstrip("/") == origin.lower()


def _vary(cors: Cors) -> Headers:
    """The answer depends on the origin, which caches have to know."""
    return [] if _ANY in (cors.allow_origins or ()) and not cors.allow_credentials else [("vary", "Origin")]


def _listed(cors: Cors, allowed: tuple[str, ...] | None, asked: str) -> str:
    """With credentials browsers take `*` for a name, so what was asked for is said instead."""
    if allowed and _ANY in allowed:
        return asked if cors.allow_credentials else _ANY
    return ",".join(allowed or ())


def _add(headers: Headers, name: str, value: str) -> None:
    if value:
        headers.append((_PREFIX + name, value))
