"""Who hears of a record."""

import pytest

from neve.dataplane.stream import Stream
from neve.domain import record as kinds
from neve.domain.record import Origin, Record
from neve.domain.world import World

ORIGIN = Origin(World(), "f", "$LATEST", "e", "/aws/lambda/f", "s")


def record(kind: str) -> Record:
    return Record(kind, 0.0, ORIGIN, None, {"requestId": "r", "durationMs": 1.0})


def test_records_go_to_all_and_to_those_who_want_their_type() -> None:
    stream, heard = Stream(), list[str]()
    stream.subscribe(lambda each, line: heard.append(f"all {each.type}"))
    end = stream.subscribe(lambda each, line: heard.append(f"some {line}"), {kinds.END})
    stream.publish(record(kinds.FREEZE))
    stream.publish(record(kinds.END))
    assert heard == [f"all {kinds.FREEZE}", f"all {kinds.END}", "some END RequestId: r"]
    end()
    stream.publish(record(kinds.END))
    assert heard[3:] == [f"all {kinds.END}"]


def test_who_comes_later_hears_of_types_that_were_told_before() -> None:
    stream, heard = Stream(), list[str]()
    stream.publish(record(kinds.END))
    with stream.subscribed(lambda each, line: heard.append(each.type)):
        stream.publish(record(kinds.END))
    stream.publish(record(kinds.END))
    assert heard == [kinds.END]


def test_one_who_fails_keeps_nobody_else_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    stream, heard = Stream(), list[str]()

    def fail(each: Record, line: str | None) -> None:
        raise ValueError("not of this world")

    stream.subscribe(fail)
    stream.subscribe(lambda each, line: heard.append(each.type))
    stream.publish(record(kinds.END))
    assert heard == [kinds.END]
    assert "not of this world" in caplog.text
