"""Our own HTTP API under `/_neve/` (design D13): what the console and the command line are clients of."""

import asyncio
import contextlib
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from neve import __version__
from neve.api import own_costs, own_fates, own_leaks, own_queue, own_traces
from neve.api.backlog import Backlog
from neve.api.calls import Calls, ServiceCall
from neve.api.errors import render
from neve.api.http import Application, Receive, Scope, Send, parse_query
from neve.api.own_body import members_of
from neve.api.traces_of_account import TracesOfAccount
from neve.api.visitor import ACCOUNT, Visitor, visitor_of
from neve.clock import Clock
from neve.control.functions import Functions
from neve.dataplane.environment import Environment
from neve.dataplane.invoke import DataPlane
from neve.dataplane.runtime_list import runtime_list, sdk_row
from neve.dataplane.sandbox.sandbox import SandboxKind
from neve.dataplane.stream import Stream
from neve.domain import arn as arns
from neve.domain.errors import CallerError, InvalidParameterValue, NeveError, ResourceNotFound
from neve.domain.function import LATEST
from neve.domain.layer import version_arn
from neve.domain.picture import Picture
from neve.domain.record import Record
from neve.domain.system_log import iso_time
from neve.domain.world import World
from neve.queue.event_queue import EventQueue

_JSON = "application/json"
_ASK_SECONDS = 'Send {"seconds": 120} to move the clock two minutes ahead.'

Query = Mapping[str, str]


class Traces(own_traces.Book, own_costs.Waits, Protocol):
    """What is remembered of runs."""


@dataclass(frozen=True)
class House:
    """What this API tells about."""

    plane: DataPlane
    functions: Functions
    queue: EventQueue
    stream: Stream
    clock: Clock
    kind: SandboxKind
    leaks: own_leaks.LeakReports
    calls: Calls
    traces: Traces
    codes: own_traces.Codes
    draw: Callable[[Picture], str]
    costs: own_costs.Costs
    survey: Callable[[], Awaitable[list[dict[str, Any]]]]
    closing: asyncio.Event


def create_own(house: House) -> Application:
    """The application for every path that begins with `/_neve/`."""
    simple: Mapping[tuple[str, str], Callable[[Query, bytes], Awaitable[Any]]] = {
        ("GET", "environments"): lambda query, body: _now(_environments(house, query)),
        ("GET", "doctor"): lambda query, body: _doctor(house),
        ("GET", "runtimes"): lambda query, body: _runtimes(house, query.get("runtime")),
        ("POST", "runtimes/look"): lambda query, body: look_again(house, body),
        ("GET", "clock"): lambda query, body: _now(_clock(house)),
        ("GET", "queue"): lambda query, body: own_queue.look(house.queue, query),
        ("POST", "queue/retry"): lambda query, body: own_queue.retry(house.queue, body),
        ("POST", "queue/purge"): lambda query, body: own_queue.purge(house.queue, body),
        ("GET", "leaks"): lambda query, body: _leaks(house, query),
        ("GET", "leaks/lines"): lambda query, body: own_leaks.lines(house.leaks, query),
        ("GET", "costs"): lambda query, body: _now(own_costs.look(house.costs, house.traces, query)),
        ("GET", "traces"): lambda query, body: _now(own_traces.listed(_traces(house, query), query)),
        ("POST", "clock/advance"): lambda query, body: _now(advance(house, body)),
    }

    of_a_world: Mapping[tuple[str, str], Callable[[World, bytes], Awaitable[Any]]] = {
        ("POST", "environments/freezing"): lambda world, body: own_fates.freezing(house.plane, world, body),
        ("POST", "environments/reclaim"): lambda world, body: own_fates.reclaim(house.plane, world, body),
    }

    async def own(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix("/_neve/").strip("/")
        query = dict(parse_query(scope["query_string"]))
        visitor = visitor_of(scope)
        try:
            visitor.check_may(scope["method"], path)
            query = visitor.narrowed(query)
            if path == "health" and scope["method"] == "GET":
                await _answer(send, 200, _encode(_health(house, visitor)), _JSON)
            elif path == "records":
                await _records(house, query, visitor, receive, send)
            elif path.startswith("traces/"):
                name = path.removeprefix("traces/")
                traces = _traces(house, query)
                await own_traces.wait_ended(traces, name, query)
                await house.plane.places.wait_told()
                await _answer(send, 200, *await own_traces.one(traces, house.codes, house.draw, name, query))
            elif path.startswith("code/"):
                await _answer(send, 200, await _code(house, visitor, path, query), "application/zip")
            elif path.startswith("layers/"):
                await _answer(send, 200, await _layer(house, visitor, path), "application/zip")
            elif (told := of_a_world.get((scope["method"], path))) is not None:
                body = visitor.narrowed_body(await _body(receive))
                await _answer(send, 200, _encode(await told(visitor.world, body)), _JSON)
            else:
                answer = simple.get((scope["method"], path))
                if answer is None:
                    raise ResourceNotFound(f"Neve has nothing at {scope['method']} /_neve/{path}.")
                body = visitor.narrowed_body(await _body(receive))
                await _answer(send, 200, _encode(await answer(query, body)), _JSON)
        except NeveError as error:
            await _refuse(send, error)

    return own


def _traces(house: House, query: Query) -> Any:
    return house.traces if ACCOUNT not in query else TracesOfAccount(house.traces, query[ACCOUNT])


# What can be read


def _health(house: House, visitor: Visitor) -> dict[str, Any]:
    """Everybody may know whether it is up."""
    status = "stopping" if house.closing.is_set() else "ready"
    if not visitor.may_read_machine:
        return {"status": status}
    return {
        "status": status,
        "version": __version__,
        "sandbox": house.kind.name,
        "freezer": house.kind.freezer,
        "virtualClock": house.clock.virtual,
        "missing": list(house.kind.missing),
        "prestarted": _prestarted(house),
    }


def _environments(house: House, query: Query) -> dict[str, Any]:
    wanted = query.get("function")
    account = query.get(ACCOUNT)
    found = (
        each
        for each in house.plane.environments()
        if wanted in (None, each.origin.function_name) and account in (None, each.origin.world.account)
    )
    return {"environments": [_environment(each) for each in found], "prestarted": _prestarted(house)["waiting"]}


def _prestarted(house: House) -> dict[str, Any]:
    """Runtimes that wait for a function; `refused` is why none can here."""
    waiting = [
        {"runtime": kind.runtime, "memory": kind.memory_mb, "pids": [each.sandbox.pid for each in found]}
        for kind, found in house.plane.stock.waiting()
    ]
    return {"refused": house.plane.stock.refused or None, "waiting": waiting}


def _environment(environment: Environment) -> dict[str, Any]:
    origin = environment.origin
    return {
        "id": environment.id,
        "function": origin.function_name,
        "version": origin.version,
        "account": origin.world.account,
        "region": origin.world.region,
        "state": environment.state.value,
        "provisioned": environment.provisioned,
        "pid": environment.pid,
        "startedAt": int(environment.started_ms),
        "prestarted": environment.prestarted,
        "invocations": environment.invocations,
        "memoryBytes": environment.memory_bytes,
        "logStream": origin.log_stream,
    }


async def _leaks(house: House, query: Query) -> dict[str, Any]:
    """Whoever asks after an answer gets to know what that invocation left, also while its source map is being read."""
    await house.plane.places.wait_told()
    return await own_leaks.look(house.leaks, query)


async def _doctor(house: House) -> dict[str, Any]:
    return {"items": await house.survey()}


async def _runtimes(house: House, only: str | None) -> dict[str, Any]:
    """Every runtime identifier that Neve runs, or `only` one (none when Neve cannot run it)."""
    today = iso_time(house.clock.now_ms())[:10]
    runtimes = house.plane.runtimes
    return {
        "runtimes": await asyncio.to_thread(runtime_list, runtimes, today, only),
        "sdkForJavaScript": await asyncio.to_thread(sdk_row, runtimes),
    }


async def look_again(house: House, body: bytes) -> dict[str, Any]:
    """Something was installed: who runs on another major gets environments with it. Tells of that runtime."""
    members = members_of(body, 'Send {"runtime": "nodejs22.x"} for what was installed.', "runtime")
    await house.plane.look_for_runtimes_again()
    return await _runtimes(house, str(members["runtime"]))


def _clock(house: House) -> dict[str, Any]:
    return {"now": house.clock.now(), "virtual": house.clock.virtual}


def advance(house: House, body: bytes) -> dict[str, Any]:
    """Move a virtual clock ahead."""
    try:
        seconds = float(members_of(body, _ASK_SECONDS, "seconds")["seconds"])
    except (ValueError, TypeError, OverflowError):
        raise InvalidParameterValue(_ASK_SECONDS) from None
    if not math.isfinite(seconds):
        raise InvalidParameterValue(_ASK_SECONDS)
    try:
        house.clock.advance(seconds)
    except ValueError as error:
        raise InvalidParameterValue(f"{error}.") from error
    return _clock(house)


async def _code(house: House, visitor: Visitor, path: str, query: Query) -> bytes:
    """`code/ACCOUNT/REGION/NAME?version=V`: what GetFunction's Code.Location names."""
    parts = [unquote(part) for part in path.split("/")[1:]]
    if len(parts) != 3 or ":" in parts[2]:  # which would name a function by more than its name
        raise ResourceNotFound("A code archive is at /_neve/code/ACCOUNT/REGION/NAME.")
    world, name, version = World(parts[0], parts[1]), parts[2], query.get("version", LATEST)
    qualifier = None if version == LATEST else version
    visitor.check_owns(world, "lambda:GetFunction", arns.function_arn(world, name, qualifier))
    return await house.functions.code_archive(world, name, version)


async def _layer(house: House, visitor: Visitor, path: str) -> bytes:
    """`layers/ACCOUNT/REGION/NAME/VERSION`: what GetLayerVersion's Content.Location names."""
    parts = [unquote(part) for part in path.split("/")[1:]]
    if len(parts) != 4 or not (parts[3].isascii() and parts[3].isdigit() and len(parts[3]) < 19):
        raise ResourceNotFound("A layer version is at /_neve/layers/ACCOUNT/REGION/NAME/VERSION.")
    world, name, number = World(parts[0], parts[1]), parts[2], int(parts[3])
    visitor.check_owns(world, "lambda:GetLayerVersion", version_arn(world, name, number))
    return await house.functions.layers.content(world, name, number)


# The stream of records


async def _records(house: House, query: Query, visitor: Visitor, receive: Receive, send: Send) -> None:
    """Every record from now on, one JSON object a line, until the reader goes, is far too slow, or Neve stops.

    With `?calls=1` also each call of an AWS service, which is no record of a function: `neve.serviceCall`.
    """
    wanted, account = query.get("function"), query.get(ACCOUNT)
    backlog = Backlog()

    def meant(world: World) -> bool:
        if not visitor.still_there:
            backlog.over.set()
        return account in (None, world.account) and not backlog.over.is_set()

    def take(record: Record, line: str | None) -> None:
        if wanted in (None, record.origin.function_name) and meant(record.origin.world):
            backlog.put_nowait(_encode(_record(record, line)) + b"\n")

    def hear(call: ServiceCall) -> None:
        if meant(call.world):
            backlog.put_nowait(_encode(_call(call)) + b"\n")

    with house.stream.subscribed(take), house.calls.told_to(hear) if "calls" in query else contextlib.nullcontext():
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/x-ndjson")]}
        )
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        ends = [asyncio.create_task(each) for each in (_gone(receive), house.closing.wait(), backlog.over.wait())]
        sender = asyncio.create_task(_pass_on(backlog, send))
        try:
            await asyncio.wait([*ends, sender], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*ends, sender):
                task.cancel()
            await asyncio.gather(*ends, sender, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pass_on(backlog: Backlog, send: Send) -> None:
    while True:
        await send({"type": "http.response.body", "body": await backlog.take(), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _record(record: Record, line: str | None) -> dict[str, Any]:
    return {
        "type": record.type,
        "time": round(record.time_ms, 3),
        "function": record.origin.function_name,
        "version": record.origin.version,
        "account": record.origin.world.account,
        "region": record.origin.world.region,
        "environment": record.origin.environment_id,
        "requestId": record.request_id,
        "record": record.record,
        "line": line,
    }


def _call(call: ServiceCall) -> dict[str, Any]:
    return {
        "type": "neve.serviceCall",
        "time": round(call.began_ms, 3),
        "function": None,
        "account": call.world.account,
        "region": call.world.region,
        "requestId": call.request_id,
        "record": {
            "service": call.service,
            "operation": call.operation,
            "method": call.method,
            "path": call.path,
            "status": call.status,
        },
    }


# Answering


async def _now(value: Any) -> Any:
    return value


async def _body(receive: Receive) -> bytes:
    """The door has bounded it."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


async def _refuse(send: Send, error: NeveError) -> None:
    status = render(error, None, "").status if isinstance(error, CallerError) else 500
    await _answer(send, status, _encode({"message": error.message}), _JSON)


async def _answer(send: Send, status: int, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
