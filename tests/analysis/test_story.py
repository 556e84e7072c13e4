"""From the records of the stream to the picture of a run."""

from collections.abc import Iterable
from typing import Any

import pytest
from tests.analysis.telling import FIRST, SECOND, THIRD, Told

from neve.analysis.trace_book import MOST_EVENTS, MOST_RECORDS, TraceBook
from neve.domain import record as kinds
from neve.domain.picture import Picture, moment, span
from neve.domain.record import Record


def book_of(*told: Iterable[Record]) -> TraceBook:
    book = TraceBook()
    for records in told:
        for record in records:
            book(record, None)
    return book


def picture(told: Told, request_id: str = FIRST) -> Picture:
    found = book_of(told.records).picture(request_id)
    assert found is not None
    return found


def texts(shown: Picture) -> list[str]:
    return [row.text for row in shown.rows]


# One run


def test_cold_start_begins_with_the_init_that_it_waits_for() -> None:
    told = Told()
    told.init(0, 40)
    told.run(45, 5)
    shown = picture(told)
    assert [(row.text, row.when) for row in shown.rows[:3]] == [
        ("invoke", "0 ms"),
        ("init: 40 ms", "40 ms"),
        ("answer", "50 ms"),
    ]
    assert [activity.kind for activity in shown.activities] == ["init", "invoke"]


def test_init_ahead_of_time_is_nobodys() -> None:
    told = Told()
    told.init(0, 40)
    told.freeze(41)
    told.run(9_000, 5)
    assert texts(picture(told))[:2] == ["invoke", "answer"]


def test_call_and_its_answer_share_a_row_when_nothing_happens_between() -> None:
    told = Told()
    told.start(0)
    told.call(2, 10)
    told.end(20, 20)
    row = picture(told).rows[1]
    assert (row.kind, row.text, row.back, row.detail, row.target) == (
        "exchange",
        "GET /1",
        "200",
        "10 ms",
        "to photos.example",
    )


def test_calls_side_by_side_have_rows_of_their_own() -> None:
    told = Told()
    told.start(0)
    told.call(2, 10, "/1")
    told.call(3, 5, "/2")
    told.end(20, 20)
    assert texts(picture(told)) == ["invoke", "GET /1", "GET /2", "200 to GET /2", "200 to GET /1", "answer"]
    first, second = picture(told).lanes[1:3]
    assert second.segments[0].to_ms < first.segments[0].to_ms


def test_many_equal_calls_are_one_row() -> None:
    told = Told()
    told.start(0)
    for n in range(30):
        told.call(2 + 10 * n, 8, f"/items/{n}")
    told.end(400, 400)
    (row,) = [row for row in picture(told).rows if row.kind == "exchange"]
    assert (row.text, row.back) == ("GET ×30", "30 answers, one after the other")


def test_call_of_an_aws_service_is_named_so() -> None:
    told = Told()
    told.start(0)
    told.call(2, 3, service="dynamodb", target="DynamoDB_20120810.PutItem", status=400)
    told.end(9, 9)
    shown = picture(told)
    assert shown.participants[2].name == "DynamoDB"
    assert (shown.rows[1].text, shown.rows[1].back, shown.rows[1].tone) == ("PutItem", "400", "error")


def test_timeout_tells_what_it_waited_for() -> None:
    told = Told()
    told.start(0)
    waiting = {
        "kind": "interval",
        "description": "interval (every 50 ms)",
        "count": 1,
        "source": None,
        "stack": [],
        "origin": FIRST,
    }
    told.tell(kinds.DIAGNOSIS, 900, FIRST, answeredMs=1.5, waiting=[waiting], blocked=False, stack=[])
    told.tell(kinds.FAULT, 1000, FIRST, text="")
    told.end(1000, 1000, status="timeout")
    assert texts(picture(told)) == [
        "invoke",
        "callback called",
        "waits for interval (every 50 ms)",
        "timed out after 1 s",
    ]


def test_timeout_of_python_tells_where_it_was() -> None:
    told = Told()
    told.start(0)
    waiting: dict[str, Any] = {"count": 1, "source": None, "stack": [], "origin": FIRST}
    request = {**waiting, "kind": "http", "description": "GET http://a/b"}
    thread = {**waiting, "kind": "thread", "description": "thread (upload)"}
    told.tell(
        kinds.DIAGNOSIS,
        900,
        FIRST,
        answeredMs=None,
        waiting=[request, thread],
        blocked=False,
        stack=["ask (app.py:7:5)"],
        family="python",
    )
    told.tell(kinds.FAULT, 1000, FIRST, text="")
    told.end(1000, 1000, status="timeout")
    assert texts(picture(told)) == [
        "invoke",
        "it is here",
        "waits for GET a/b",
        "beside it: thread (upload)",
        "timed out after 1 s",
    ]


def test_run_that_has_not_ended_is_shown_as_far_as_it_came() -> None:
    told = Told()
    told.start(0)
    assert texts(picture(told)) == ["invoke", "still runs"]


# What is left behind


def test_leak_that_goes_on_later_has_a_thread_through_the_freeze() -> None:
    told = Told()
    told.leaving()
    told.next()
    told.resume(1002, SECOND)
    told.call(1003, 2, "/late", leakId="l1")
    told.finish(1006, SECOND)
    told.end(1010, 10, SECOND)
    shown = picture(told)
    assert texts(shown) == [
        "invoke 10000000",
        "answer",
        "left behind: timer (120 ms)",
        "frozen 994 ms",
        "invoke 20000000",
        "goes on in this invocation",
        "GET /late",
        "answer",
    ]
    (thread,) = shown.threads
    assert (thread.first, thread.last, thread.end) == (2, 5, "continued")
    assert [(each.kind, each.first, each.last) for each in shown.activities if each.kind == "leak"] == [("leak", 5, 6)]
    assert texts(picture(told, SECOND)) == texts(shown)


def test_error_of_left_over_work_that_the_invocation_survives() -> None:
    told = Told()
    told.leaving()
    told.next()
    failed: dict[str, Any] = {"leakId": "l1", "requestId": SECOND, "error": "ValueError: boom", "fatal": False}
    told.resume(1001, SECOND)
    told.tell(kinds.LEAK_FAILED, 1002, SECOND, **failed)
    told.end(1010, 10, SECOND)
    rows = [row for row in picture(told, SECOND).rows if row.text == "ValueError: boom"]
    assert [row.detail for row in rows] == ["nobody catches its error"]


def test_line_of_left_over_work_comes_after_it_went_on() -> None:
    told = Told()
    told.leaving()
    told.start(1000, SECOND)
    told.tell(kinds.FUNCTION, 1001, SECOND, text="saved", level=None, leftOverFrom=FIRST)
    told.resume(1002, SECOND)
    told.end(1010, 10, SECOND)
    assert texts(picture(told))[5:7] == ["goes on in this invocation", "prints “saved”"]


def test_leak_that_never_went_on_ends_with_its_environment() -> None:
    told = Told()
    told.start(0)
    told.call(2, None, "/never", sent=False, leakId="l1")
    told.leak(5, what="PUT http://photos.example/never")
    told.end(6, 5)
    told.freeze(7)
    told.tell(kinds.ENVIRONMENT_STOPPED, 9000, invocations=1)
    shown = picture(told)
    assert [thread.end for thread in shown.threads] == ["never"]
    assert {"never went on", "the environment is gone"} <= set(texts(shown))
    (call,) = [row for row in shown.rows if row.text == "GET /never"]
    assert (call.arrives, call.tone) == (False, "leak")


def test_leak_whose_fate_is_open_goes_to_the_end_of_the_picture() -> None:
    told = Told()
    told.leaving()
    shown = picture(told)
    assert [(thread.end, thread.last) for thread in shown.threads] == [("open", len(shown.rows))]


def test_leak_that_ended_before_the_freeze_was_lucky() -> None:
    told = Told()
    told.start(0)
    told.leak(5)
    told.end(6, 5)
    told.finish(7, None)
    told.freeze(8)
    assert [thread.end for thread in picture(told).threads] == ["finished"]


def test_other_invocations_between_are_counted() -> None:
    told = Told()
    told.leaving()
    for n in range(3):
        told.run(1000 + 100 * n, 5, f"0{n}000000-x")
    told.start(2000, SECOND)
    told.resume(2001, SECOND)
    told.end(2010, 10, SECOND)
    assert "3 other invocations and freezes" in texts(picture(told))


# Events


def test_event_that_is_tried_again_and_given_up() -> None:
    told = Told()
    told.tell(kinds.QUEUED, 0, FIRST, payloadBytes=2)
    for number, at_ms in enumerate((1, 60_000, 180_000), 1):
        told.tell(kinds.LEASED, at_ms, FIRST, attempt=number, ageMs=at_ms)
        told.run(at_ms + 1, 5)
        if number < 3:
            at = 1_000_000 + at_ms + 60_000 * number
            told.tell(kinds.RETRY_AT, at_ms + 8, FIRST, at=at, attempts=number, reason="the function failed")
    told.tell(kinds.DROPPED, 180_010, FIRST, condition="RetriesExhausted", attempts=3, reason="", told=["x"])
    target = "arn:aws:sqs:us-east-1:000000000000:failed"
    told.tell(kinds.DELIVERED, 180_020, FIRST, kind="deadLetter", target=target, tries=1)
    shown = picture(told)
    assert [row.text for row in shown.rows if row.source == "queue"] == [
        "attempt 1",
        "waits 1 min",
        "attempt 2",
        "waits 2 min",
        "attempt 3",
        "given up after 3 attempts",
        "the event (dead-letter queue)",
    ]
    assert (shown.participants[-1].name, shown.participants[-1].detail) == ("failed", "SQS")
    assert [segment.kind for segment in shown.lanes[0].segments] == ["wait"] * 3


# What it costs


def test_run_tells_what_it_costs() -> None:
    told = Told()
    told.run(0, 99)  # billed 100 ms at 128 MB: 0.0125 GB-s and a request
    assert picture(told).subtitle.endswith("60 of 128 MB · $0.00000041")


def test_time_with_a_call_open_is_counted_once() -> None:
    told = Told()
    told.start(0)
    told.call(10, 20, "/1")
    told.call(15, 20, "/2")
    told.call(90, 50, "/after the end")
    told.end(100, 100)
    assert book_of(told.records).waited("photos") == (35.0, 100.0)


# The book


def test_last_run_is_known_for_a_function_and_for_all() -> None:
    one, other = Told("one", "e1"), Told("other", "e2")
    one.run(0, 1)
    other.run(10, 1, SECOND)
    book = book_of(one.records, other.records)
    assert (book.latest("one"), book.latest(None), book.latest("third")) == (FIRST, SECOND, None)
    assert [each.request_id for each in book.listed(None)] == [SECOND, FIRST]
    assert (book.find("1000"), book.find("0"), book.find(FIRST)) == (FIRST, None, FIRST)


def test_book_stays_within_its_bounds() -> None:
    book = TraceBook()
    for n in range(400):
        told = Told(environment=f"e{n}")
        for _ in range(20):
            told.run(n, 1, f"{n}-x")
        for record in told.records:
            book(record, None)
        event = Told()
        for m in range(4):
            event.tell(kinds.QUEUED, n, f"{n}-{m}", payloadBytes=2)
            book(event.records[-1], None)
    assert book._count == sum(map(len, book._environments.values())) <= MOST_RECORDS
    assert len(book._events) <= MOST_EVENTS
    assert book.picture("0-x") is None
    assert book.picture("399-x") is not None


def test_records_that_begin_in_the_middle_are_no_fault() -> None:
    told = Told()
    told.run(0, 1)
    told.leak(5)
    told.run(10, 1, THIRD)
    for cut in range(len(told.records)):
        book = book_of(told.records[cut:])
        for request_id in (FIRST, THIRD):
            book.picture(request_id)


@pytest.mark.parametrize(
    ("ms", "of_ms", "text"),
    [
        (41, 500, "41 ms"),
        (41, 5_000, "41 ms"),
        (1_041, 5_000, "1.041 s"),
        (0, 5_000, "0 ms"),
        (60_004, 70_000, "1:00.004"),
        (9_000_000, 9e6, "2:30:00.000"),
    ],
)
def test_moments_are_as_exact_as_what_they_belong_to_needs(ms: float, of_ms: float, text: str) -> None:
    assert moment(ms, of_ms) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0.0, "0 ms"),
        (3.24, "3.2 ms"),
        (41.4, "41 ms"),
        (999.6, "1 s"),
        (1250, "1.25 s"),
        (60_000, "1 min"),
        (125_000, "2 min 5 s"),
        (3_900_000, "1 h 5 min"),
    ],
)
def test_spans_are_written_as_people_read_them(ms: float, text: str) -> None:
    assert span(ms) == text
