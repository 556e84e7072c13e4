"""Speaks HTTP with the Runtime API of a scripted environment, as runtimes and extensions do."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from tests.dataplane.scripted import BOUND_S, ScriptedSandbox

REGISTER = "/2020-01-01/extension/register"
EXTENSION_NEXT = "/2020-01-01/extension/event/next"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(sandbox: ScriptedSandbox, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
    """One request on a connection of its own."""
    host, port = sandbox.api.split(":")
    async with asyncio.timeout(BOUND_S):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            lines = [f"{method} {path} HTTP/1.1", f"host: {sandbox.api}", f"content-length: {len(body)}"]
            lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            found = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            return Reply(
                int(head[0].split(" ")[1]), found, await reader.readexactly(int(found.get("content-length", "0")))
            )
        finally:
            writer.close()
            await writer.wait_closed()


async def register(sandbox: ScriptedSandbox, name: str, events: bytes = b'["INVOKE"]') -> str:
    """An internal extension's identifier."""
    reply = await ask(sandbox, "POST", REGISTER, b'{"events":%b}' % events, lambda_extension_name=name)
    assert reply.status == 200, reply.body
    return reply.headers["lambda-extension-identifier"]


async def extension_next(sandbox: ScriptedSandbox, identifier: str) -> Reply:
    """Ask for the next event; returns with it."""
    return await ask(sandbox, "GET", EXTENSION_NEXT, lambda_extension_identifier=identifier)
