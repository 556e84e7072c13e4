"""What is remembered of runs, under `/_neve/traces` (docs/traces.md)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol
from urllib.parse import unquote

from neve.domain.errors import InvalidParameterValue, ResourceNotFound
from neve.domain.picture import Picture

LAST = "last"
_SVG = ".svg"
_LEAST_DIGITS = 4


class Listed(Protocol):
    """One run, as far as a list tells."""

    @property
    def request_id(self) -> str:
        """The invocation."""

    @property
    def function_name(self) -> str:
        """The function."""

    @property
    def environment_id(self) -> str:
        """Where it ran."""

    @property
    def run(self) -> Any:
        """Times and metrics."""


class Book(Protocol):
    """Who remembers runs."""

    def latest(self, function_name: str | None) -> str | None:
        """The request id of the last one."""

    def find(self, beginning: str) -> str | None:
        """The only request id that begins so."""

    def picture(self, request_id: str) -> Picture | None:
        """The picture of one."""

    def listed(self, function_name: str | None) -> Sequence[Listed]:
        """The newest first."""


def listed(book: Book, query: Mapping[str, str]) -> dict[str, Any]:
    """`?function=NAME`, else of all functions: the last runs that ended."""
    return {"traces": [_listed(each) for each in book.listed(query.get("function"))]}


def one(book: Book, draw: Callable[[Picture], str], name: str, query: Mapping[str, str]) -> tuple[bytes, str]:
    """`ID`, its first digits, or `last` (`?function=NAME`): the picture as JSON, with `.svg` drawn. Body and content type."""
    picture = _picture(book, unquote(name.removesuffix(_SVG)), query.get("function"))
    if name.endswith(_SVG):
        return draw(picture).encode(), "image/svg+xml"
    return json.dumps(asdict(picture), ensure_ascii=False).encode("utf-8", "replace"), "application/json"


def _picture(book: Book, name: str, function_name: str | None) -> Picture:
    if name == LAST:
        request_id = book.latest(function_name)
        if request_id is None:
            of = f" of {function_name}" if function_name else ""
            raise ResourceNotFound(
                f"No run{of} is remembered; invoke it first: `neve invoke {function_name or 'NAME'}`."
            )
    elif len(name) < _LEAST_DIGITS:
        raise InvalidParameterValue(f"Give at least {_LEAST_DIGITS} digits of a request id, or `{LAST}`.")
    else:
        request_id = book.find(name)
    picture = book.picture(request_id) if request_id is not None else None
    if picture is None:
        raise ResourceNotFound(
            f"Nothing is remembered of the run {name}: only the last ones are, since this Neve was started. "
            "`neve trace` without an id shows the last one, `neve trace --list` those that there are."
        )
    return picture


def _listed(each: Listed) -> dict[str, Any]:
    run = each.run
    return {
        "requestId": each.request_id,
        "function": each.function_name,
        "environment": each.environment_id,
        "at": int(run.began_ms),
        "status": run.status,
        "durationMs": run.metrics.get("durationMs"),
        "billedDurationMs": run.metrics.get("billedDurationMs"),
        "initDurationMs": run.metrics.get("initDurationMs"),
    }
