"""Frames over a real socket pair, whole, in pieces and large."""

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from neve.dataplane.channel import INVOKE, LEAK, NEXT, RESPONSE, Channel, encode

Frame = tuple[int, Mapping[str, Any], bytes]


class Peer:
    """The other end, read and written by the test."""

    def __init__(self) -> None:
        ours, self.socket = socket.socketpair()
        self.socket.setblocking(False)
        self.frames: list[Frame] = []
        self.arrived = asyncio.Event()
        self.channel = Channel(ours, self._on_frame)

    def _on_frame(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        self.frames.append((kind, header, body))
        self.arrived.set()

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def frame(self) -> Frame:
        await asyncio.wait_for(self.arrived.wait(), 5)
        return self.frames[-1]

    def close(self) -> None:
        self.channel.close()
        self.socket.close()


async def test_two_frames_in_one_write_are_two_frames() -> None:
    peer = Peer()
    await peer.write(encode(RESPONSE, b'{"id":"a"}', b"1") + encode(NEXT, b"{}"))
    await peer.frame()
    assert peer.frames == [(RESPONSE, {"id": "a"}, b"1"), (NEXT, {}, b"")]
    peer.close()


async def test_a_frame_that_fails_takes_no_other_with_it(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []

    def hear(kind: int, header: Mapping[str, Any], body: bytes) -> None:
        heard.append(kind)
        if kind == LEAK:
            raise TypeError("a fault of ours")

    ours, theirs = socket.socketpair()
    channel = Channel(ours, hear)
    theirs.send(encode(RESPONSE, b'{"id":"a"}', b"1") + encode(LEAK, b"{}") + encode(NEXT, b"{}"))
    channel.drain()
    assert heard == [RESPONSE, LEAK, NEXT]
    assert "a fault of ours" in caplog.text
    channel.close()
    theirs.close()


async def test_a_frame_that_arrives_byte_by_byte_is_one_frame() -> None:
    peer = Peer()
    for byte in encode(RESPONSE, b'{"id":"a"}', b"body"):
        await peer.write(bytes([byte]))
        peer.channel.drain()
    assert peer.frames == [(RESPONSE, {"id": "a"}, b"body")]
    peer.close()


async def test_six_megabytes_pass_in_both_directions() -> None:
    peer = Peer()
    body = b"x" * 6_291_456
    sending = asyncio.create_task(peer.write(encode(RESPONSE, b'{"id":"a"}', body)))
    assert (await peer.frame())[2] == body
    await sending
    peer.channel.send(INVOKE, json.dumps({"id": "b"}).encode(), body)
    received = b""
    while len(received) < len(body):
        received += await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer.socket, 1 << 20), 5)
    assert received.endswith(body[:100])
    peer.close()


async def test_what_was_said_before_the_end_is_read_by_drain() -> None:
    peer = Peer()
    peer.socket.send(encode(RESPONSE, b'{"id":"a"}', b"last words"))
    peer.socket.close()
    peer.channel.drain()
    assert peer.frames == [(RESPONSE, {"id": "a"}, b"last words")]
    peer.channel.close()


async def test_sending_to_a_process_that_is_gone_is_harmless() -> None:
    peer = Peer()
    peer.socket.close()
    peer.channel.send(INVOKE, b"{}", b"x" * 1000)
    peer.channel.drain()
    peer.channel.send(INVOKE, b"{}")
    peer.channel.close()


async def test_half_a_character_in_a_header_is_no_mistake() -> None:
    peer = Peer()
    await peer.write(encode(RESPONSE, rb'{"id": "r", "type": "\ud800"}', b"1") + encode(NEXT, b"{}")[:3])
    assert await peer.frame() == (RESPONSE, {"id": "r", "type": "\ud800"}, b"1")
    peer.arrived.clear()
    await peer.write(encode(NEXT, b"{}")[3:])
    assert await peer.frame() == (NEXT, {}, b"")
    peer.close()
