"""Records of destinations and attributes of dead-letter queues, to the letter (async-invocation facts §3, §4)."""

import json
from dataclasses import replace

import pytest

from neve.domain.destination import DeadLetterAttributes, DeliveryKind, attributes, delivery, record
from neve.domain.event import NEW, Cause, Condition, NotRun, Progress, QueuedEvent, Ran
from neve.domain.world import World

WORLD = World("111111111111", "us-east-1")
EVENT = QueuedEvent("8f0c", WORLD, "f", None, b'{"a": 1.10, "a":12345678901234567890}', "Root=1", 0.0)
AT = 1_764_026_480_123.9
ERROR = Ran(True, b'{"errorType":"Error","errorMessage":"Test exception (this is intentional)"}', "$LATEST")
THROTTLED = NotRun(Cause.THROTTLED, 429, "Rate Exceeded.")


def test_record_of_a_success() -> None:
    done = Progress(1, 0, Ran(False, b'{"b" : 2.0}', "7"))
    assert record(EVENT, Condition.SUCCESS, done, AT) == (
        b'{"version":"1.0","timestamp":"2025-11-24T23:21:20.123Z","requestContext":{"requestId":"8f0c",'
        b'"functionArn":"arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST","condition":"Success",'
        b'"approximateInvokeCount":1},"requestPayload":{"a": 1.10, "a":12345678901234567890},'
        b'"responseContext":{"statusCode":200,"executedVersion":"7"},"responsePayload":{"b" : 2.0}}'
    )


def test_record_of_spent_retries() -> None:
    told = json.loads(record(EVENT, Condition.RETRIES_EXHAUSTED, Progress(3, 0, ERROR), AT))
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 3
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert list(told["responseContext"]) == ["statusCode", "executedVersion", "functionError"]
    assert told["responsePayload"] == json.loads(ERROR.payload)


def test_record_of_a_function_that_is_turned_off_has_no_response() -> None:
    told = json.loads(record(EVENT, Condition.ZERO_RESERVED_CONCURRENCY, NEW, AT))
    assert told["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert told["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in told
    assert "responsePayload" not in told


@pytest.mark.parametrize(("progress", "has_response"), [(NEW, False), (Progress(1, 4, ERROR, THROTTLED), True)])
def test_record_of_an_event_that_aged_out_has_a_response_when_it_ran(progress: Progress, has_response: bool) -> None:
    told = json.loads(record(EVENT, Condition.EVENT_AGE_EXCEEDED, progress, AT))
    assert ("responsePayload" in told) == has_response == ("responseContext" in told)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"", b"null"),
        (b"plain", b'"plain"'),
        (b'{"a":NaN}', b'"{\\"a\\":NaN}"'),
        (b"\xff\xfe", b'"\\ufffd\\ufffd"'),
        (b" [1e400, 0.10] ", b" [1e400, 0.10] "),
        (b"[" * 5000 + b"]" * 5000, b"[" * 5000 + b"]" * 5000),
    ],
)
def test_response_is_told_byte_for_byte_and_what_is_no_json_as_a_string(payload: bytes, told: bytes) -> None:
    done = Progress(1, 0, Ran(False, payload, "1"))
    assert record(EVENT, Condition.SUCCESS, done, AT).endswith(b'"responsePayload":' + told + b"}")


@pytest.mark.parametrize(
    ("condition", "progress", "code", "message"),
    [
        (Condition.RETRIES_EXHAUSTED, Progress(3, 0, ERROR), 200, "Test exception (this is intentional)"),
        (Condition.RETRIES_EXHAUSTED, Progress(3, 0, Ran(True, b"[1]", "1")), 200, "[1]"),
        (Condition.RETRIES_EXHAUSTED, Progress(3, 0, Ran(True, b'{"errorMessage":4}', "1")), 200, '{"errorMessage":4}'),
        (Condition.EVENT_AGE_EXCEEDED, Progress(1, 3, ERROR, THROTTLED), 429, "Rate Exceeded."),
        (Condition.EVENT_AGE_EXCEEDED, NEW, 429, "The event was too old before there was room to run it."),
        (Condition.REFUSED, Progress(0, 1, None, NotRun(Cause.REFUSED, 404, "gone")), 404, "gone"),
    ],
)
def test_dead_letter_attributes_tell_the_last_error(
    condition: Condition, progress: Progress, code: int, message: str
) -> None:
    assert attributes(EVENT, condition, progress) == DeadLetterAttributes("8f0c", code, message)


def test_recursive_invocation_is_the_callers_error() -> None:
    assert attributes(EVENT, Condition.RECURSIVE_INVOCATION, NEW).error_code == 400


def test_error_message_is_its_first_kilobyte_and_whole_characters() -> None:
    error = Ran(True, json.dumps({"errorMessage": "é" * 2000}).encode(), "1")
    assert attributes(EVENT, Condition.RETRIES_EXHAUSTED, Progress(1, 0, error)).error_message == "é" * 512
    error = replace(error, payload=json.dumps({"errorMessage": "x" + "é" * 2000}).encode())
    assert attributes(EVENT, Condition.RETRIES_EXHAUSTED, Progress(1, 0, error)).error_message == "x" + "é" * 511


def test_dead_letter_queue_gets_the_bare_event() -> None:
    sent = delivery(
        EVENT, Condition.RETRIES_EXHAUSTED, Progress(3, 0, ERROR), DeliveryKind.DEAD_LETTER, "arn:q", "u", AT
    )
    assert sent.body == EVENT.payload
    assert sent.attributes == DeadLetterAttributes("8f0c", 200, "Test exception (this is intentional)")


def test_destination_gets_the_record_and_no_attributes() -> None:
    done = Progress(1, 0, Ran(False, b"1", "1"))
    sent = delivery(EVENT, Condition.SUCCESS, done, DeliveryKind.ON_SUCCESS, "arn:q", "u", AT)
    assert sent.body == record(EVENT, Condition.SUCCESS, done, AT)
    assert sent.attributes is None
    assert (sent.id, sent.target_arn, sent.made_ms, sent.trace_header) == ("u", "arn:q", AT, "Root=1")
    assert sent.function_arn.endswith(":f:$LATEST")
