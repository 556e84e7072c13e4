"""A neighbour that does as the test says: raw HTTP/1.1 on a thread of its own."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

BOUND_S = 20.0


class Conversation:
    """One connection as the neighbour sees it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._left = b""

    def head(self) -> bytes:
        """Everything up to the empty line."""
        return self.until(b"\r\n\r\n")

    def until(self, mark: bytes) -> bytes:
        """Read up to and with the mark."""
        while mark not in self._left:
            chunk = self.connection.recv(65_536)
            assert chunk, f"the door closed before {mark!r}: {self._left!r}"
            self._left += chunk
        text, mark, self._left = self._left.partition(mark)
        return text + mark

    def take(self, size: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._left) < size:
            chunk = self.connection.recv(65_536)
            assert chunk, f"the door closed after {len(self._left)} bytes"
            self._left += chunk
        text, self._left = self._left[:size], self._left[size:]
        return text

    def say(self, text: bytes) -> None:
        """Send bytes as they are."""
        self.connection.sendall(text)

    def answer(self, body: bytes = b"", status: bytes = b"200 OK", *headers: bytes) -> None:
        """A whole answer."""
        lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers, b"", body]
        self.say(b"\r\n".join(lines))

    def wait_closed(self) -> None:
        """Until the door hangs up."""
        with contextlib.suppress(ConnectionError):
            while self.connection.recv(65_536):
                pass


Script = Callable[[Conversation], None]


class Upstream:
    """Runs the script for each connection; what a script raises fails the test at the end."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._talk, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(BOUND_S)
        with connection:
            try:
                self._script(Conversation(connection))
            except BaseException as error:  # noqa: BLE001 - shown to the test
                self.failures.append(error)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._accepting, *self._threads):
            thread.join(BOUND_S)
            assert not thread.is_alive(), "the neighbour's script hangs"
        assert not self.failures, self.failures


@contextlib.contextmanager
def upstream(script: Script) -> Iterator[str]:
    """The URL of such a neighbour."""
    running = Upstream(script)
    try:
        yield running.url
    finally:
        running.close()
