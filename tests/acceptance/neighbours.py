"""Small HTTP servers that stand for an object store and a table until the real neighbours come.

PUT, GET and DELETE of a path are an object or an item. A path can be held: its request is answered only when the test
lets it go, so that a test says when a call of a function ends instead of guessing how long it takes. A path can be slow,
or refused with a status of its own.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOUND_S = 20.0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # with five, connections of a busy machine are dropped, and hang for seconds

    def handle_error(self, request: object, client_address: object) -> None:
        """A function that is killed leaves its connections as they are; anything else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class ObjectStore:
    """Remembers what was put; `held` paths wait for `let_go`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self._changed = threading.Condition()
        self._held: dict[str, threading.Event] = {}
        self._slow: dict[str, float] = {}
        self._refused: dict[str, int] = {}
        self._open: Counter[str] = Counter()  # requests that have come and are not answered
        store = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body leave together: else the body waits 40 ms for a delayed acknowledgement

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, answer = store._serve(self.command, self.path, body)
                try:
                    self.send_response(status)
                    self.send_header("content-length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                    self.wfile.flush()
                except OSError:
                    self.close_connection = True  # the function was killed meanwhile
                finally:
                    store._answered(self.path)

            do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - names of the base class

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - name of the base class
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def hold(self, path: str) -> None:
        """From now on requests for this path wait."""
        self._held[path] = threading.Event()

    def let_go(self, path: str) -> None:
        """Answer what waits, and whatever comes; returns when the answers are on their way."""
        self._held[path].set()
        with self._changed:
            assert self._changed.wait_for(lambda: not self._open[path], BOUND_S), f"{path} was not answered"

    def slow_down(self, path: str, seconds: float) -> None:
        """From now on requests for this path take so long."""
        self._slow[path] = seconds

    def refuse(self, path: str, status: int) -> None:
        """From now on requests for this path are answered with this status and change nothing."""
        self._refused[path] = status

    def wait_request(self, method: str, path: str, count: int = 1, seconds: float = BOUND_S) -> None:
        """Until such a request has arrived (a held one counts)."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.requests.count((method, path)) >= count, seconds), self.requests

    def wait_object(self, path: str) -> bytes:
        """Until the object is there."""
        with self._changed:
            assert self._changed.wait_for(lambda: path in self.objects, BOUND_S), list(self.objects)
        return self.objects[path]

    def _serve(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        with self._changed:
            self.requests.append((method, path))
            self._open[path] += 1
            self._changed.notify_all()
        held = self._held.get(path)
        if held is not None:
            held.wait(BOUND_S)
        time.sleep(self._slow.get(path, 0.0))
        with self._changed:
            status, answer = self._apply(method, path, body)
            self._changed.notify_all()
        return status, answer

    def _answered(self, path: str) -> None:
        with self._changed:
            self._open[path] -= 1
            self._changed.notify_all()

    def _apply(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if path in self._refused:
            return self._refused[path], b"refused"
        if method in ("PUT", "POST"):
            self.objects[path] = body
            return 200, b""
        if method == "DELETE":
            self.objects.pop(path, None)
            return 204, b""
        found = self.objects.get(path)
        return (200, found) if found is not None else (404, b"no such object")


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A store for the time of a `with`."""
    store = ObjectStore()
    store._thread.start()
    try:
        yield store
    finally:
        for held in store._held.values():
            held.set()
        store._server.shutdown()
        store._server.server_close()
        store._thread.join()
