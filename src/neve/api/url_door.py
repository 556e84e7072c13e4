"""The HTTP door of functions: a request at a function URL, in and out. Source: http-frontends facts §1 to §5.

place      which URL (url_address.py); one that is not there is told as AWS tells it
preflight  a browser's question is answered by the configuration
caller     whether everybody may, or who signed (url_callers.py, the resource policy)
event      the request as payload 2.0 (domain/url_event.py)
invoke     buffered or as a stream
answer     what the result says (domain/url_answer.py), with the headers of the CORS configuration
"""

import os
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple

from neve import log
from neve.api import errors
from neve.api.body import INVOKE_LIMIT, Disconnected
from neve.api.http import Application, Headers, Receive, Response, Scope, Send, StreamedResponse
from neve.api.sending import Reading, send_answer
from neve.api.url_address import Place, domain_of, is_for_url, place_of
from neve.api.url_callers import Signed, WhoCalls
from neve.clock import Clock
from neve.control.function_urls import FunctionUrls
from neve.control.invoke import Invoker, InvokeRequest
from neve.control.permissions import Permissions
from neve.dataplane.response_stream import ResponseStream
from neve.domain import url_cors
from neve.domain.errors import AccessDenied, RequestTooLarge, ResourceNotFound
from neve.domain.function_url import AuthType, FunctionUrl, InvokeMode
from neve.domain.invocation import InvocationResult, InvocationType
from neve.domain.limits import SYNC_REQUEST_BYTES
from neve.domain.url_answer import (
    HTTP_INTEGRATION,
    PRELUDE_BYTES,
    PRELUDE_END,
    HttpAnswer,
    Malformed,
    answer_of,
    head_of,
    prelude_of,
)
from neve.domain.url_event import Identity, UrlRequest, event_of

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_DENIED: Headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", b"AccessDeniedException")]
_CHUNK_BYTES = 262_144


class UrlHouse(NamedTuple):
    """What the door of function URLs needs of the floors below."""

    urls: FunctionUrls
    permissions: Permissions
    invoker: Invoker
    clock: Clock
    who_calls: WhoCalls


class FunctionFailed(Exception):
    """The function failed when a part of its answer was sent already."""


def with_function_urls(door: Application, house: UrlHouse, request_id: Callable[[], str]) -> Application:
    """The application that answers at function URLs, and gives everything else to the `door` behind."""

    async def url_door(scope: Scope, receive: Receive, send: Send) -> None:
        if not is_for_url(scope):
            await door(scope, receive, send)
            return
        visit = _Visit(house, scope, receive, request_id())
        try:
            response = await visit.answer()
        except Disconnected:
            return
        await send_answer(scope, receive, send, response, visit.request_id, visit.reading)

    return url_door


class _Visit:
    """One request."""

    def __init__(self, house: UrlHouse, scope: Scope, receive: Receive, request_id: str) -> None:
        self.request_id = request_id
        self._house = house
        self._scope = scope
        self._raw = dict(scope["headers"])
        self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._raw.items()}
        # The body is the function's as it came, packed or not.
        self.reading = Reading(
            scope, receive, {name: each for name, each in self._raw.items() if name != b"content-encoding"}
        )
        self._trace_id = ""

    async def answer(self) -> Response | StreamedResponse:
        """Whatever happens."""
        place = place_of(self._scope, self._raw)
        url = None
        try:
            url = await self._url(place)
            if url is None:
                return Response(403, _DENIED, b'{"Message":null}')
            if url.cors is not None and url_cors.is_preflight(self._scope["method"], self._headers):
                return Response(200, _encoded(url_cors.preflight(url.cors, self._headers)))
            response = await self._visit(url, place)
        except Disconnected:
            raise
        except ResourceNotFound:  # the function went meanwhile, or its alias
            response = _forbidden()
        except AccessDenied:
            response = _forbidden()
        except Exception as error:  # noqa: BLE001 - the edge of the door: everything becomes a response
            response = errors.render(error, None, self.request_id)
        return self._completed(url, response)

    async def _url(self, place: Place) -> FunctionUrl | None:
        url = await self._house.urls.find(place.url_id) if place.url_id is not None else None
        return url if url is not None and place.region in (None, url.world.region) else None

    async def _visit(self, url: FunctionUrl, place: Place) -> Response | StreamedResponse:
        if url.auth_type is AuthType.NONE:
            await self._check_policy(url)
        body = await self.reading.body(INVOKE_LIMIT)
        identity = await self._identity(url, body) if url.auth_type is AuthType.AWS_IAM else None
        asked = self._asked(url, place, body, identity)
        if url.invoke_mode is InvokeMode.RESPONSE_STREAM:
            return await self._streamed((await self._house.invoker.stream(asked)).stream)
        invoked = await self._house.invoker.invoke(asked)
        assert invoked.result is not None
        return self._buffered(invoked.result)

    async def _identity(self, url: FunctionUrl, body: bytes) -> Identity:
        scope = self._scope
        method, path, query, headers = scope["method"], scope["raw_path"], scope["query_string"], scope["headers"]
        signed = Signed(method, path, query, headers, body, url.world, url.function_arn)
        identity = self._house.who_calls(signed)
        if identity is None:
            raise AccessDenied(FORBIDDEN)
        await self._check_policy(url, identity)
        return identity

    async def _check_policy(self, url: FunctionUrl, identity: Identity | None = None) -> None:
        account, arn = (identity.account, identity.arn) if identity is not None else (None, None)
        missing = await self._house.permissions.missing_at_url(url, account, arn)
        if missing:
            who = arn or "everybody"
            log.warn("url.forbidden", url=url.id, function=url.function_arn, lets_not=list(missing), caller=who)
            raise AccessDenied(FORBIDDEN)

    def _asked(self, url: FunctionUrl, place: Place, body: bytes, identity: Identity | None) -> InvokeRequest:
        scope, clock = self._scope, self._house.clock
        # What AWS adds to the caller's header; Invoke would add a parent, too.
        self._trace_id = self._headers.get("x-amzn-trace-id") or f"Root=1-{int(clock.now()):08x}-{os.urandom(12).hex()}"
        request = UrlRequest(
            method=scope["method"],
            path=place.path,
            query=scope["query_string"].decode("latin-1"),
            headers=scope["headers"],
            body=body,
            url_id=url.id,
            domain=domain_of(url, place.host),
            source_ip=scope["client"][0] if scope.get("client") else "",
            port=scope["server"][1] if scope.get("server") else 0,
            scheme=scope["scheme"],
            http_version=scope["http_version"],
            request_id=self.request_id,
            trace_id=self._trace_id,
            now_ms=int(clock.now_ms()),
        )
        payload = errors.encode_json(event_of(request, identity))
        if len(payload) > SYNC_REQUEST_BYTES:
            raise RequestTooLarge(INVOKE_LIMIT.text)
        kind = InvocationType.REQUEST_RESPONSE
        return InvokeRequest(
            url.world, self.request_id, url.function_name, url.alias, kind, payload, trace_id=self._trace_id
        )

    # Answers

    def _buffered(self, result: InvocationResult) -> Response:
        if result.failed:
            return _bad_gateway()
        try:
            answer = answer_of(result.payload)
        except Malformed as why:
            return self._malformed(why)
        return Response(answer.status, _encoded(answer.headers), answer.body if answer.has_body else b"")

    async def _streamed(self, stream: ResponseStream) -> Response | StreamedResponse:
        """The head is the stream's prelude, when it says that it has one. One that was not streamed is sent as it is."""
        await stream.wait_begun()
        if not stream.begun:
            result = stream.result()
            json_type = (b"content-type", b"application/json")
            return _bad_gateway() if result.failed else Response(200, [json_type], result.payload)
        try:
            if stream.content_type == HTTP_INTEGRATION:
                answer, first = await _read_prelude(stream)
            else:
                answer, first = head_of(stream.content_type), b""
        except Malformed as why:
            stream.abandon()
            return self._malformed(why)
        return StreamedResponse(answer.status, _encoded(answer.headers), _rest(stream, first, answer.has_body))

    def _malformed(self, why: Malformed) -> Response:
        log.warn("url.malformed", request_id=self.request_id, reason=str(why))
        return _bad_gateway()

    def _completed(self, url: FunctionUrl | None, response: Response | StreamedResponse) -> Response | StreamedResponse:
        """With what every answer of a URL has."""
        decoded = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
        headers = _encoded(url_cors.with_cors(url.cors if url is not None else None, self._headers, decoded))
        if self._trace_id:
            headers.append((b"x-amzn-trace-id", self._trace_id.encode("latin-1", "replace")))
        if isinstance(response, StreamedResponse):
            return StreamedResponse(response.status, headers, response.chunks)
        return Response(response.status, headers, response.body)


async def _read_prelude(stream: ResponseStream) -> tuple[HttpAnswer, bytes]:
    """The head of the answer, and what follows it already. Malformed, also when the function fails before it is whole."""
    text = b""
    while PRELUDE_END not in text:
        chunk = await stream.read()
        if chunk is None or len(text) > PRELUDE_BYTES:
            raise Malformed("the prelude of its stream has no end: eight NUL bytes, after at most 64 KB")
        text += chunk
    prelude, _, rest = text.partition(PRELUDE_END)
    return prelude_of(prelude), rest


async def _rest(stream: ResponseStream, first: bytes, wanted: bool) -> AsyncGenerator[bytes]:
    """What follows the head; nothing of it where HTTP has no body."""
    try:
        chunk: bytes | None = first
        while chunk is not None:
            if chunk and wanted:
                yield chunk
            chunk = await stream.read()
        result = stream.result()
        if result.failed:
            raise FunctionFailed(f"the function failed in the middle of its answer: {result.error_type}")
    finally:
        stream.abandon()


def _bad_gateway() -> Response:
    return Response(502, [(b"content-type", b"text/plain")], b"Internal Server Error")


def _forbidden() -> Response:
    return Response(403, _DENIED, errors.encode_json({"Message": FORBIDDEN}))


def _encoded(headers: list[tuple[str, str]]) -> Headers:
    """Latin-1, as HTTP says; what is not is sent as UTF-8."""
    return [(name.encode("latin-1"), _bytes(value)) for name, value in headers]


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
