"""Functions as moto's services invoke them, and log groups as they write to them: Neve's, by its own API.

Events are handed over on threads, because on AWS nobody who puts an object waits for that; what Neve cannot take now is
tried again for a while. The X-Ray header of the request that caused it goes along: it is how a circle is found out.
"""

import http.client
import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from flask import has_request_context, request

from neve.neighbours.child.say import say

_TRACE = "X-Amzn-Trace-Id"
_THREADS = 8
_PAUSES_SECONDS = (0.2, 1.0, 5.0, 20.0)
_EVENT_SECONDS = 30.0
_CALL_SECONDS = 900.0


class Answer(NamedTuple):
    """Of Neve."""

    status: int
    headers: Any
    body: bytes


class Place(NamedTuple):
    """Whose call it is, and of which service: Neve knows its own parts by account and secret."""

    account: str
    region: str
    service: str = "lambda"


_NOBODYS = Place("000000000000", "us-east-1")


class Neve:
    """The Neve at `url`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port
        self._netloc = parts.netloc
        self._secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "neve")
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="event")

    def invoke_event(self, arn: str, event: object) -> None:
        """Invoke a function for an event and wait for nothing."""
        self._threads.submit(self._hand_over, arn, json.dumps(event).encode(), trace_of_request())

    def log_event(self, account: str, region: str, group: str, event: object) -> None:
        """Put an event into a log group, in a stream of its own, and wait for nothing."""
        self._threads.submit(self._log, account, region, group, json.dumps(event))

    def invoke(self, account: str, region: str, name: str, payload: bytes) -> Answer:
        """Invoke and wait for the answer."""
        return self._post(account, region, name, payload, "RequestResponse", trace_of_request(), _CALL_SECONDS)

    def now(self) -> float:
        """Neve's clock, which may have been moved; the machine's while Neve does not say."""
        try:
            return float(json.loads(self._ask("GET", "/_neve/clock", b"", {}, _NOBODYS, _EVENT_SECONDS).body)["now"])
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return time.time()

    def is_there(self, account: str, region: str, name: str) -> bool:
        """Whether there is such a function."""
        path = f"/2015-03-31/functions/{quote(name, safe='')}"
        return self._ask("GET", path, b"", {}, Place(account, region), _EVENT_SECONDS).status == 200

    def _hand_over(self, arn: str, payload: bytes, trace: str) -> None:
        _, _, _, region, account, *_ = arn.split(":")
        said = ""
        for pause in (*_PAUSES_SECONDS, None):
            try:
                answer = self._post(account, region, arn, payload, "Event", trace, _EVENT_SECONDS)
                said = f"{answer.status} {answer.body.decode(errors='replace')}"
                if answer.status < 500 and answer.status != 429:
                    break
            except (OSError, http.client.HTTPException) as error:
                said = repr(error)
            if pause is not None:
                time.sleep(pause)
        if not said.startswith("202"):
            say(f"{arn} did not get an event: {said}")

    def _log(self, account: str, region: str, group: str, text: str) -> None:
        stream = {"logGroupName": group, "logStreamName": str(uuid.uuid4())}
        events = [{"timestamp": int(time.time() * 1000), "message": text}]
        place, headers = Place(account, region, "logs"), {"Content-Type": "application/x-amz-json-1.1"}
        for operation, members in (("CreateLogStream", stream), ("PutLogEvents", {**stream, "logEvents": events})):
            target = {"X-Amz-Target": f"Logs_20140328.{operation}"}
            try:
                answer = self._ask("POST", "/", json.dumps(members).encode(), headers | target, place, _EVENT_SECONDS)
                said = "" if answer.status == 200 else answer.body.decode(errors="replace")
            except (OSError, http.client.HTTPException) as error:
                said = repr(error)
            if said:
                say(f"the log group {group} did not get an event: {said}")
                return

    def _post(
        self, account: str, region: str, name: str, payload: bytes, kind: str, trace: str, seconds: float
    ) -> Answer:
        headers = {"X-Amz-Invocation-Type": kind} | ({_TRACE: trace} if trace else {})
        path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations"
        return self._ask("POST", path, payload, headers, Place(account, region), seconds)

    def _ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str], place: Place, seconds: float
    ) -> Answer:
        request = AWSRequest(method, f"http://{self._netloc}{path}", headers, body)
        SigV4Auth(Credentials(place.account, self._secret), place.service, place.region).add_auth(request)
        connection = http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        try:
            connection.request(method, path, body, dict(request.headers.items()))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


def trace_of_request() -> str:
    """The X-Ray header of the request that moto is answering; empty when there is none."""
    return str(request.headers.get(_TRACE, "")) if has_request_context() else ""


class Backend:
    """What moto calls its Lambda backend, as far as its other services use it."""

    def __init__(self, neve: Neve, account: str, region: str) -> None:
        self._neve = neve
        self._account = account
        self._region = region

    def get_function(self, name: str) -> object:
        """KeyError when Neve has no such function; the secrets' rotation asks."""
        if not self._neve.is_there(self._account, self._region, name):
            raise KeyError(name)
        return name

    def invoke(
        self, function_name: str, qualifier: str | None, body: Any, headers: Any, response_headers: Any
    ) -> bytes:
        """The answer of the function, whatever it is."""
        name = f"{function_name}:{qualifier}" if qualifier else function_name
        payload = body if isinstance(body, bytes) else str(body or "{}").encode()
        answer = self._neve.invoke(self._account, self._region, name, payload)
        response_headers.update(answer.headers)
        return answer.body
