"""A scripted Neve for runtime clients: starts the real client with a real function and plays the platform's part.

A test sees the client only through `Client`: whatever wire it speaks, the same suite holds. `FramesClient` drives one
over the frame protocol (docs/frames.md).
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

PATIENCE_SECONDS = 20.0

_INVOKE, _NEXT, _RESPONSE, _ERROR, _INIT_ERROR, _STREAM_START, _CHUNK, _STREAM_END = range(1, 9)
_WAITING, _ASSIGN, _LEAK, _DIAGNOSE, _DIAGNOSIS, _CALLS = 9, 10, 11, 12, 13, 14
_LEVELS = {0b00100: "TRACE", 0b01000: "DEBUG", 0b01100: "INFO", 0b10000: "WARN", 0b10100: "ERROR", 0b11000: "FATAL"}
_TEXT, _JSON, _MARK = 0xA55A0003, 0xA55A0002, 0xA55A0080


class Gone(Exception):
    """The client ended while a test waited for something else."""


@dataclass(frozen=True)
class Event:
    """One event as the platform gives it to a runtime. `deadline` is Unix milliseconds; None means a minute from now."""

    payload: bytes = b"{}"
    id: str = "11111111-0000-4000-8000-000000000001"
    arn: str = "arn:aws:lambda:us-east-1:000000000000:function:f"
    deadline: int | None = None
    trace: str | None = None
    client_context: str | None = None
    identity: str | None = None
    tenant: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a runtime reported for an invocation. `error_type` is None for a response; a stream's chunks are joined."""

    id: str
    body: bytes
    error_type: str | None = None
    cause: str | None = None
    content_type: str | None = None
    chunks: int = 0
    trailer: bytes | None = None

    @property
    def failed(self) -> bool:
        """Whether an error was reported, before the first byte or after."""
        return self.error_type is not None

    @property
    def value(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class LogEvent:
    """One event of the log: a frame of the client's, or a raw line (`level` None)."""

    text: str
    level: str | None = None
    json: bool = False
    time_us: int | None = None
    left_over_from: str | None = None

    @property
    def columns(self) -> list[str]:
        """Time, request id, level and message of a text frame."""
        return self.text.removesuffix("\n").split("\t", 3)

    @property
    def request_id(self) -> str:
        """The second column of a text frame."""
        return self.columns[1]

    @property
    def message(self) -> str:
        """The last column of a text frame."""
        return self.columns[3]


@dataclass(frozen=True)
class Exit:
    """How the process ended."""

    status: int


class Client(Protocol):
    """A runtime client under test, whatever it speaks. Every wait is bounded; Gone when the process ended instead."""

    async def wait_next(self) -> None:
        """Wait until the client asks for an event."""

    async def give(self, event: Event) -> None:
        """Give it one."""

    async def wait_answer(self) -> Answer:
        """Wait for the next response or error."""

    async def wait_init_error(self) -> Answer:
        """Wait for the report of a failed init; its `id` is empty."""

    async def wait_exit(self) -> Exit:
        """Wait for the process to end."""

    async def wait_log(self, fragment: str) -> LogEvent:
        """Wait for an event of the log that contains `fragment`."""

    def log(self) -> Sequence[LogEvent]:
        """Everything that was printed so far."""


async def invoke(client: Client, payload: object = None, **members: Any) -> Answer:
    """One whole invocation: wait for the client to ask, give the event, return its answer."""
    await client.wait_next()
    await client.give(Event(payload=json.dumps(payload).encode(), **members))
    return await client.wait_answer()


@dataclass
class FramesClient:
    """A client that speaks the frame protocol on its descriptor 3."""

    process: asyncio.subprocess.Process
    _writer: asyncio.StreamWriter
    assigned_at: float = 0.0
    _arrived: list[tuple[int, dict[str, Any], bytes]] = field(default_factory=list)
    news: list[dict[str, Any]] = field(default_factory=list)
    root: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    _output: bytearray = field(default_factory=bytearray)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _channel_ended: bool = False
    _output_ended: bool = False

    async def assign(self, environment: Mapping[str, str], directory: Path) -> None:
        """Wait until a pre-started client waits, and make it the function's."""
        await self._take(_WAITING)
        self.assigned_at = time.monotonic()
        self._writer.write(_frame(_ASSIGN, {"environment": dict(environment), "directory": str(directory)}, b""))
        await self._writer.drain()

    async def wait_next(self) -> None:
        await self._take(_NEXT)

    async def give(self, event: Event) -> None:
        self._writer.write(_frame(_INVOKE, _header(event), event.payload))
        await self._writer.drain()

    async def give_in_pieces(self, event: Event, size: int) -> None:
        """The same, written in pieces of `size` bytes, each of its own."""
        frame = _frame(_INVOKE, _header(event), event.payload)
        for at in range(0, len(frame), size):
            self._writer.write(frame[at : at + size])
            await self._writer.drain()
            await asyncio.sleep(0)

    async def wait_answer(self) -> Answer:
        kind, header, body = await self._take(_RESPONSE, _ERROR, _STREAM_START)
        if kind == _STREAM_START:
            return await self._rest_of_stream(header)
        return Answer(header["id"], body, header.get("type"), header.get("cause"))

    async def wait_stream_start(self) -> str:
        """Wait for the announcement of a stream; its content type."""
        _, header, _ = await self._take(_STREAM_START)
        return str(header["contentType"])

    async def wait_chunk(self) -> bytes:
        """Wait for the next piece of a stream."""
        _, _, body = await self._take(_CHUNK)
        return body

    async def _rest_of_stream(self, start: dict[str, Any]) -> Answer:
        pieces: list[bytes] = []
        while True:
            kind, header, body = await self._take(_CHUNK, _STREAM_END)
            if kind == _STREAM_END:
                break
            pieces.append(body)
        error_type = header.get("type")
        trailer = body if error_type else None
        return Answer(start["id"], b"".join(pieces), error_type, None, start["contentType"], len(pieces), trailer)

    async def wait_init_error(self) -> Answer:
        _, header, body = await self._take(_INIT_ERROR)
        return Answer("", body, header["type"])

    async def wait_exit(self) -> Exit:
        async with asyncio.timeout(PATIENCE_SECONDS):
            status = await self.process.wait()
            await self._until(lambda: self._channel_ended and self._output_ended)
        return Exit(status)

    async def wait_log(self, fragment: str) -> LogEvent:
        def found() -> LogEvent | None:
            return next((event for event in self.log() if fragment in event.text), None)

        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._until(lambda: found() is not None or self._output_ended)
        event = found()
        if event is None:
            raise Gone(f"the client ended without printing {fragment!r}: {self.log()}")
        return event

    def log(self) -> Sequence[LogEvent]:
        return parse_output(bytes(self._output))

    async def ask_why(self, request_id: str) -> dict[str, Any]:
        """Ask what an invocation waits for, as Neve does before its time is over; the answer."""
        self.ask_nowait(request_id)
        return await self.wait_diagnosis()

    def ask_nowait(self, request_id: str) -> None:
        """Ask, and do not wait for the answer."""
        self._writer.write(_frame(_DIAGNOSE, {"id": request_id}, b""))

    async def wait_diagnosis(self) -> dict[str, Any]:
        """Wait for a diagnosis that comes unasked."""
        return (await self._take(_DIAGNOSIS))[1]

    async def wait_news(self, **members: Any) -> dict[str, Any]:
        """Wait for an item of the leak watch with these members."""

        def found() -> dict[str, Any] | None:
            return next((item for item in self.news if members.items() <= item.items()), None)

        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._until(lambda: found() is not None or self._channel_ended)
        item = found()
        if item is None:
            raise Gone(f"the client ended without news of {members}: {self.news}, printed {self.log()}")
        return item

    async def pending(self) -> list[str]:
        """The kinds of what arrived and was not taken yet, in order; for what must not be there."""
        for _ in range(10):  # what lies in the socket already has to pass the reader
            await asyncio.sleep(0)
        names = {_NEXT: "next", _RESPONSE: "response", _ERROR: "error", _INIT_ERROR: "init error"}
        return [names.get(kind, "stream") for kind, _, _ in self._arrived]

    def hang_up(self) -> None:
        """Close the channel, as a Neve that died."""
        self._writer.close()

    async def _take(self, *kinds: int) -> tuple[int, dict[str, Any], bytes]:
        def index() -> int | None:
            return next((i for i, frame in enumerate(self._arrived) if frame[0] in kinds), None)

        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._until(lambda: index() is not None or self._channel_ended)
        at = index()
        if at is None:
            raise Gone(f"the client ended: waited for {kinds}, got {self._arrived}, printed {self.log()}")
        return self._arrived.pop(at)

    async def _until(self, condition: Any) -> None:
        async with self._changed:
            await self._changed.wait_for(condition)

    async def read_frames(self, reader: asyncio.StreamReader) -> None:
        """Keep what the client sends until its end of the channel closes."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                frame = await reader.readexactly(length)
                kind, header_length = struct.unpack_from(">BI", frame)
                header = json.loads(frame[5 : 5 + header_length])
                if kind == _LEAK:
                    self.news += header["news"]
                elif kind == _CALLS:
                    self.calls += header["calls"]
                else:
                    self._arrived.append((kind, header, frame[5 + header_length :]))
                await self._tell()
        self._channel_ended = True
        await self._tell()

    async def read_output(self, reader: asyncio.StreamReader) -> None:
        """Keep what the client prints until the pipe closes."""
        while chunk := await reader.read(1 << 16):
            self._output += chunk
            await self._tell()
        self._output_ended = True
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@contextlib.asynccontextmanager
async def frames_client(
    argv: Sequence[str], environment: Mapping[str, str], directory: Path
) -> AsyncIterator[FramesClient]:
    """Start a client as Neve does: channel on 3, one output pipe on 1 and 2, nothing on 0. It is killed at the end."""
    ours, theirs = socket.socketpair()
    output, their_output = os.pipe()
    try:
        process = await _start(argv, environment, directory, theirs.fileno(), their_output)
    finally:
        theirs.close()
        os.close(their_output)
    frames, writer = await asyncio.open_connection(sock=ours, limit=1 << 24)
    lines = asyncio.StreamReader(limit=1 << 24)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(output, "rb")
    )
    client = FramesClient(process, writer)
    readers = [asyncio.create_task(client.read_frames(frames)), asyncio.create_task(client.read_output(lines))]
    try:
        yield client
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        transport.close()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await asyncio.sleep(0)  # a turn in which the transports close


async def _start(
    argv: Sequence[str], environment: Mapping[str, str], directory: Path, channel: int, output: int
) -> asyncio.subprocess.Process:
    # A shell moves the channel to descriptor 3: subprocess can pass descriptors on, but not renumber them.
    script = f'exec 3<&{channel}; [ {channel} -eq 3 ] || exec {channel}<&-; exec "$@"'
    return await asyncio.create_subprocess_exec(
        "/bin/bash",
        "-c",
        script,
        "sh",
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=(channel,),
        env=dict(environment),
        cwd=directory,
    )


def _header(event: Event) -> dict[str, Any]:
    deadline = event.deadline if event.deadline is not None else int(time.time() * 1000) + 60_000
    header: dict[str, Any] = {"id": event.id, "deadline": deadline, "arn": event.arn}
    optional = {
        "trace": event.trace,
        "clientContext": event.client_context,
        "identity": event.identity,
        "tenant": event.tenant,
    }
    return header | {name: value for name, value in optional.items() if value is not None}


def _frame(kind: int, header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack(">IBI", 5 + len(text) + len(body), kind, len(text)) + text + body


def parse_output(output: bytes) -> list[LogEvent]:
    """Take the output stream apart into log frames and raw lines (docs/frames.md, "Output")."""
    events: list[LogEvent] = []
    at = 0
    mark = None
    while at < len(output):
        frame = _log_frame(output, at)
        if frame is not None:
            event, at = frame
            if event.level == "MARK":
                mark = event.text
            else:
                events.append(replace(event, left_over_from=mark))
                mark = None
            continue
        end = output.find(b"\n", at)
        end = len(output) if end < 0 else end + 1
        events.append(LogEvent(output[at:end].decode(errors="replace")))
        at = end
    return events


def _log_frame(output: bytes, at: int) -> tuple[LogEvent, int] | None:
    if len(output) - at < 16:
        return None
    kind, length, time_us = struct.unpack_from(">IIQ", output, at)
    level = "MARK" if kind == _MARK else _LEVELS.get(kind & 0b11100)
    base = kind & ~0b11100
    # 0xa55a0002 and ...3 leave the level bits free.
    if base not in (_TEXT, _JSON, _MARK) or level is None or len(output) < at + 16 + length:
        return None
    payload = output[at + 16 : at + 16 + length].decode()
    return LogEvent(payload, level, base == _JSON, time_us), at + 16 + length
