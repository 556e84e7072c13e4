"""Servers that speak enough of PostgreSQL's and Redis's protocols for the clients that functions use."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128  # with five, connections of a busy machine are dropped, and hang for seconds

    def __init__(self, address: tuple[str, int], door: type[socketserver.StreamRequestHandler]) -> None:
        super().__init__(address, door)
        self.values: dict[bytes, bytes] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Functions end without goodbye."""


@contextmanager
def _serving(door: type[socketserver.StreamRequestHandler]) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


# PostgreSQL, protocol 3: every query gives one row with one column, n = 7


def _message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


_ROW = (
    _message(b"T", struct.pack(">H", 1) + b"n\0" + struct.pack(">IHIHIH", 0, 0, 23, 4, 0xFFFFFFFF, 0))
    + _message(b"D", struct.pack(">HI", 1, 1) + b"7")
    + _message(b"C", b"SELECT 1\0")
)
_READY = _message(b"Z", b"I")
_ANSWERS = {
    b"Q": _ROW + _READY,
    b"P": _message(b"1"),
    b"B": _message(b"2"),
    b"E": _ROW[_ROW.index(b"D\0") :],
    b"D": _ROW[: _ROW.index(b"D\0")],
    b"S": _READY,
    b"H": b"",
}


class _Postgres(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        length = struct.unpack(">I", self.rfile.read(4))[0]
        self.rfile.read(length - 4)  # the start-up packet: everybody may
        self.wfile.write(_message(b"R", bytes(4)) + _message(b"S", b"server_version\x0016.0\0") + _READY)
        while (kind := self.rfile.read(1)) and kind != b"X":
            self.rfile.read(struct.unpack(">I", self.rfile.read(4))[0] - 4)
            self.wfile.write(_ANSWERS[kind])


@contextmanager
def postgres() -> Iterator[int]:
    """Its port."""
    with _serving(_Postgres) as port:
        yield port


# Redis


def _bulk(value: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(value), value)


class _Redis(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        while head := self.rfile.readline():
            words = [self._word() for _ in range(int(head[1:]))]
            self.wfile.write(self._answer(words[0].upper(), *words[1:]))

    def _word(self) -> bytes:
        length = int(self.rfile.readline()[1:])
        return self.rfile.read(length + 2)[:-2]

    def _answer(self, command: bytes, *given: bytes) -> bytes:
        if command == b"SET":
            self.server.values[given[0]] = given[1]
        elif command == b"GET":
            found = self.server.values.get(given[0])
            return b"$-1\r\n" if found is None else _bulk(found)
        elif command == b"INFO":
            return _bulk(b"redis_version:7.0.0\r\nloading:0\r\n")
        elif command == b"HELLO":
            return b"-ERR unknown command 'HELLO'\r\n"
        return b"+OK\r\n"


@contextmanager
def redis() -> Iterator[int]:
    """Its port."""
    with _serving(_Redis) as port:
        yield port
