"""What the Python client tells of the calls that a function makes over `http.client`, by urllib, urllib3 and boto3.

All of one interpreter share a process and a server.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.runtimes.python.scripted import pythons
from tests.runtimes.python.test_leaks import watching
from tests.runtimes.python.watched import Watched

CODE = (Path(__file__).parents[1] / "functions" / "calls.py").read_text()


class Server(ThreadingHTTPServer):
    """Answers 201, a path with `held` only once the gate is open."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.gate = threading.Event()
        self.url = "http://127.0.0.1:{}".format(*self.server_address[1:])


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        if "held" in self.path:
            assert isinstance(self.server, Server)
            assert self.server.gate.wait(20)
        if "cut" in self.path:
            self.close_connection = True
            return
        self.send_response(201)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET  # noqa: N815 - a name of the base class

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One for all."""
    with Server() as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.01,))
        thread.start()
        yield one
        one.shutdown()
        thread.join(10)


@pytest.fixture(params=pythons(), ids=lambda path: re.sub(r".*versions/|/bin.*", "", path), scope="module")
def _shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(str(request.param), tmp_path_factory.mktemp("task"), CODE, "explain") as watched:
        yield watched


@pytest.fixture
def calling(_shared: Watched) -> Watched:
    """The function, without what others have called."""
    _shared.calls.clear()
    _shared.news.clear()
    return _shared


def call_of(calling: Watched, how: str, url: str, request_id: str = "r") -> dict[str, Any]:
    """The only call of an invocation."""
    assert calling.invoke({"how": how, "url": url}, request_id) == b'"ok"'
    (call,) = calling.calls
    return call


@pytest.mark.parametrize("how", ["urllib", "client", "unread"])
def test_call_is_told_without_its_query(calling: Watched, server: Server, how: str) -> None:
    call = call_of(calling, how, f"{server.url}/items/1?key=secret")
    told = (call["origin"], call["method"], call["to"], call["path"], call["status"], call["sent"])
    assert told == ("r", "GET", server.url, "/items/1", 201, True)
    assert 0 < call["took"] <= call["ago"] < 20_000
    assert "error" not in call
    _, file, line, _ = call["stacks"][0][0]
    assert file.endswith("/app.py")
    assert CODE.splitlines()[line - 1].endswith(f"# line of: {how}")


def test_place_is_told_at_level_explain_only(server: Server, tmp_path: Path) -> None:
    with watching(pythons()[-1], tmp_path, CODE) as watched:
        assert "stacks" not in call_of(watched, "urllib", f"{server.url}/")


def test_call_of_aws_names_its_service_and_operation_and_no_key(calling: Watched, server: Server) -> None:
    call = call_of(calling, "signed", server.url)
    assert (call["service"], call["target"], call["method"]) == ("dynamodb", "DynamoDB_20120810.PutItem", "POST")
    assert "AKID" not in str(call)


@pytest.mark.parametrize(
    ("how", "path", "error"),
    [
        ("urllib", "/cut", "RemoteDisconnected"),
        ("client", "/cut", "RemoteDisconnected"),
        ("short", "/held", "TimeoutError|timeout"),
    ],
)
def test_call_that_fails_has_an_error(calling: Watched, server: Server, how: str, path: str, error: str) -> None:
    call = call_of(calling, how, f"{server.url}{path}")
    server.gate.set()
    server.gate.clear()
    assert re.fullmatch(error, call["error"])
    assert "status" not in call
    assert call["took"] <= call["ago"]


@pytest.mark.parametrize(
    ("how", "error"),
    [("urllib", "ConnectionRefusedError"), ("client", "ConnectionRefusedError"), ("kept", "no answer")],
)
def test_call_that_reaches_nobody_has_an_error(calling: Watched, how: str, error: str) -> None:
    call = call_of(calling, how, "http://127.0.0.1:49/")
    assert call["error"] == error
    assert call["took"] is not None


def test_call_through_a_proxy_names_whom_it_is_for(calling: Watched, server: Server) -> None:
    call = call_of(calling, "proxy", server.url)
    assert (call["to"], call["path"]) == ("http://orders.example:81", "/items")


def test_call_that_is_left_is_told_open_and_again_when_it_ends(calling: Watched, server: Server) -> None:
    call = call_of(calling, "leave", f"{server.url}/held", "first")
    assert (call["origin"], call["took"], call["path"]) == ("first", None, "/held")
    (leak,) = calling.opened()
    assert call["leak"] == leak["leak"]
    server.gate.set()
    calling.invoke({"how": "wait", "url": ""}, "second")
    server.gate.clear()
    again = calling.calls[-1]
    assert (again["id"], again["origin"], again["status"], len(calling.calls)) == (call["id"], "first", 201, 2)
    assert again["took"] <= again["ago"]


def test_call_that_takes_all_the_time_is_told_before_its_end(server: Server, tmp_path: Path) -> None:
    with watching(pythons()[-1], tmp_path, CODE) as watched:
        event = json.dumps({"how": "two", "url": server.url}).encode()
        watched.runtime.send(event, "late", deadline=int(time.time() * 1000) + 500)
        assert [watched.wait_call(path=path)["took"] for path in ("/items", "/held")] == [None, None]
        server.gate.set()
        watched.wait_next()
        server.gate.clear()
        again = watched.calls[2:]
        assert [(call["path"], call["status"]) for call in again] == [("/items", 201), ("/held", 201)]
        assert None not in [call["took"] for call in again]


def test_calls_side_by_side_belong_to_their_invocation(calling: Watched, server: Server) -> None:
    calling.invoke({"how": "pool", "url": server.url}, "first")
    assert [(call["origin"], call["status"]) for call in calling.calls] == [("first", 201)] * 4
    assert len({call["id"] for call in calling.calls}) == 4


def test_more_calls_than_are_told_are_counted(calling: Watched, server: Server) -> None:
    calling.invoke({"how": "many", "url": server.url}, "first")
    assert (len(calling.calls), calling.untold) == (200, 10)


def test_nothing_is_told_of_an_invocation_without_calls(calling: Watched) -> None:
    calling.invoke({"how": "nothing", "url": ""}, "first")
    assert calling.calls == []
