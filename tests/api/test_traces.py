"""`/_neve/traces`: which run is meant, as JSON and drawn."""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence

import pytest
from tests.analysis.telling import FIRST, SECOND, Told
from tests.analysis.test_story import book_of

from neve.analysis.trace_book import TraceBook
from neve.api import own_traces
from neve.domain.errors import InvalidParameterValue, ResourceNotFound
from neve.domain.picture import Picture


class NoCode:
    async def pairs(self, code_sha256: str, files: Collection[str]) -> Mapping[str, Sequence[own_traces.Pair]]:
        return {}


def draw(picture: Picture) -> str:
    return f"drawn {picture.request_id}"


@pytest.fixture
def book() -> TraceBook:
    told = Told()
    told.run(0, 1)
    told.run(10, 2, SECOND)
    return book_of(told.records)


@pytest.mark.parametrize(
    ("name", "query", "request_id"),
    [
        (FIRST, {}, FIRST),
        ("10000000", {}, FIRST),
        ("last", {}, SECOND),
        ("last", {"function": "photos"}, SECOND),
    ],
)
async def test_run_is_named_by_id_beginning_or_as_the_last(
    book: TraceBook, name: str, query: dict[str, str], request_id: str
) -> None:
    body, content_type = await own_traces.one(book, NoCode(), draw, name, query)
    assert (json.loads(body)["request_id"], content_type) == (request_id, "application/json")
    body, content_type = await own_traces.one(book, NoCode(), draw, f"{name}.svg", query)
    assert (body.decode(), content_type) == (f"drawn {request_id}", "image/svg+xml")


@pytest.mark.parametrize("name", ["30000000", "0000-4000"])
async def test_run_that_is_not_remembered_is_not_found(book: TraceBook, name: str) -> None:
    with pytest.raises(ResourceNotFound, match="only the last ones are"):
        await own_traces.one(book, NoCode(), draw, name, {})


async def test_run_that_is_about_to_end_is_waited_for() -> None:
    told = Told()
    told.start(0)
    book = book_of(told.records)

    def end() -> None:
        told.end(5, 5)
        for record in told.records[1:]:
            book(record, None)

    asyncio.get_running_loop().call_later(0.02, end)
    await own_traces.wait_ended(book, "last", {})
    assert not book.is_under_way(FIRST)


async def test_run_that_goes_on_is_not_waited_for_long() -> None:
    told = Told()
    told.start(0)
    async with asyncio.timeout(10):
        await own_traces.wait_ended(book_of(told.records), FIRST, {})


async def test_beginning_that_is_too_short_is_refused(book: TraceBook) -> None:
    with pytest.raises(InvalidParameterValue):
        await own_traces.one(book, NoCode(), draw, "1", {})


async def test_function_without_a_run_says_what_to_do(book: TraceBook) -> None:
    with pytest.raises(ResourceNotFound, match="neve invoke orders"):
        await own_traces.one(book, NoCode(), draw, "last", {"function": "orders"})


def test_runs_are_listed_the_newest_first(book: TraceBook) -> None:
    listed = own_traces.listed(book, {"function": "photos"})["traces"]
    assert [(each["requestId"], each["durationMs"]) for each in listed] == [(SECOND, 2), (FIRST, 1)]
    assert own_traces.listed(book, {"function": "orders"}) == {"traces": []}
