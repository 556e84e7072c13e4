"""Page tokens: opaque to callers, self-contained, so that they survive a restart."""

import base64
import binascii
import json
import re

from neve.companions.logs.faults import invalid_token

Cursor = tuple[int, int]
"""(timestamp, event id): a place in the order of a group's events."""

_EVENTS = re.compile(r"([fb])/(\d{20})(\d{36})/s")


def render_cursor(direction: str, cursor: Cursor) -> str:
    """A token of GetLogEvents, in the form of the service: `f/…/s` goes on forward, `b/…/s` backward."""
    return f"{direction}/{cursor[0]:020d}{max(0, cursor[1]):036d}/s"


def parse_cursor(token: str) -> tuple[str, Cursor]:
    """The direction, `f` or `b`, and the place. InvalidParameterException for any other text."""
    match = _EVENTS.fullmatch(token)
    if match is None:
        raise invalid_token()
    return match[1], _place(int(match[2]), int(match[3]))


def _place(timestamp_ms: int, event_id: int) -> Cursor:
    if max(timestamp_ms, event_id) >= 2**63:
        raise invalid_token()
    return timestamp_ms, event_id


def render(kind: str, *place: str | int) -> str:
    """A token of a listing of that kind."""
    return base64.urlsafe_b64encode(json.dumps([kind, *place]).encode()).decode()


def parse_name(kind: str, token: str | None) -> str | None:
    """The name after which the listing goes on; None without a token."""
    if token is None:
        return None
    (name,) = _parse(kind, token, (str,))
    return str(name)


def parse_offset(kind: str, token: str | None) -> int:
    """How many entries were listed before; 0 without a token."""
    if token is None:
        return 0
    (offset,) = _parse(kind, token, (int,))
    return int(offset)


def parse_filter_place(token: str) -> tuple[str, Cursor]:
    """The direction and the place of a FilterLogEvents token."""
    direction, timestamp_ms, event_id = _parse("filter", token, (str, int, int))
    if direction not in ("f", "b"):
        raise invalid_token()
    return str(direction), _place(int(timestamp_ms), int(event_id))


def _parse(kind: str, token: str, types: tuple[type, ...]) -> list[str | int]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError) as error:
        raise invalid_token() from error
    if not isinstance(found, list) or found[:1] != [kind] or len(found) != len(types) + 1:
        raise invalid_token()
    place: list[str | int] = found[1:]
    if not all(type(member) is wanted for member, wanted in zip(place, types, strict=True)):
        raise invalid_token()
    if any(isinstance(member, int) and member < 0 for member in place):
        raise invalid_token()
    return place
