"""The client of a running Neve: plain HTTP to its AWS doors and to its own API under `/_neve`.

No SDK: loading one costs several times what a warm invocation does. Requests are signed (`signing.py`), whether Neve looks at
signatures or not: region and account are told by them. http.client knows no proxies, so loopback is always reached.
"""

import base64
import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

import click

from neve.cli import caller
from neve.cli.signing import signed

DEFAULT_ENDPOINT = "http://127.0.0.1:4566"
_FUNCTIONS = "/2015-03-31/functions"
_LAYERS = "/2018-10-31/layers"
_URLS = "/2021-10-31/functions"
_URL = "/url"
_OPEN: Mapping[str, Mapping[str, Any]] = {
    "InvokeFunctionUrl": {"FunctionUrlAuthType": "NONE"},
    "InvokeFunction": {"InvokedViaFunctionUrl": True},
}
_SECONDS = 60.0
_LONGEST_INVOCATION = 960.0
_NOT_LET_IN = ("UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException")
_KEY_NEEDED = (
    ". This Neve checks signatures: have AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or your AWS profile, name a key of "
    "`neve keys create`."
)
_LOGS_TARGET = "Logs_20140328."


class Failed(click.ClickException):
    """The thing itself failed: exit code 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """One sentence on standard error."""
        click.echo(f"{click.style('error', fg='red')}: {self.message}", err=True)


class Impossible(Failed):
    """It could not be tried: exit code 2."""

    exit_code = 2


class Refused(Failed):
    """The service refused a request: `code` is its name of the error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        sentence = message.strip().split("\n")[0]  # some messages go on with where a parser stood
        super().__init__(f"{sentence} ({code})" if code and code not in sentence else sentence)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """One endpoint. Every call opens a connection of its own; Impossible when nobody answers there.

    `account`: twelve digits, in place of the account that the user's credentials stand for.
    """

    def __init__(self, endpoint: str | None = None, account: str | None = None) -> None:
        self._credentials = caller.credentials() if account is None else caller.Credentials(account, caller.DEFAULT_KEY)
        self.endpoint = (endpoint or os.environ.get("AWS_ENDPOINT_URL") or DEFAULT_ENDPOINT).rstrip("/")
        parts = urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Impossible(f"{self.endpoint} is no endpoint; give one like {DEFAULT_ENDPOINT}.")
        self._parts = parts

    # Functions

    def configuration(self, name: str) -> dict[str, Any] | None:
        """GetFunctionConfiguration; None when there is no such function."""
        try:
            return self._lambda("GET", f"/{quote(name, safe='')}/configuration")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def create(self, members: Mapping[str, Any], archive: bytes) -> dict[str, Any]:
        """CreateFunction with the code in the request."""
        return self._lambda("POST", "", {**members, "Code": {"ZipFile": base64.b64encode(archive).decode()}})

    def update_code(self, name: str, archive: bytes) -> dict[str, Any]:
        """UpdateFunctionCode."""
        members = {"ZipFile": base64.b64encode(archive).decode()}
        return self._lambda("PUT", f"/{quote(name, safe='')}/code", members)

    def update_configuration(self, name: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateFunctionConfiguration."""
        return self._lambda("PUT", f"/{quote(name, safe='')}/configuration", members)

    def code(self, name: str) -> bytes:
        """The archive that GetFunction locates."""
        location = self._lambda("GET", f"/{quote(name, safe='')}")["Code"]["Location"]
        return self._located(location)

    def layer(self, arn: str) -> bytes:
        """The archive of a layer version."""
        path = f"{_LAYERS}?find=LayerVersion&Arn={quote(arn, safe='')}"
        return self._located(_members(self._checked("lambda", "GET", path))["Content"]["Location"])

    def publish_layer(self, name: str, archive: bytes) -> str:
        """PublishLayerVersion; the ARN of the version."""
        members = {"Content": {"ZipFile": base64.b64encode(archive).decode()}}
        path = f"{_LAYERS}/{quote(name, safe='')}/versions"
        arn: str = _members(self._checked("lambda", "POST", path, json.dumps(members).encode()))["LayerVersionArn"]
        return arn

    def _located(self, location: str) -> bytes:
        parts = urlsplit(location)
        return self._checked("lambda", "GET", f"{parts.path}?{parts.query}").body

    def open_url(self, name: str) -> str:
        """The address of the function's URL, which everybody may call; made when there is none."""
        function = f"/{quote(name, safe='')}"
        for action, condition in _OPEN.items():
            statement = {"StatementId": f"neve-{action}", "Action": f"lambda:{action}", "Principal": "*", **condition}
            self._unless_there("POST", f"{function}/policy", statement)
        self._unless_there("POST", function + _URL, {"AuthType": "NONE"}, root=_URLS)
        return str(self._lambda("GET", function + _URL, root=_URLS)["FunctionUrl"])

    def close_url(self, name: str) -> None:
        """Take the function's URL away."""
        self._lambda("DELETE", f"/{quote(name, safe='')}{_URL}", root=_URLS)

    def _unless_there(self, method: str, path: str, members: Mapping[str, Any], root: str = _FUNCTIONS) -> None:
        try:
            self._lambda(method, path, members, root)
        except Refused as refused:
            if refused.status != 409:
                raise

    def delete(self, name: str) -> None:
        """DeleteFunction."""
        self._lambda("DELETE", f"/{quote(name, safe='')}")

    def invoke(
        self, name: str, payload: bytes, *, event: bool = False, qualifier: str | None = None, tail: bool = False
    ) -> Answer:
        """Invoke; the answer as it came, whatever the function did."""
        query = f"?Qualifier={quote(qualifier, safe='')}" if qualifier else ""
        headers = {
            "X-Amz-Invocation-Type": "Event" if event else "RequestResponse",
            "X-Amz-Log-Type": "Tail" if tail else "None",
            "Content-Type": "application/json",
        }
        path = f"{_FUNCTIONS}/{quote(name, safe='')}/invocations{query}"
        return self._checked("lambda", "POST", path, payload, headers, _LONGEST_INVOCATION)

    def _lambda(
        self, method: str, path: str, members: Mapping[str, Any] | None = None, root: str = _FUNCTIONS
    ) -> dict[str, Any]:
        body = b"" if members is None else json.dumps(members).encode()
        return _members(self._checked("lambda", method, root + path, body))

    # Logs

    def log_events(self, group: str, start_ms: int | None) -> Iterator[dict[str, Any]]:
        """FilterLogEvents, all pages; nothing when the group does not exist (yet)."""
        members: dict[str, Any] = {"logGroupName": group}
        if start_ms is not None:
            members["startTime"] = start_ms
        while True:
            try:
                page = self._logs("FilterLogEvents", members)
            except Refused as refused:
                if refused.code == "ResourceNotFoundException":
                    return
                raise
            yield from page.get("events", [])
            if not page.get("nextToken"):
                return
            members["nextToken"] = page["nextToken"]

    def _logs(self, operation: str, members: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"X-Amz-Target": _LOGS_TARGET + operation, "Content-Type": "application/x-amz-json-1.1"}
        return _members(self._checked("logs", "POST", "/", json.dumps(members).encode(), headers))

    # Neve's own

    def own(self, path: str, members: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET below `/_neve`, or POST when there are members."""
        if members is None:
            return _members(self._checked("lambda", "GET", "/_neve" + path))
        return _members(self._checked("lambda", "POST", "/_neve" + path, json.dumps(members).encode()))

    def own_text(self, path: str) -> bytes:
        """GET below `/_neve`, whatever it is."""
        return self._checked("lambda", "GET", "/_neve" + path).body

    def records(self, on_open: Callable[[], None] = lambda: None, calls: bool = False) -> Iterator[dict[str, Any]]:
        """The stream of records, as they happen, until the server ends it. `on_open`: nothing later is missed. With
        `calls`, also those of AWS services."""
        connection = self._connection(None)
        try:
            response = self._send(
                connection, "lambda", "GET", f"/_neve/records?follow=1{'&calls=1' if calls else ''}", b"", {}
            )
            if response.status >= 400:
                raise _refusal(Answer(response.status, {}, response.read()))
            on_open()
            while line := response.readline():
                if line.strip():
                    yield json.loads(line)
        except (OSError, HTTPException):
            return  # the server is gone
        finally:
            connection.close()

    def wake_neighbours(self) -> None:
        """Until what answers for the other services is there: it is started by the first call, which waits for it.

        The call is for a service that nobody has, so that it goes to no server that the user has named for one.
        """
        with contextlib.suppress(Refused):
            self._checked("neve", "POST", "/", b"{}")

    # HTTP

    def _checked(
        self,
        service: str,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> Answer:
        """One request; Refused when the answer is an error."""
        connection = self._connection(seconds)
        try:
            response = self._send(connection, service, method, path, body, headers or {})
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except (HTTPException, ConnectionError, TimeoutError) as error:
            raise Impossible(f"{self.endpoint} broke the connection off ({error or type(error).__name__}).") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise _refusal(answer)
        return answer

    def _connection(self, seconds: float | None) -> HTTPConnection:
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        assert self._parts.hostname is not None
        connection = kind(self._parts.hostname, self._parts.port, timeout=seconds)
        try:
            connection.connect()
        except OSError as error:
            raise Impossible(
                f"No Neve answers on {self.endpoint}; start one with `neve serve` or name it with --endpoint."
            ) from error
        return connection

    def _send(
        self, connection: HTTPConnection, service: str, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> HTTPResponse:
        given = signed(service, method, path, self._parts.netloc, body, headers, self._credentials)
        connection.request(method, path, body, given)
        return connection.getresponse()


def _members(answer: Answer) -> dict[str, Any]:
    try:
        members: dict[str, Any] = json.loads(answer.body) if answer.body else {}
    except ValueError as error:
        raise Impossible(
            "What answers there is no Neve: its answer is no JSON; name another with --endpoint."
        ) from error
    return members


def _refusal(answer: Answer) -> Refused:
    try:
        members = json.loads(answer.body)
        message = members.get("message") or members.get("Message") or answer.body.decode(errors="replace")
        code = answer.headers.get("x-amzn-errortype") or members.get("__type") or ""
    except (ValueError, AttributeError):
        message, code = f"HTTP status {answer.status}", ""
    code = code.split(":")[0].split("#")[-1]
    if code in _NOT_LET_IN:
        message = message.partition(". ")[0].rstrip(".") + _KEY_NEEDED
    return Refused(answer.status, code, message)
