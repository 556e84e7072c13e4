"""A gate between functions and Neve's door: requests pass when the test lets them, so that nothing has to be guessed.

A request is known by its operation (`PutItem`, from X-Amz-Target), else by method and path (`PUT /bucket/key`). One whose
caller is gone when it is let go does not pass.
"""

import http.client
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BOUND_S = 20.0
_OF_A_CONNECTION = {"connection", "transfer-encoding", "keep-alive", "date", "server"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A function that is killed leaves its connections as they are; anything else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Gate:
    """In front of the server at `url`."""

    def __init__(self, url: str) -> None:
        self._behind = urlsplit(url).netloc
        self._changed = threading.Condition()
        self._held: set[str] = set()
        self._slow: dict[str, float] = {}
        self.requests: list[str] = []
        gate = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body leave together

            def _serve(self) -> None:
                gate._serve(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - names of the base class

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - name of the base class
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def hold(self, name: str) -> None:
        """From now on such requests wait."""
        with self._changed:
            self._held.add(name)

    def let_go(self, name: str) -> None:
        """What waits passes, and whatever comes."""
        with self._changed:
            self._held.discard(name)
            self._changed.notify_all()

    def slow_down(self, name: str, seconds: float) -> None:
        """From now on such requests take so much longer."""
        self._slow[name] = seconds

    def wait_request(self, name: str) -> None:
        """Until such a request has come (a held one counts)."""
        with self._changed:
            assert self._changed.wait_for(lambda: name in self.requests, BOUND_S), self.requests

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        name = request.headers.get("x-amz-target", "").rpartition(".")[2] or f"{request.command} {request.path}"
        name = name.partition("?")[0]
        with self._changed:
            self.requests.append(name)
            self._changed.notify_all()
            self._changed.wait_for(lambda: name not in self._held, BOUND_S)
        if not _is_gone(request.connection):
            time.sleep(self._slow.get(name, 0.0))
            self._pass(request, body)

    def _pass(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        connection = http.client.HTTPConnection(self._behind, timeout=BOUND_S)
        try:
            connection.request(request.command, request.path, body, dict(request.headers))
            answer = connection.getresponse()
            content = answer.read()
            request.send_response(answer.status)
            for header, value in answer.getheaders():
                if header.lower() not in _OF_A_CONNECTION | {"content-length"}:
                    request.send_header(header, value)
            request.send_header("content-length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
            request.wfile.flush()
        finally:
            connection.close()

    def close(self) -> None:
        """Let everything go, and close."""
        with self._changed:
            self._held.clear()
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _is_gone(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@contextmanager
def gate(url: str) -> Iterator[Gate]:
    """A gate for the time of a `with`."""
    running = Gate(url)
    running._thread.start()
    try:
        yield running
    finally:
        running.close()
