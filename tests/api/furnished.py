"""The door in process over the real control plane, and worlds in which there is one of everything. No code runs."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, cast
from urllib.parse import unquote

from tests.api.hostile import ACCOUNT, HOME, MAPPING, REGION, Sent
from tests.api.house import GIVEN, nothing, zipped

from neve.api import families
from neve.api.body import body_limits
from neve.api.door import Service, create_door
from neve.clock import Clock
from neve.control.functions import Functions
from neve.control.invoke import Invoker
from neve.dataplane.invoke import DataPlane
from neve.dataplane.response_stream import ResponseStream
from neve.domain.event import QueuedEvent
from neve.domain.function import Function
from neve.domain.invocation import Invocation, InvocationResult, Status
from neve.domain.limits import THE_SERVICES, Quotas
from neve.storage.blobs import FileBlobStore
from neve.storage.sqlite.connection import Database
from neve.storage.sqlite.functions import SqliteFunctionStore

ANSWER_SECONDS = 20.0
CONFIG = f"{HOME}:code-signing-config:csc-0123456789abcdefg"


class Answer(NamedTuple):
    """What came back. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Furnished:
    """The door; every world that `furnish` makes has the same things under the names of `hostile.KNOWN`."""

    def __init__(self, store: SqliteFunctionStore, database: Database, folder: Path, quotas: Quotas) -> None:
        self._database = database
        self._ready = asyncio.Event()
        self._ready.set()

        async def prepare(function: Function) -> None:
            """Every function is fit to run, once a test lets it be."""
            await self._ready.wait()

        async def accept(event: QueuedEvent) -> None:
            """It is as good as on disk."""

        blobs = FileBlobStore.open(folder / "code")
        self.verbs = Functions(store, blobs, Clock(), prepare, lambda function: None, quotas=quotas)
        invoker = Invoker(self.verbs, cast(DataPlane, _NothingRuns()), Clock(), accept)
        service = Service(
            "lambda", families.operations(self.verbs, lambda: "http://here"), body_limits(quotas), families.REFUSED
        )
        self._door = create_door({"lambda": service}, nothing, families.raw_operations(invoker))
        self._worlds = 0
        self._names: dict[str, str] = {}

    @classmethod
    async def open(cls, folder: Path, quotas: Quotas = THE_SERVICES) -> Self:
        database = await Database.open(folder / "neve.sqlite", "neve", "NORMAL")
        return cls(SqliteFunctionStore(database), database, folder, quotas)

    async def close(self) -> None:
        await self.verbs.close()
        await self._database.close()

    async def furnish(self) -> None:
        """A new world, in which all that is asked from now on happens."""
        self._worlds += 1
        self._names = {ACCOUNT: f"{self._worlds:012}"}
        code = {"ZipFile": encoded(zipped())}
        await self.made("POST", "/2015-03-31/functions", {**GIVEN, "Code": code, "Publish": True})
        await self.verbs.wait_idle()
        await self.made("POST", "/2015-03-31/functions/f/aliases", {"Name": "live", "FunctionVersion": "1"})
        await self.made("POST", "/2018-10-31/layers/l/versions", {"Content": code})
        publishers = [f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/p/1"]
        config = await self.made(
            "POST", "/2020-04-22/code-signing-configs", {"AllowedPublishers": {"SigningProfileVersionArns": publishers}}
        )
        self._names[CONFIG.rpartition(":")[2]] = config["CodeSigningConfig"]["CodeSigningConfigId"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"
        mapping = await self.made(
            "POST", "/2015-03-31/event-source-mappings", {"FunctionName": "f", "EventSourceArn": queue}
        )
        self._names[MAPPING] = mapping["UUID"]
        grant = {"StatementId": "sid", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
        await self.made("POST", "/2015-03-31/functions/f/policy", grant)
        await self.made("POST", "/2021-10-31/functions/f/url", {"AuthType": "NONE"})

    async def made(self, method: str, path: str, members: Mapping[str, Any]) -> Any:
        """The members of the answer to a request that succeeds."""
        path, _, query = path.partition("?")
        answer = await self.ask(Sent(method, path, query, (), json.dumps(members).encode()))
        assert answer.status < 300, answer
        return json.loads(answer.body)

    async def ask(self, sent: Sent, wait: bool = True) -> Answer:
        """What the door answers, within a limit of time. Names of the usual world become those of the present one.

        What is on its way afterwards (Pending, InProgress) is waited for, or held until a later request that does `wait`.
        """
        path, query, body = (self._here(each) for each in (sent.path, sent.query, sent.body.decode("latin-1")))
        content = body.encode("latin-1")
        scope = {
            "type": "http",
            "method": sent.method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [*self._headers(len(content)), *sent.headers],
        }
        messages = [{"type": "http.request", "body": content, "more_body": False}]
        got: list[Mapping[str, Any]] = []

        async def receive() -> Mapping[str, Any]:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            got.append(message)

        if not wait:
            self._ready.clear()
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._door(scope, receive, send)
        if wait:
            self._ready.set()
            await self.verbs.wait_idle()
        headers = {name.decode(): value.decode("latin-1") for name, value in got[0]["headers"]}
        return Answer(got[0]["status"], headers, b"".join(each.get("body", b"") for each in got[1:]))

    def _here(self, text: str) -> str:
        for name, own in self._names.items():
            text = text.replace(name, own)
        return text

    def _headers(self, length: int) -> list[tuple[bytes, bytes]]:
        credential = self._here(f"Credential={ACCOUNT}/20260101/{REGION}/lambda/aws4_request")
        return [
            (b"authorization", f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0".encode()),
            (b"content-length", b"%d" % length),
        ]


class Loop:
    """A door with an event loop of its own, for tests that hypothesis calls again and again."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self.door = self._runner.run(Furnished.open(folder))
        self.run = self._runner.run

    def close(self) -> None:
        self._runner.run(self.door.close())
        self._runner.close()


class _NothingRuns:
    """Stands for the data plane: every function answers null."""

    async def invoke(self, invocation: Invocation, of_event: bool = False) -> InvocationResult:
        return InvocationResult(Status.SUCCESS, b"null", invocation.function.version)

    async def stream(self, invocation: Invocation) -> ResponseStream:
        result: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        result.set_result(await self.invoke(invocation))
        return ResponseStream(result)


def encoded(content: bytes) -> str:
    """Bytes as JSON has them."""
    return base64.b64encode(content).decode()
