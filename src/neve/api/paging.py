"""Marker and NextMarker: opaque to clients, the place of the last item of a page to us, and good for one kind of list only."""

import base64
import binascii

from neve.domain.errors import InvalidParameterValue


class Pages:
    """The markers of one kind of list, by its name: those of another are refused, they would lead anywhere."""

    def __init__(self, name: str) -> None:
        self._prefix = f"{name}:".encode()

    def marker(self, text: str | None) -> str | None:
        """A marker that `read` understands; None when there is no next page."""
        return None if text is None else base64.urlsafe_b64encode(self._prefix + text.encode()).decode()

    def read(self, given: str | None) -> str | None:
        """What `marker` was given. InvalidParameterValue for a marker that is not one of this list's."""
        if given is None:
            return None
        try:
            plain = base64.b64decode(given, altchars=b"-_", validate=True)
            if plain.startswith(self._prefix):
                return plain.removeprefix(self._prefix).decode()
        except (binascii.Error, ValueError):
            pass
        raise _foreign()

    def place(self, after: tuple[str, int] | None) -> str | None:
        """A marker for a place in an order by name and number."""
        return None if after is None else self.marker(f"{after[0]}:{after[1]}")

    def read_place(self, given: str | None) -> tuple[str, int] | None:
        """What `place` was given."""
        text = self.read(given)
        if text is None:
            return None
        name, _, last = text.rpartition(":")
        return name, _number(last)

    def read_number(self, given: str | None) -> int | None:
        """What `marker` was given, as a number."""
        text = self.read(given)
        return None if text is None else _number(text)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _foreign()
    return int(text)


def _foreign() -> InvalidParameterValue:
    return InvalidParameterValue("The Marker is not one that a previous page returned.")
