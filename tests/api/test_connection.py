"""One HTTP connection, byte by byte: what clients may do, and what they may not."""

import asyncio
import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Iterator

import pytest
from tests.acceptance.machine import until
from tests.api.conftest import Running

from neve.api.http import BODY, WHOLE, Receive, Response, Scope, Send

BOUND_S = 20
MEGABYTE = 1 << 20
BEGAN, LET_GO = threading.Event(), threading.Event()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Does what the path says."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    whole = scope["extensions"].get(WHOLE)
    match scope["path"]:
        case "/echo":
            body = await read(receive)
            await start(send, 200, len(body))
            await send({"type": "http.response.body", "body": body})
        case "/whole":
            body = scope["extensions"][BODY]()
            told = b"waits" if body is None else b"%d" % len(body)
            await whole(Response(200, [(b"content-length", b"%d" % len(told))], told))
        case "/scope":
            told = f"{scope['method']} {scope['raw_path'].decode()} {scope['query_string'].decode()}".encode()
            await whole(Response(200, [(b"content-length", b"%d" % len(told))], told))
        case "/headers":
            body = await read(receive)
            told = b" ".join(sorted(name for name, _ in scope["headers"])) + b" " + body
            await whole(Response(200, [(b"content-length", b"%d" % len(told))], told))
        case "/large":
            await whole(Response(200, [(b"content-length", b"%d" % (8 * MEGABYTE))], b"x" * (8 * MEGABYTE)))
        case "/slow":
            await asyncio.sleep(0.05)
            await whole(Response(200, [(b"content-length", b"4")], b"slow"))
        case "/held":
            BEGAN.set()
            await asyncio.to_thread(LET_GO.wait, BOUND_S)
            await whole(Response(200, [(b"content-length", b"4")], b"held"))
        case "/streamed":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for piece in (b"one", b"", b"two"):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})
        case "/fails":
            raise KeyError("on purpose")
        case "/fails-late":
            await start(send, 200, 10)
            raise KeyError("on purpose")
        case "/splits":
            await whole(Response(200, [(b"x-a", b"b\r\nx-evil: 1"), (b"content-length", b"0")], b""))


async def start(send: Send, status: int, length: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"%d" % length)]})


async def read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message["body"])
        if not message["more_body"]:
            return body


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    running = Running(application)
    yield running
    running.stop()


def talk(server: Running, *pieces: bytes, end: bool = False) -> bytes:
    """Send, then read until the server closes; `end` says that no more comes from here."""
    with socket.create_connection(("127.0.0.1", server.port), BOUND_S) as link:
        for piece in pieces:
            link.sendall(piece)
        if end:
            link.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: link.recv(65536), b""))


def get(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: x", *headers, "", ""]).encode()


CLOSE = "Connection: close"


def test_requests_that_do_not_wait_are_answered_in_their_order(server: Running) -> None:
    answers = talk(server, get("/slow") + get("/scope?n=2") + get("/streamed") + get("/scope?n=4", CLOSE))
    assert re.findall(rb"slow|n=\d|one|two", answers) == [b"slow", b"n=2", b"one", b"two", b"n=4"]
    assert answers.count(b"HTTP/1.1 200 OK") == 4


def test_body_that_comes_in_pieces(server: Running) -> None:
    head = get("/echo", "Content-Length: 6", CLOSE, method="POST")
    assert talk(server, head[:10], head[10:] + b"ab", b"cd", b"ef").endswith(b"\r\n\r\nabcdef")


def test_body_in_chunks(server: Running) -> None:
    head = get("/echo", "Transfer-Encoding: chunked", CLOSE, method="POST")
    assert talk(server, head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n").endswith(b"\r\n\r\nabcde")


def test_large_bodies_pass_both_ways(server: Running) -> None:
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=BOUND_S)
    body = bytes(range(256)) * 4096 * 3
    link.request("POST", "/echo", body)
    assert link.getresponse().read() == body
    link.close()


def test_whole_body_need_not_be_waited_for(server: Running) -> None:
    head = get("/whole", "Content-Length: 3", CLOSE, method="POST")
    assert talk(server, head + b"abc").endswith(b"\r\n\r\n3")
    assert talk(server, head + b"a", b"bc").endswith((b"\r\n\r\nwaits", b"\r\n\r\n3"))


def test_expected_continue_is_sent_when_the_body_is_wanted(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), BOUND_S) as link:
        link.sendall(get("/echo", "Content-Length: 2", "Expect: 100-continue", CLOSE, method="POST"))
        assert link.recv(100).startswith(b"HTTP/1.1 100 Continue")
        link.sendall(b"ok")
        assert b"".join(iter(lambda: link.recv(65536), b"")).endswith(b"ok")


def test_client_that_reads_slowly_gets_everything(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), BOUND_S) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        link.sendall(get("/large") + get("/scope", CLOSE))
        received = sum(len(part) for part in iter(lambda: link.recv(65536), b""))
    assert received > 8 * MEGABYTE


def test_stream_without_length_is_chunked(server: Running) -> None:
    assert talk(server, get("/streamed", CLOSE)).endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_head_has_no_body(server: Running) -> None:
    answers = talk(server, get("/echo", method="HEAD") + get("/scope", CLOSE))
    assert answers.count(b"HTTP/1.1 200 OK") == 2


def test_old_clients_are_closed(server: Running) -> None:
    answer = talk(server, get("/scope", version="1.0"))
    assert b"\r\nconnection: close\r\n" in answer


def test_absolute_urls_are_understood(server: Running) -> None:
    assert talk(server, get("http://x:1/scope?a=b", CLOSE)).endswith(b"GET /scope a=b")


def test_response_has_a_date(server: Running) -> None:
    assert re.search(rb"\r\ndate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n", talk(server, get("/scope", CLOSE)))


def test_application_that_fails_is_told_and_the_connection_ends(server: Running) -> None:
    assert talk(server, get("/fails")).startswith(b"HTTP/1.1 500 ")
    assert talk(server, get("/nothing")).startswith(b"HTTP/1.1 500 ")
    assert talk(server, get("/fails-late")).endswith(b"content-length: 10\r\n\r\n")


def test_header_with_a_line_break_is_never_sent(server: Running) -> None:
    answer = talk(server, get("/splits"))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"evil" not in answer


def test_what_is_no_http_is_refused(server: Running) -> None:
    assert talk(server, b"\x16\x03\x01\x02\x00\x01\x00\x01").startswith(b"HTTP/1.1 400 ")


def test_headers_without_end_are_refused(server: Running) -> None:
    answer = b"HTTP/1.1 431 "
    with contextlib.suppress(ConnectionError):  # who goes on sending may not see the answer
        answer = talk(server, b"GET / HTTP/1.1\r\n", *[b"x-long: " + b"y" * 65536 + b"\r\n"] * 4)
    assert answer.startswith(b"HTTP/1.1 431 ")


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    "request_",
    [
        get("/echo", "Content-Length: 2", "Content-Length: 3", CLOSE, method="POST") + b"abc",
        get("/echo", "Content-Length: 3, 3", CLOSE, method="POST") + b"abc",
        get("/echo", "Content-Length: +3", CLOSE, method="POST") + b"abc",
        get("/echo", "Content-Length: 3", CHUNKED, CLOSE, method="POST") + b"0\r\n\r\n",
        get("/echo", CHUNKED, "Content-Length: 3", CLOSE, method="POST") + b"0\r\n\r\n",
        get("/echo", "Transfer-Encoding: chunked, identity", CLOSE, method="POST") + b"0\r\n\r\n",
        get("/echo", "Transfer-Encoding: xchunked", CLOSE, method="POST") + b"0\r\n\r\n",
        get("/scope", "Host: y", CLOSE),
        get("/scope", "X : y", CLOSE),
        get("/scope", "X: y\r\n z", CLOSE),
        get("/scope", "X: y\rZ: z", CLOSE),
        get("/scope", "X: y\0", CLOSE),
        get("/scope", CLOSE, method="get"),
        get("x:80", CLOSE, method="CONNECT"),
        get("http://x", CLOSE),
    ],
)
def test_what_two_servers_could_understand_differently_is_refused(server: Running, request_: bytes) -> None:
    assert talk(server, request_).startswith(b"HTTP/1.1 400 ")


def test_trailers_are_no_headers_and_have_an_end(server: Running) -> None:
    head = get("/headers", CHUNKED, CLOSE, method="POST")
    assert talk(server, head, b"2\r\nok\r\n0\r\nX-Forwarded-For: 1\r\n\r\n").endswith(
        b"\r\n\r\nconnection host transfer-encoding ok"
    )
    answer = b"HTTP/1.1 431 "
    with contextlib.suppress(ConnectionError):
        answer = talk(server, head, b"2\r\nok\r\n0\r\n", *[b"x: y\r\n" * 16_384] * 4)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_wish_for_another_protocol_is_not_heard_and_the_body_is_read(server: Running) -> None:
    wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    first = get("/echo?1", "Content-Length: 3", *wish, method="POST") + b"abc"
    second = get("/headers?2", CHUNKED, *wish, method="POST") + b"2\r\nde\r\n0\r\n\r\n"
    answers = talk(server, first + second + get("/scope?n=3", CLOSE))
    assert re.findall(rb"abc|http2-settings [a-z -]*de|n=3", answers) == [
        b"abc", b"http2-settings transfer-encoding de", b"n=3"
    ]  # fmt: skip


@pytest.mark.parametrize("broken", [b"GARBAGE\r\n\r\n", get("/echo", CHUNKED, method="POST") + b"zz\r\n"])
def test_a_broken_request_is_refused_after_the_answers_to_those_before(server: Running, broken: bytes) -> None:
    answers = talk(server, get("/slow") + get("/scope?n=2") + broken)
    assert re.findall(rb"slow|n=2|HTTP/1.1 \d+", answers) == [
        b"HTTP/1.1 200", b"slow", b"HTTP/1.1 200", b"n=2", b"HTTP/1.1 400"
    ]  # fmt: skip


def test_what_a_client_may_ask_before_the_first_answer_has_an_end(server: Running) -> None:
    answers = b""
    with socket.create_connection(("127.0.0.1", server.port), BOUND_S) as link, contextlib.suppress(ConnectionError):
        link.sendall(get("/slow") + get("/scope") * 3_000)
        while part := link.recv(65536):
            answers += part
    assert 0 < answers.count(b"HTTP/1.1 200") < 3_000


def test_who_does_not_read_is_not_waited_for(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neve.api.connection.UNREAD_SECONDS", 0.05)
    with socket.create_connection(("127.0.0.1", server.port), BOUND_S) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        link.sendall(get("/large") + get("/large", CLOSE))
        for _ in range(1_000):
            if not server._server.server_state.connections:
                break
            threading.Event().wait(0.01)
    assert not server._server.server_state.connections


def test_silent_connections_are_closed(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neve.api.connection.KEEP_ALIVE_SECONDS", 0.05)
    monkeypatch.setattr("neve.api.connection._LOOK_SECONDS", 0.02)
    assert talk(server, get("/scope")).endswith(b"GET /scope ")


def test_running_request_is_answered_before_the_server_stops() -> None:
    running = Running(application)
    with socket.create_connection(("127.0.0.1", running.port), BOUND_S) as link:
        link.sendall(get("/held"))
        assert BEGAN.wait(BOUND_S)
        running._server.should_exit = True
        until(lambda: not accepts(running.port), "the server still accepts connections")
        LET_GO.set()
        answer = b"".join(iter(lambda: link.recv(65536), b""))
    running.stop()
    assert answer.endswith(b"held")


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), BOUND_S).close()
    except ConnectionError:
        return False
    return True
