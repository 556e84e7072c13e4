"""A service that is down, slow, or refuses: whether a delivery is tried again."""

import socket
from typing import Any

import pytest
from tests.neighbours.upstream import Conversation, upstream
from tests.queue.targets.conftest import to

from neve.domain.world import World
from neve.queue.target import TargetRejected, TargetUnreachable
from neve.queue.targets import clients
from neve.queue.targets.choice import AllTargets
from neve.queue.targets.clients import refusal

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:q"
BUS = "arn:aws:events:eu-west-1:111122223333:event-bus/b"


async def invoke(world: World, arn: str, payload: bytes, trace: str) -> None:
    raise AssertionError("no function is meant")


async def sent(url: str, arn: str) -> Exception:
    """What a delivery to a door at `url` raises."""
    targets = AllTargets(url, invoke)
    try:
        with pytest.raises((TargetRejected, TargetUnreachable)) as caught:
            await targets.send(to(arn))
        return caught.value
    finally:
        targets.close()


def answering(status: bytes, body: bytes = b"{}") -> Any:
    def script(talk: Conversation) -> None:
        talk.head()
        talk.answer(body, status, b"content-type: application/x-amz-json-1.1", b"connection: close")

    return script


async def test_a_door_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert isinstance(await sent(f"http://127.0.0.1:{port}", QUEUE), TargetUnreachable)


async def test_one_that_hangs_up_is_unreachable() -> None:
    def script(talk: Conversation) -> None:
        talk.head()

    with upstream(script) as url:
        assert isinstance(await sent(url, QUEUE), TargetUnreachable)


async def test_one_that_says_nothing_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "READ_SECONDS", 0.2)

    def script(talk: Conversation) -> None:
        talk.head()
        talk.wait_closed()

    with upstream(script) as url:
        assert "did not answer" in str(await sent(url, QUEUE))


async def test_one_that_fails_is_asked_once_and_is_unreachable() -> None:
    asked = []

    def script(talk: Conversation) -> None:
        asked.append(talk.head())
        talk.answer(b"{}", b"500 Oh", b"content-type: application/x-amz-json-1.0", b"connection: close")

    with upstream(script) as url:
        assert isinstance(await sent(url, QUEUE), TargetUnreachable)
    assert len(asked) == 1


async def test_nobody_who_answers_is_for_good() -> None:
    body = b'{"__type": "NotImplementedException", "message": "nobody answers for events. Start it with --neighbours"}'
    with upstream(answering(b"501 No", body)) as url:
        error = await sent(url, BUS)
    assert isinstance(error, TargetRejected)
    assert "Start it with --neighbours" in error.reason


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (b'{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow"}', TargetUnreachable),
        (b'{"ErrorCode": "InternalFailure"}', TargetUnreachable),
        (b'{"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "no"}', TargetRejected),
    ],
)
async def test_an_event_that_a_bus_refuses(entry: bytes, expected: type[Exception]) -> None:
    with upstream(answering(b"200 OK", b'{"FailedEntryCount": 1, "Entries": [%s]}' % entry)) as url:
        assert type(await sent(url, BUS)) is expected


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "QueueDoesNotExist", TargetRejected),
        (403, "AccessDenied", TargetRejected),
        (404, "NoSuchBucket", TargetRejected),
        (413, "EntityTooLarge", TargetRejected),
        (501, "NotImplementedException", TargetRejected),
        (400, "ThrottlingException", TargetUnreachable),
        (400, "ExpiredToken", TargetUnreachable),
        (408, "Whatever", TargetUnreachable),
        (429, "Whatever", TargetUnreachable),
        (500, "InternalError", TargetUnreachable),
        (503, "SlowDown", TargetUnreachable),
    ],
)
def test_what_is_for_good_and_what_is_for_now(status: int, code: str, expected: type[Exception]) -> None:
    assert type(refusal(status, code, "said")) is expected


def test_a_reason_names_the_code_once() -> None:
    assert str(refusal(404, "404", "404")) == "404"
    assert str(refusal(404, "NoSuchBucket", "It is not there")) == "NoSuchBucket: It is not there"
