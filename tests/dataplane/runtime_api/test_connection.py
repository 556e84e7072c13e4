"""HTTP/1.1 as peers send it: in pieces, pipelined, broken, half-closed; never an exception, never a hang."""

import asyncio
import contextlib
import logging
import socket
import time

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dataplane.runtime_api.stage import (
    NEXT,
    Client,
    Stage,
    Told,
    event,
    make_function,
    make_stage,
    post_path,
    subscriptions,
)

from neve.dataplane.runtime_api.server import RuntimeApi

PING = b"GET /2018-06-01/ping HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_one_connection_serves_many_requests(stage: Stage) -> None:
    client = await stage.connect()
    for _ in range(3):
        assert (await client.call("GET", "/2018-06-01/ping")).body == b"pong"


async def test_a_query_is_no_part_of_the_path(stage: Stage) -> None:
    assert (await stage.call("GET", "/2018-06-01/ping?a=/b")).status == 200


async def test_requests_in_one_write_are_answered_in_order(stage: Stage) -> None:
    client = await stage.running()
    client.write(PING)
    client.send("POST", post_path("r1"), b"1")
    client.send("GET", "/nowhere")
    assert [(await client.answer()).status for _ in range(3)] == [200, 202, 404]


async def test_thousands_of_requests_in_one_write_are_answered(stage: Stage) -> None:
    client = await stage.connect()
    client.write(PING * 5_000)
    for _ in range(5_000):
        assert (await client.answer()).status == 200


async def test_what_is_pipelined_behind_a_next_waits_for_its_turn(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", NEXT)
    client.send("POST", post_path("r1"), b"early")
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits")
    assert stage.told.names() == ["runtime_waits"]
    stage.api.deliver(event("r1"))
    assert (await client.answer()).status == 200
    assert (await client.answer()).status == 202
    await stage.told.wait("runtime_waits", 2)
    assert stage.told.names() == ["runtime_waits", "responded", "runtime_waits"]


async def test_a_peer_that_sends_on_behind_a_next_is_not_read_without_end(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", NEXT)
    await stage.told.wait("runtime_waits")
    client.send("POST", post_path("r1"), b"x" * 30_000_000)
    await stage.call("GET", "/2018-06-01/ping")
    assert client.writer.transport.get_write_buffer_size() > 0
    stage.api.deliver(event("r1"))
    assert (await client.answer()).status == 200
    assert (await client.answer()).status == 413


async def test_a_peer_that_does_not_read_its_answers_is_not_read_either(stage: Stage) -> None:
    with socket.create_connection(("127.0.0.1", stage.port)) as peer:
        peer.setblocking(False)
        sent = refused = 0
        while refused < 200 and sent < 100_000_000:
            try:
                sent += peer.send(PING * 1_000)
                refused = 0
            except BlockingIOError:
                refused += 1
            await stage.call("GET", "/2018-06-01/ping")
    assert refused == 200, "the server read on"


async def test_a_request_that_arrives_byte_by_byte_is_one_request(stage: Stage) -> None:
    client = await stage.running()
    request = b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"
    for byte in request % post_path("r1").encode():
        client.write(bytes([byte]))
        await client.writer.drain()
        await asyncio.sleep(0)
    assert (await client.answer()).status == 202
    assert stage.told.calls[-1][2] == b"abcde"


async def test_expect_continue_is_answered_before_the_body(stage: Stage) -> None:
    client = await stage.running()
    client.write(f"POST {post_path('r1')} HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n".encode())
    assert (await client.answer()).status == 100
    client.write(b"ok")
    assert (await client.answer()).status == 202
    assert stage.told.calls[-1][2] == b"ok"


async def test_connection_close_closes_after_the_answer(stage: Stage) -> None:
    client = await stage.connect()
    client.send("GET", "/2018-06-01/ping", None, {"Connection": "close"})
    client.write(PING)
    answer = await client.answer()
    assert (answer.body, answer.headers["connection"]) == (b"pong", "close")
    assert await client.rest() == b""


async def test_http_1_0_closes_after_the_answer(stage: Stage) -> None:
    client = await stage.connect()
    client.write(b"GET /2018-06-01/ping HTTP/1.0\r\n\r\n")
    assert (await client.answer()).body == b"pong"
    assert await client.rest() == b""


async def test_an_offer_of_http_2_is_declined_and_the_body_is_read(stage: Stage) -> None:
    """Java's client sends it with every request, also with those that have a body."""
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AA"}
    client = await stage.connect()
    client.send("GET", NEXT, None, upgrade)
    await stage.told.wait("runtime_waits")
    stage.api.deliver(event("r1", b"1"))
    assert (await client.answer()).body == b"1"
    client.send("POST", post_path("r1"), b'"yes"', {**upgrade, "Content-Type": "text/x"})
    client.write(PING)
    assert (await client.answer()).status == 202
    assert stage.told.calls[-1] == ("responded", "r1", b'"yes"', "text/x")
    assert (await client.answer()).body == b"pong"


async def test_connect_is_not_offered(stage: Stage) -> None:
    client = await stage.connect()
    client.write(b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
    assert (await client.answer()).status == 404
    assert await client.rest() == b""


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xff\x00 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_and_the_connection_closed(stage: Stage, request_: bytes) -> None:
    client = await stage.connect()
    client.write(request_)
    assert (await client.answer()).refused[:2] == (400, "InvalidRequestFormat")
    assert await client.rest() == b""


async def test_broken_chunks_are_a_truncated_request(stage: Stage) -> None:
    client = await stage.running()
    client.write(f"POST {post_path('r1')} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n".encode())
    assert (await client.answer()).refused[1] == "TruncatedHTTPRequest"
    assert await client.rest() == b""
    assert stage.told.names() == ["runtime_waits"]


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\nX: ", b"GET /", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;"]
)
async def test_headers_end_somewhere(stage: Stage, start: bytes) -> None:
    client = await stage.connect()
    client.write(start + b"a" * 3_000_000)
    answer = await client.answer()
    assert answer.status in (431, 400)
    client.close()


async def test_one_megabyte_of_error_cause_fits_into_a_header(stage: Stage) -> None:
    client = await stage.running()
    headers = {"Lambda-Runtime-Function-XRay-Error-Cause": '{"message":"' + "x" * 1_000_000 + '"}'}
    assert (await client.call("POST", post_path("r1", "error"), b"{}", headers)).status == 202
    assert stage.told.calls[-1][2].cause is None, "it cannot be cropped to 64 KB"


async def test_a_fault_of_ours_is_answered_with_500_and_the_connection_lives_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    stage.told.on["responded"] = fail
    client = await stage.running()
    with caplog.at_level(logging.ERROR, "neve"):
        answer = await client.call("POST", post_path("r1"), b"1")
    assert answer.refused == (500, "InternalServerError", "Internal Server Error")
    assert (await client.call("GET", "/2018-06-01/ping")).status == 200


async def test_closing_ends_a_blocked_next_and_tells_nobody(stage: Stage) -> None:
    client = await stage.running()
    client.send(
        "POST",
        post_path("r1"),
        None,
        {"Transfer-Encoding": "chunked", "Lambda-Runtime-Function-Response-Mode": "streaming"},
    )
    await stage.told.wait("stream_started")
    waiting = await stage.connect()
    waiting.send("GET", "/2020-01-01/extension/event/next")
    await waiting.answer()
    told = list(stage.told.calls)
    stage.api.close()
    with contextlib.suppress(ConnectionError):
        await client.rest()
    with contextlib.suppress(ConnectionError):
        await waiting.rest()
    assert stage.told.calls == told
    with pytest.raises(ConnectionRefusedError):
        await stage.connect()
    stage.api.close()


async def test_too_many_connections_are_cut(stage: Stage) -> None:
    clients = [await stage.connect() for _ in range(128)]
    assert (await clients[-1].call("GET", "/2018-06-01/ping")).status == 200
    one_more = await stage.connect()
    with contextlib.suppress(ConnectionError):
        assert await one_more.rest() == b""
    clients[0].close()
    await clients[0].writer.wait_closed()
    assert (await clients[1].call("GET", "/2018-06-01/ping")).status == 200  # a turn in which the server saw the end
    assert (await stage.call("GET", "/2018-06-01/ping")).status == 200


async def test_a_server_costs_little_to_start_and_to_close() -> None:
    """200 environments come and go; the bound is wide, the figure is some 0.15 ms."""
    best = min([await _start_and_close() for _ in range(20)])
    assert best < 0.005


async def _start_and_close() -> float:
    begun = time.perf_counter()
    api = RuntimeApi(make_function(), Told(), subscriptions())
    await api.start()
    api.close()
    return time.perf_counter() - begun


PIECES = st.sampled_from(
    [
        PING,
        b"GET " + NEXT.encode() + b" HTTP/1.1\r\n\r\n",
        b"POST " + post_path("r1").encode() + b" HTTP/1.1\r\n",
        b"POST /2020-01-01/extension/register HTTP/1.1\r\nLambda-Extension-Name: a\r\n",
        b"PUT /2022-07-01/telemetry HTTP/1.1\r\nLambda-Extension-Identifier: x\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Lambda-Runtime-Function-Response-Mode: streaming\r\n",
        b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
        b"Expect: 100-continue\r\n",
        b"Connection: close\r\n",
        b"\r\n",
        b"5\r\nhello\r\n",
        b"0\r\nLambda-Runtime-Function-Error-Type: x\r\n\r\n",
        b"0\r\n\r\n",
        b"hello",
    ]
)


@given(writes=st.lists(st.lists(st.one_of(PIECES, st.binary(max_size=30)), max_size=8).map(b"".join), max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_a_peer_sends_the_doors_stay_open(writes: list[bytes]) -> None:
    uvloop.run(_survives(writes))


async def _survives(writes: list[bytes]) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    told = Told()
    stage = make_stage(told)
    told.on["runtime_waits"] = lambda: stage.api.deliver(event("r1"))
    await stage.api.start()
    logger = logging.getLogger("neve")
    logged = _Collect()
    logger.addHandler(logged)
    try:
        peer = await stage.connect()
        await _send(peer, writes)
        assert (await stage.call("GET", "/2018-06-01/ping")).body == b"pong"
    finally:
        logger.removeHandler(logged)
        await stage.close()
    assert not faults
    assert not logged.lines


async def _send(peer: Client, writes: list[bytes]) -> None:
    """All of it, then the end; the peer reads until it is cut, which it is within the bound."""
    try:
        for data in writes:
            peer.write(data)
            await peer.writer.drain()
            await asyncio.sleep(0)
        peer.writer.write_eof()
        await peer.rest()
    except TimeoutError:
        raise
    except OSError:
        pass  # the doors were quicker to close


class _Collect(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
