"""Marker and NextMarker: opaque to clients, the place of the last item of a page to us."""

import base64
import binascii

from neve.domain.errors import InvalidParameterValue

_PREFIX = b"after:"


def marker(text: str | None) -> str | None:
    """A marker that `read` understands; None when there is no next page."""
    return None if text is None else base64.urlsafe_b64encode(_PREFIX + text.encode()).decode()


def read(given: str | None) -> str | None:
    """What `marker` was given. InvalidParameterValue for a marker that is not one of ours."""
    if given is None:
        return None
    try:
        plain = base64.b64decode(given, altchars=b"-_", validate=True)
        if plain.startswith(_PREFIX):
            return plain.removeprefix(_PREFIX).decode()
    except (binascii.Error, ValueError):
        pass
    raise _foreign()


def place(after: tuple[str, int] | None) -> str | None:
    """A marker for a place in an order by name and number."""
    return None if after is None else marker(f"{after[0]}:{after[1]}")


def read_place(given: str | None) -> tuple[str, int] | None:
    """What `place` was given."""
    text = read(given)
    if text is None:
        return None
    name, _, last = text.rpartition(":")
    return name, _number(last)


def read_number(given: str | None) -> int | None:
    """What `marker` was given, as a number."""
    text = read(given)
    return None if text is None else _number(text)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _foreign()
    return int(text)


def _foreign() -> InvalidParameterValue:
    return InvalidParameterValue("The Marker is not one that a previous page returned.")
