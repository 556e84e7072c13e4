"""Requests that are passed on, and answers that are passed back."""

import asyncio
import http.client
import socket
import threading
from typing import Any

import pytest
from tests.neighbours.conftest import OpenDoor
from tests.neighbours.upstream import Conversation, upstream

from neve.domain.world import World
from neve.neighbours import passage
from neve.neighbours.elsewhere import neighbour_at
from neve.neighbours.endpoints import parse_endpoints
from neve.neighbours.request import Head

BOUND_S = 20.0
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, "
    "Signature=0"
}


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_S)


def ask(port: int, method: str = "GET", path: str = "/b/k", body: Any = None, **headers: str) -> tuple[int, Any, bytes]:
    connection = connect(port)
    try:
        connection.request(
            method, path, body, SIGNED | {name.replace("_", "-"): each for name, each in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_request_goes_on_as_it_came(open_door: OpenDoor) -> None:
    seen: list[bytes] = []

    def script(talk: Conversation) -> None:
        seen.append(talk.head())
        talk.answer(b"there", b"200 Fine", b"x-amz-meta-colour: white", b"server: somebody", b"connection: close")

    with upstream(script) as url:
        status, headers, body = ask(open_door(s3=url).port, path="/b/k%2Fk?list-type=2&x=%20", x_amz_meta_a="ä")
    assert (status, body, headers["x-amz-meta-colour"]) == (200, b"there", "white")
    assert headers["server"] is None
    assert seen[0].startswith(b"GET /b/k%2Fk?list-type=2&x=%20 HTTP/1.1\r\n")
    lines = seen[0].lower().split(b"\r\n")
    assert b"authorization: " + SIGNED["Authorization"].lower().encode() in lines
    assert "x-amz-meta-a: ä".encode("latin-1") in lines
    assert [line for line in lines if line.startswith((b"connection:", b"accept-encoding:"))] == [
        b"accept-encoding: identity",
        b"connection: close",
    ]


def test_the_host_that_was_signed_stays(open_door: OpenDoor) -> None:
    def script(talk: Conversation) -> None:
        host = next(line for line in talk.head().lower().split(b"\r\n") if line.startswith(b"host:"))
        talk.answer(host)

    with upstream(script) as url:
        port = open_door(s3=url).port
        assert ask(port)[2] == b"host: 127.0.0.1:%d" % port


def test_a_body_goes_on_before_it_is_whole(open_door: OpenDoor) -> None:
    arrived = threading.Event()

    def script(talk: Conversation) -> None:
        assert b"content-length: 10" in talk.head().lower()
        assert talk.take(5) == b"first"
        arrived.set()
        talk.answer(talk.take(5))

    with upstream(script) as url:
        connection = connect(open_door(s3=url).port)
        connection.putrequest("PUT", "/b/k")
        for name, value in (SIGNED | {"Content-Length": "10"}).items():
            connection.putheader(name, value)
        connection.endheaders(b"first")
        assert arrived.wait(BOUND_S)
        connection.send(b"later")
        assert connection.getresponse().read() == b"later"
        connection.close()


def test_an_answer_comes_back_before_it_is_whole(open_door: OpenDoor) -> None:
    seen = threading.Event()

    def script(talk: Conversation) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert seen.wait(BOUND_S)
        talk.say(b"5\r\nlater\r\n0\r\n\r\n")

    with upstream(script) as url:
        connection = connect(open_door(s3=url).port)
        connection.request("GET", "/b/k", headers=SIGNED)
        answer = connection.getresponse()
        assert answer.read(5) == b"first"
        seen.set()
        assert answer.read() == b"later"
        connection.close()


def test_a_body_in_chunks_stays_in_chunks(open_door: OpenDoor) -> None:
    def script(talk: Conversation) -> None:
        head = talk.head().lower()
        assert b"transfer-encoding: chunked" in head
        assert b"content-length" not in head
        talk.answer(talk.until(b"0\r\n\r\n"))

    with upstream(script) as url:
        _, _, body = ask(open_door(s3=url).port, "PUT", body=iter([b"one", b"three"]))
    chunks = body.split(b"\r\n")
    assert b"".join(chunks[1::2]) == b"onethree"  # the door may join what came together
    assert body.endswith(b"\r\n0\r\n\r\n")


def test_a_head_request_has_a_length_and_no_body(open_door: OpenDoor) -> None:
    def script(talk: Conversation) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n")

    with upstream(script) as url:
        status, headers, body = ask(open_door(s3=url).port, "HEAD")
    assert (status, headers["content-length"], body) == (200, "5000000", b"")


def test_what_the_neighbour_says_of_a_failure_is_passed_on(open_door: OpenDoor) -> None:
    def script(talk: Conversation) -> None:
        talk.head()
        talk.answer(b"<Error><Code>SlowDown</Code></Error>", b"503 Slow Down")

    with upstream(script) as url:
        status, _, body = ask(open_door(s3=url).port)
    assert (status, body) == (503, b"<Error><Code>SlowDown</Code></Error>")


def test_an_answer_without_a_request_id_gets_one(open_door: OpenDoor) -> None:
    def script(talk: Conversation) -> None:
        talk.head()
        talk.answer()

    with upstream(script) as url:
        _, headers, _ = ask(open_door(s3=url).port)
    assert len(headers["x-amzn-requestid"]) == 36


def test_an_early_answer_is_passed_on(open_door: OpenDoor) -> None:
    """A neighbour may refuse before it has read everything."""

    def script(talk: Conversation) -> None:
        talk.head()
        talk.answer(b"too large", b"413 Too Large")
        talk.wait_closed()

    with upstream(script) as url:
        connection = connect(open_door(s3=url).port)
        connection.putrequest("PUT", "/b/k")
        for name, value in (SIGNED | {"Content-Length": "1000000"}).items():
            connection.putheader(name, value)
        connection.endheaders(b"only the beginning")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (413, b"too large")
        connection.close()


def test_a_caller_who_leaves_takes_his_request_along(open_door: OpenDoor) -> None:
    left = threading.Event()

    def script(talk: Conversation) -> None:
        talk.head()
        connection.close()
        talk.wait_closed()
        left.set()

    with upstream(script) as url:
        connection = connect(open_door(s3=url).port)
        connection.request("GET", "/b/k", headers=SIGNED)
        assert left.wait(BOUND_S)


def test_a_neighbour_that_is_not_there_is_unavailable(open_door: OpenDoor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    status, _, body = ask(open_door(s3=f"http://127.0.0.1:{port}").port, "PUT", body=b"x" * 300_000)
    assert status == 503
    assert b"<Code>ServiceUnavailable</Code>" in body
    assert f"http://127.0.0.1:{port} cannot be reached".encode() in body


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-", b"not HTTP at all\r\n\r\n"])
def test_a_neighbour_that_hangs_up_is_unavailable(open_door: OpenDoor, said: bytes) -> None:
    def script(talk: Conversation) -> None:
        talk.head()
        talk.say(said)

    with upstream(script) as url:
        status, _, body = ask(open_door(s3=url).port)
    assert status == 503
    assert b"The neighbour that answers for s3 ended the conversation" in body


def test_an_answer_that_is_cut_off_stays_cut_off(open_door: OpenDoor) -> None:
    def script(talk: Conversation) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")

    with upstream(script) as url:
        connection = connect(open_door(s3=url).port)
        connection.request("GET", "/b/k", headers=SIGNED)
        answer = connection.getresponse()
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        connection.close()


def test_a_neighbour_that_says_nothing_is_given_up(open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "SILENCE_SECONDS", 0.2)

    def script(talk: Conversation) -> None:
        talk.head()
        talk.wait_closed()

    with upstream(script) as url:
        status, _, body = ask(open_door(s3=url).port)
    assert status == 504
    assert b"did not move" in body


def test_a_slow_neighbour_that_moves_is_waited_for(open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "SILENCE_SECONDS", 1.0)
    pause = threading.Event()

    def script(talk: Conversation) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
        for letter in b"slow":
            pause.wait(0.4)
            talk.say(bytes([letter]))

    with upstream(script) as url:
        assert ask(open_door(s3=url).port)[2] == b"slow"


async def test_who_waits_when_neve_stops_is_told() -> None:
    asked, closing, sent = threading.Event(), asyncio.Event(), []

    def script(talk: Conversation) -> None:
        talk.head()
        asked.set()
        talk.wait_closed()

    given = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return given.pop() if given else await asyncio.Event().wait()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with upstream(script) as url:
        neighbour = neighbour_at(parse_endpoints({"sqs": url})["sqs"])
        head = Head("sqs", World(), True, "POST", b"/", [(b"host", b"x"), (b"expect", b"100-continue")])
        passing = asyncio.create_task(passage.pass_on(neighbour, head, "id", receive, send, closing))
        assert await asyncio.to_thread(asked.wait, BOUND_S)
        closing.set()
        await asyncio.wait_for(passing, BOUND_S)
    assert (sent[0]["status"], sent[1]["body"]) == (503, b'{"message": "Neve is stopping."}')
