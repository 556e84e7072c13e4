"""The families of the API over the real store, and a client of them."""

import asyncio
import http.client
import io
import json
import socket
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import botocore.config
import botocore.exceptions
import pytest

from neve.api import families
from neve.api.door import Service, create_door
from neve.api.http import Receive, Scope, Send
from neve.api.server import create_server
from neve.clock import Clock
from neve.control.functions import Functions
from neve.dataplane.task_root import TaskRoots
from neve.domain.function import Function
from neve.domain.world import World
from neve.storage.blobs import FileBlobStore
from neve.storage.sqlite.functions import SqliteFunctionStore

ROLE = "arn:aws:iam::123456789012:role/r"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
HERE = World("123456789012", "eu-west-1")
HOME = "http://127.0.0.1:4566"

Reply = Mapping[str, Any]


def zipped(text: str = "exports.handler = async () => 1") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        target.writestr(zipfile.ZipInfo("index.js"), text)
    return content.getvalue()


GIVEN: Reply = {
    "FunctionName": "f",
    "Runtime": "nodejs24.x",
    "Role": ROLE,
    "Handler": "index.handler",
    "Code": {"ZipFile": zipped()},
}


class Wire(NamedTuple):
    """What came back for a request that no SDK made. Headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Lambda:
    """A client whose calls run on threads, because the door answers on the loop of the test."""

    def __init__(self, functions: Functions, port: int) -> None:
        self.functions = functions
        self._port = port
        self.client = boto3.client(
            "lambda",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="eu-west-1",
            aws_access_key_id="123456789012",
            aws_secret_access_key="secret",
            config=botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )

    async def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        reply: dict[str, Any] = await asyncio.to_thread(getattr(self.client, operation), **members)
        return reply

    async def create(self, **members: Any) -> dict[str, Any]:
        """Create a function and wait until it is Active; the reply to the create."""
        reply = await self("create_function", **{**GIVEN, **members})
        await self.functions.wait_idle()
        return reply

    async def refused(self, operation: str, **members: Any) -> tuple[int, str, str]:
        """Status, code and message of a call that fails."""
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            await self(operation, **members)
        error = caught.value.response
        return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]

    async def wire(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        account: str = HERE.account,
        region: str = HERE.region,
    ) -> Wire:
        """A request as it is written here, and the answer as it came."""
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        credential = f"{account}/20260101/{region}/lambda/aws4_request"
        headers = {"authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"}

        def ask() -> Wire:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            try:
                connection.request(method, path, text, headers)
                answer = connection.getresponse()
                found = {name.lower(): value for name, value in answer.getheaders()}
                return Wire(answer.status, found, answer.read())
            finally:
                connection.close()

        return await asyncio.to_thread(ask)


async def running_house(tmp_path: Path) -> AsyncIterator[Lambda]:
    """A door over the real store, and a client of it."""
    blobs = FileBlobStore.open(tmp_path / "code")
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    roots = TaskRoots.open(tmp_path / "task", blobs)

    async def prepare(function: Function) -> None:
        await roots.path(function)

    verbs = Functions(store, blobs, Clock(), prepare, lambda function: None)
    service = Service("lambda", families.operations(verbs, lambda: HOME), refused=families.REFUSED)
    server = create_server(create_door({"lambda": service}, nothing, {}), "127.0.0.1", 0, 1)
    listening = socket.create_server(("127.0.0.1", 0))  # callers may connect from now on
    running = asyncio.create_task(server.serve(sockets=[listening]))
    caller = Lambda(verbs, listening.getsockname()[1])
    yield caller
    caller.client.close()
    server.should_exit = True
    await running
    listening.close()
    await verbs.close()
    await store.close()


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for our own HTTP API, which nobody calls here."""
