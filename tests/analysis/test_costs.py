"""From reports to what functions cost."""

import pytest
from tests.analysis.telling import SECOND, Told
from tests.analysis.test_story import book_of

from neve.analysis.costs import CostBook
from neve.api import own_costs
from neve.domain.price import Prices


def test_functions_are_added_up_the_dearest_first() -> None:
    book = CostBook(Prices())
    cheap, dear = Told("cheap", "e1"), Told("dear", "e2")
    cheap.run(0, 99)
    dear.run(0, 999)
    dear.start(2_000, SECOND)
    dear.end(3_000, 999, SECOND, initDurationMs=40.0)
    for record in (*cheap.records, *dear.records):
        book(record, None)
    assert [each.function_name for each in book.costs(None)] == ["dear", "cheap"]
    (told,) = own_costs.look(book, book_of(dear.records), {"function": "dear"})["functions"]
    assert (told["requests"], told["billedMs"], told["initMs"], told["gbSeconds"]) == (2, 2_000, 40.0, 0.25)
    assert told["cost"]["total"] == pytest.approx(0.25 * 16.6667e-6 + 2 * 0.2e-6)
    assert told["costOfAMillion"] == pytest.approx(told["cost"]["total"] / 2 * 1e6)
    assert told["waiting"] == {"waitedMs": 0.0, "ranMs": 1999.0}


def test_function_that_never_ran_costs_nothing() -> None:
    assert own_costs.look(CostBook(Prices()), book_of(), {"function": "f"})["functions"] == []
