"""A scripted Neve: the other end of the frames, for real processes of every Python that the machine has."""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BOOTSTRAP = Path(__file__).parents[3] / "src/neve/runtimes/python/bootstrap.py"
INVOKE, NEXT, RESPONSE, ERROR, INIT_ERROR = 1, 2, 3, 4, 5
WAITING, ASSIGN = 9, 10
ARN = "arn:aws:lambda:us-east-1:000000000000:function:probe"


def pythons() -> list[str]:
    """The interpreters of this machine that a python3.x runtime may run on; the running one always."""
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    managed = Path("~/.pyenv/versions").expanduser()
    for minor in range(8, 15):
        name = f"3.{minor}"
        versions = sorted(managed.glob(f"{name}.*/bin/python"))
        path = str(versions[-1]) if versions else shutil.which(f"python{name}")
        if path is not None:
            found.setdefault(name, path)
    return [found[name] for name in sorted(found, key=lambda name: int(name[2:]))]


@dataclass(frozen=True)
class Event:
    """One log event of the output: raw lines have no kind."""

    text: str
    kind: int | None = None


@dataclass
class Runtime:
    """One runtime process and our end of its channel and its output."""

    process: "subprocess.Popen[bytes]"
    channel: socket.socket
    output: int
    _raw: bytearray = field(default_factory=bytearray)

    def receive(self) -> tuple[int, dict[str, Any], bytes]:
        """The next frame from the runtime."""
        length, kind, head = struct.unpack(">IBI", self._exactly(9))
        rest = self._exactly(length - 5)
        return kind, json.loads(rest[:head]), rest[head:]

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.channel.recv(count - len(data))
            if not part:
                raise EOFError("the runtime closed its channel")
            data += part
        return data

    def assign(self, environment: dict[str, str], directory: Path) -> None:
        """Wait until a pre-started runtime waits, and make it the function's."""
        assert self.receive() == (WAITING, {}, b"")
        head = json.dumps({"environment": environment, "directory": str(directory)}).encode()
        self.channel.sendall(struct.pack(">IBI", 5 + len(head), ASSIGN, len(head)) + head)

    def wait_next(self) -> None:
        """The runtime asks for the next event, and nothing else."""
        assert self.receive() == (NEXT, {}, b"")

    def send(self, body: bytes, request_id: str = "r-1", **header: Any) -> None:
        """Send one event."""
        members = {"id": request_id, "deadline": int(time.time() * 1000) + 30_000, "arn": ARN, **header}
        head = json.dumps(members).encode()
        self.channel.sendall(struct.pack(">IBI", 5 + len(head) + len(body), INVOKE, len(head)) + head + body)

    def invoke(self, event: object = None, request_id: str = "r-1", **header: Any) -> tuple[int, dict[str, Any], bytes]:
        """Send an event, return the answer, and see that the next event is asked for."""
        self.send(json.dumps(event).encode(), request_id, **header)
        answer = self.receive()
        self.wait_next()
        return answer

    def result(self, event: object = None, **header: Any) -> Any:
        """The JSON of a successful answer."""
        kind, _, body = self.invoke(event, **header)
        assert kind == RESPONSE, body
        return json.loads(body)

    def error(self, event: object = None, **header: Any) -> dict[str, Any]:
        """The JSON of a failed answer; its members come in the order of the service."""
        kind, head, body = self.invoke(event, **header)
        assert kind == ERROR, body
        return self.check_error(head, body)

    @staticmethod
    def check_error(header: dict[str, Any], body: bytes) -> dict[str, Any]:
        """An error JSON whose order and type are right."""
        error: dict[str, Any] = json.loads(body)
        assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
        assert header["type"] == error["errorType"]
        return error

    def init_error(self) -> dict[str, Any]:
        """The error of a failed init; the process then leaves with status 1."""
        kind, head, body = self.receive()
        assert kind == INIT_ERROR
        assert self.process.wait(10) == 1
        return self.check_error(head, body)

    def drain(self) -> bytes:
        """What is in the output by now."""
        os.set_blocking(self.output, False)
        while True:
            try:
                part = os.read(self.output, 65536)
            except BlockingIOError:
                break
            if not part:
                break
            self._raw += part
        taken, self._raw = bytes(self._raw), bytearray()
        return taken

    def events(self) -> list[Event]:
        """The log events in the output by now."""
        return list(_events(self.drain()))

    def end(self) -> int:
        """Close the channel and wait for the process."""
        self.channel.close()
        return self.process.wait(10)


def _events(data: bytes) -> Iterator[Event]:
    while data:
        if data[:3] == b"\xa5\x5a\x00":
            kind, length, _ = struct.unpack(">IIQ", data[:16])
            yield Event(data[16 : 16 + length].decode(), kind & 0xFF)
            data = data[16 + length :]
        else:
            line, _, data = data.partition(b"\n")
            yield Event(line.decode())


Start = Callable[..., Runtime]


def spawn(python: str, root: Path, environment: dict[str, str]) -> Runtime:
    """Start the client over a task root; the environment is complete."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    read, write = os.pipe()
    number = theirs.fileno()
    command = f'cd "{root}" && exec "{python}" "{BOOTSTRAP}" 3<&{number}'
    with theirs:
        process = subprocess.Popen(
            ["/bin/bash", "-c", command],
            env={"LAMBDA_TASK_ROOT": str(root), "LANG": "en_US.UTF-8", **environment},
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write,
            pass_fds=[number],
        )
    os.close(write)
    return Runtime(process, ours, read)
