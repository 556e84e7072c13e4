"""What is remembered of runs, under `/_neve/traces` (docs/traces.md)."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol
from urllib.parse import unquote

from neve.domain.errors import InvalidParameterValue, ResourceNotFound
from neve.domain.picture import Picture

LAST = "last"
_SVG = ".svg"
_LEAST_DIGITS = 4
_MOMENT_S = 0.3
_LOOK_S = 0.01

Pair = tuple[tuple[int, int], tuple[int, int]]


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

    def is_under_way(self, request_id: str) -> bool:
        """Whether it has begun and not ended."""

    def code_of(self, request_id: str) -> tuple[str, set[str]]:
        """The SHA-256 of its code, and the files to look at."""

    def hints(self, request_id: str, pairs: Mapping[str, Sequence[Pair]]) -> Sequence[str]:
        """What it lost by waiting in a row."""


class Codes(Protocol):
    """Who has the code of functions."""

    async def pairs(self, code_sha256: str, files: Collection[str]) -> Mapping[str, Sequence[Pair]]:
        """Lines of statements that wait in a row without need, by file."""


def listed(book: Book, query: Mapping[str, str]) -> dict[str, Any]:
    """`?function=NAME`, else of all functions: the last runs that ended."""
    return {"traces": [_listed(each) for each in book.listed(query.get("function"))]}


async def wait_ended(book: Book, name: str, query: Mapping[str, str]) -> None:
    """Whoever asks right after an answer gets the whole run: its end, and what it called, are told a moment later."""
    function_name, beginning = query.get("function"), unquote(name.removesuffix(_SVG))
    request_id = book.latest(function_name) if beginning == LAST else book.find(beginning)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_MOMENT_S):
            while request_id is not None and book.is_under_way(request_id):  # noqa: ASYNC110 - rarely asked
                await asyncio.sleep(_LOOK_S)


async def one(
    book: Book, codes: Codes, draw: Callable[[Picture], str], name: str, query: Mapping[str, str]
) -> tuple[bytes, str]:
    """`ID`, its first digits, or `last` (`?function=NAME`): the picture as JSON, with `.svg` drawn. Body and content type."""
    picture = _picture(book, unquote(name.removesuffix(_SVG)), query.get("function"))
    picture = replace(picture, hints=await _hints(book, codes, picture.request_id))
    if name.endswith(_SVG):
        return draw(picture).encode(), "image/svg+xml"
    return json.dumps(asdict(picture), ensure_ascii=False).encode("utf-8", "replace"), "application/json"


async def _hints(book: Book, codes: Codes, request_id: str) -> Sequence[str]:
    sha256, files = book.code_of(request_id)
    return book.hints(request_id, await codes.pairs(sha256, files)) if sha256 and files else ()


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
