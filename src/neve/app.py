"""The roof: the only place that wires everything, and how everything starts and stops.

Start, in this order: data directory (and its lock), what dead Neves left, storage, data plane, control plane, door, queue.
Stop, in the reverse: the queue begins no more, the door takes no more, running invocations end (bounded), environments go,
what became of events is written, storage is closed.
"""

import asyncio
import contextlib
import gc
import ipaddress
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from neve import log
from neve.analysis.costs import CostBook
from neve.analysis.leaks import LeakBook
from neve.analysis.trace_book import TraceBook
from neve.api import families, operator, url_address
from neve.api.body import body_limits
from neve.api.calls import Calls
from neve.api.door import Service, create_door, new_request_id
from neve.api.gate import Gate
from neve.api.lending import as_it_is, signed_with
from neve.api.own import House, create_own
from neve.api.server import create_server
from neve.api.url_callers import believed, proven
from neve.api.url_door import UrlHouse, with_function_urls
from neve.clock import Clock
from neve.companions.logs import api as logs_api
from neve.companions.logs.writer import LogWriter
from neve.control.credentials import Credentials
from neve.control.functions import Functions
from neve.control.invoke import Invoker, InvokeRequest, run_event
from neve.control.keys import Keys
from neve.dataplane import sdk_js
from neve.dataplane.binaries import Places
from neve.dataplane.fitting import RuntimeKind, kind_of
from neve.dataplane.idler import run_idler
from neve.dataplane.installing import install
from neve.dataplane.invoke import DataPlane, Foundations
from neve.dataplane.layer_root import LayerRoots
from neve.dataplane.runtime_list import runtime_list, sdk_row
from neve.dataplane.runtimes import Runtimes
from neve.dataplane.sandbox import private_mounts
from neve.dataplane.sandbox.choose import choose_kind
from neve.dataplane.sandbox.sandbox import SandboxKind
from neve.dataplane.side_by_side import SideBySide
from neve.dataplane.stream import Stream
from neve.dataplane.survey import Item, survey
from neve.dataplane.task_root import TaskRoots
from neve.domain.errors import CallerError, OperatorError
from neve.domain.function import Function
from neve.domain.invocation import InvocationType
from neve.domain.limits import Quotas
from neve.domain.price import read_prices
from neve.domain.world import World
from neve.neighbours.directory import Directory
from neve.neighbours.elsewhere import neighbour_at
from neve.neighbours.endpoints import parse_endpoints
from neve.neighbours.moto import Moto
from neve.neighbours.process import INSTALL, MotoProcess, installed
from neve.pictures.draw import draw
from neve.queue.code_objects import CodeObjects
from neve.queue.event_queue import EventQueue
from neve.queue.sources import Sources
from neve.queue.targets.choice import AllTargets
from neve.queue.worker import Callables
from neve.settings import Settings
from neve.storage.blobs import FileBlobStore
from neve.storage.data_dir import DataDir, DirectoryTaken
from neve.storage.sqlite.events import SqliteEventStore
from neve.storage.sqlite.functions import SqliteFunctionStore
from neve.storage.sqlite.keys import SqliteKeyStore
from neve.storage.sqlite.leaks import SqliteLeakStore
from neve.storage.sqlite.logs import SqliteLogStore
from neve.storage.vault import Vault

_HOUSEKEEPING_SECONDS = 3600.0
_MB = 1_048_576
_RUNTIMES_LOOKED_AT = 100
_TAKEN_SECONDS, _TAKEN_PAUSE_SECONDS = 10.0, 0.1
# What the server may still need after the data plane gave every caller its answer.
_LAST_WORDS_SECONDS = 2


@dataclass(frozen=True)
class _Storage:
    functions: SqliteFunctionStore
    logs: SqliteLogStore
    events: SqliteEventStore
    leaks: SqliteLeakStore
    keys: SqliteKeyStore
    blobs: FileBlobStore
    task_roots: TaskRoots
    layer_roots: LayerRoots
    made: Path
    folder: Path


def serve(settings: Settings, *, on_ready: Callable[[str], None] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit status. `on_ready` gets the URL once calls are accepted.

    OperatorError when the settings, the port or the data directory do not allow a start.
    """
    _allow_open_files()
    _have_mounts_of_our_own(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, on_ready or (lambda url: None)))


def _allow_open_files() -> None:
    """Each environment holds a handful of descriptors: take as many as the system gives. Functions get the service's 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _collect_seldom() -> None:
    """For the collector of cycles: what a start made stays, and what invocations make has no cycles. Looking for some after
    every 700 objects was a twentieth of what an invocation cost, and a wait for whoever came at that moment."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _have_mounts_of_our_own(settings: Settings) -> None:
    """For the `/tmp` of environments; before anything has a thread. Without, the sandbox tells what is missing."""
    reason = private_mounts.enter() if settings.sandbox != "bare" else ""
    if reason:
        log.note("mounts", reason=reason)


def survey_items() -> list[dict[str, Any]]:
    """What this machine has, for `neve doctor` without a server."""
    return [asdict(item) for item in (*survey(), _neighbours_item())]


def _neighbours_item() -> Item:
    if installed():
        return Item("neighbours", True, f"moto {version('moto')} answers for the other AWS services")
    advice = f"{INSTALL} for a local SQS, S3, DynamoDB and so on; not needed without."
    return Item("neighbours", False, "moto is not installed", advice)


def tell_neighbours(settings: Settings) -> str:
    """One sentence about the other AWS services, for who starts Neve; empty when they are switched off."""
    if not settings.neighbours:
        return ""
    if not installed():
        return f"The other AWS services would answer there, too: {INSTALL}"
    return "The other AWS services answer there, too (moto); what they hold is gone when Neve ends."


def manage_keys(settings: Settings, request: Mapping[str, Any]) -> dict[str, Any]:
    """What `api/operator.py` answers to a request: by the Neve that runs on the data directory, else by ourselves.

    OperatorError that says what is wrong.
    """
    given_up = time.monotonic() + _TAKEN_SECONDS
    while True:
        told = operator.ask(settings.data_dir, request)
        if told is not None:
            return told
        try:
            with DataDir.open(settings.data_dir) as data:
                return asyncio.run(_answer_offline(data, settings, request))
        except DirectoryTaken:  # by a Neve that is starting or stopping, or by another `neve keys`
            if time.monotonic() > given_up:
                raise
            time.sleep(_TAKEN_PAUSE_SECONDS)


async def _answer_offline(data: DataDir, settings: Settings, request: Mapping[str, Any]) -> dict[str, Any]:
    store = await SqliteKeyStore.open(data.keys, _vault(data, settings))
    try:
        keys = Keys(store, Clock())
        await keys.load()
        return await operator.answer(keys, request)
    except CallerError as error:
        raise OperatorError(error.message) from error
    finally:
        await store.close()


def _vault(data: DataDir, settings: Settings) -> Vault:
    return Vault(Path(settings.master_key_file).expanduser() if settings.master_key_file else data.master_key)


def list_runtimes(today: str) -> dict[str, Any]:
    """What would serve each runtime identifier, for `neve runtimes list` without a server."""
    runtimes = Runtimes()
    return {"runtimes": runtime_list(runtimes, today), "sdkForJavaScript": sdk_row(runtimes)}


def install_runtime(identifier: str, on_fetch: Callable[[], None]) -> dict[str, Any]:
    """Fetch what runs an identifier, or the AWS SDK for JavaScript: `path`, `what` it is, and whether it is `new`.

    OperatorError when it cannot be.
    """
    places = Places.of_this_user()
    if sdk_js.is_meant_by(identifier):
        packages, new = sdk_js.install(identifier, places, on_fetch)
        version = packages.names.get(identifier, f"of {len(packages.names)} packages")
        return {"path": str(packages.folder), "what": f"AWS SDK for JavaScript {version}", "new": new}
    installed = install(identifier, places, on_fetch)
    language = {"n": "Node.js", "p": "Python"}[identifier[0]]
    return {
        "path": str(installed.binary.path),
        "what": f"{language} {installed.binary.version_text}",
        "new": installed.new,
    }


@dataclass(frozen=True)
class _Stop:
    """What signals have asked for: `closing` to end, `hurry` to end at once."""

    closing: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self) -> None:
        """A signal: the first begins the end, the second ends the patience."""
        (self.hurry if self.closing.is_set() else self.closing).set()


async def _serve(settings: Settings, on_ready: Callable[[str], None]) -> int:
    stop = _Stop()
    # Before anything is made on the machine: a signal during the start must not leave processes and cgroups behind.
    with _signals(stop.ask), DataDir.open(settings.data_dir) as data, _listen(settings) as listener:
        kind = choose_kind(settings.sandbox, settings.freezer)
        try:
            removed = await kind.sweep()
            if removed:
                log.note("sweep", environments=removed)
            async with _storage(data, clock := Clock(settings.virtual_clock), settings) as storage:
                await _run(settings, storage, kind, clock, listener, stop, on_ready)
        finally:
            await kind.close()
    return 0


@contextlib.asynccontextmanager
async def _storage(data: DataDir, clock: Clock, settings: Settings) -> AsyncIterator[_Storage]:
    async with contextlib.AsyncExitStack() as opened:
        functions = await SqliteFunctionStore.open(data.functions)
        opened.push_async_callback(functions.close)
        logs = await SqliteLogStore.open(data.logs, clock, settings.log_mb * _MB or None)
        opened.push_async_callback(logs.close)
        events = await SqliteEventStore.open(data.events)
        opened.push_async_callback(events.close)
        leaks = await SqliteLeakStore.open(data.leaks)
        opened.push_async_callback(leaks.close)
        keys = await SqliteKeyStore.open(data.keys, _vault(data, settings))
        opened.push_async_callback(keys.close)
        blobs = FileBlobStore.open(data.blobs)
        task_roots, layer_roots = TaskRoots.open(data.tasks, blobs), LayerRoots.open(data.layers, blobs)
        yield _Storage(functions, logs, events, leaks, keys, blobs, task_roots, layer_roots, data.made, data.path)


async def _run(
    settings: Settings,
    storage: _Storage,
    kind: SandboxKind,
    clock: Clock,
    listener: socket.socket,
    stop: _Stop,
    on_ready: Callable[[str], None],
) -> None:
    stream = Stream()
    url = _url(listener)
    keys = Keys(storage.keys, clock)
    await keys.load()
    plane = DataPlane(
        Foundations(
            kind,
            Runtimes(Places.of_this_user(storage.made)),
            storage.task_roots,
            storage.layer_roots,
            stream,
            clock,
            settings,
        ),
        endpoint=url,
    )
    stream.subscribe(LogWriter(storage.logs))
    credentials = Credentials(keys.find, plane.session_keys.find)
    gate = None if settings.auth == "none" else Gate(credentials.find, plane.session_keys.has_ended)
    secret = credentials.own_secret
    sources = Sources(url, secret)
    objects = CodeObjects(url, secret)
    functions = _functions(settings, storage, clock, plane, sources, objects)
    moto = MotoProcess(clock, url, secret, closed=gate is not None)
    elsewhere = {name: neighbour_at(each) for name, each in parse_endpoints(settings.endpoints).items()}
    neighbours = Directory(elsewhere, Moto(moto) if settings.neighbours else None)
    events = _events(settings, storage, clock, stream, functions, plane, url, secret)
    queue = events.queue
    leaks = LeakBook(storage.leaks)
    stream.subscribe(leaks, leaks.types)
    calls = Calls(clock.now_ms)
    prices = read_prices(settings.prices)
    traces, costs = TraceBook(prices), CostBook(prices)
    stream.subscribe(traces, traces.types)
    stream.subscribe(costs, costs.types)
    codes = SideBySide(storage.task_roots)
    house = House(
        plane,
        functions,
        queue,
        stream,
        clock,
        kind,
        leaks,
        calls,
        traces,
        codes,
        draw,
        costs,
        _survey,
        stop.closing,
    )
    own = create_own(house)
    door = create_door(
        {
            "lambda": Service(
                "lambda",
                families.operations(
                    functions,
                    lambda: url,
                    url_address.chosen(settings.function_urls, url),
                    as_it_is if gate is None else signed_with(secret),
                ),
                body_limits(quotas(settings)),
                refused=families.REFUSED,
            ),
            "logs": Service("logs", logs_api.operations(storage.logs, clock)),
        },
        own,
        families.raw_operations(events.invoker),
        neighbours,
        calls=calls,
        gate=gate,
    )
    at_urls = UrlHouse(
        functions.urls, functions.permissions, events.invoker, clock, believed if gate is None else proven(gate)
    )
    door = with_function_urls(door, at_urls, new_request_id)
    tasks = [
        asyncio.create_task(run_idler(plane, clock, settings.idle_seconds), name="idler"),
        asyncio.create_task(_keep_house(storage, plane, clock), name="housekeeping"),
        asyncio.create_task(queue.keep_clean(), name="queue cleanup"),
        asyncio.create_task(leaks.keep_written(), name="leaks"),
        asyncio.create_task(keys.keep_noted(), name="keys"),
    ]
    try:
        if await _ended_before(stop.closing, _recover(functions)):
            server = create_server(door, settings.host, settings.port)
            plane.stock.keep(lambda: _runtimes_in_use(storage))
            async with operator.listening(storage.folder, keys):
                await _accept(settings, server, listener, plane, queue, stop, on_ready)
    finally:
        neighbours.close()  # only deliveries to who does not answer still wait there
        await plane.stock.close()
        queue.close()
        await queue.wait_ended()
        events.targets.close()
        sources.close()
        objects.close()
        await _end(tasks)
        await leaks.close()
        await keys.note_use()
        await moto.close()
        await functions.close()


def _functions(
    settings: Settings,
    storage: _Storage,
    clock: Clock,
    plane: DataPlane,
    sources: Sources,
    objects: CodeObjects,
) -> Functions:
    async def prepare(function: Function) -> None:
        await storage.task_roots.path(function)
        await storage.layer_roots.path(function)
        plane.stock.look()

    return Functions(
        storage.functions,
        storage.blobs,
        clock,
        prepare,
        plane.retire,
        refuse_deprecated=settings.refuse_deprecated,
        capacity=plane,
        account_concurrency=settings.concurrency,
        sources=sources,
        objects=objects,
        quotas=quotas(settings),
    )


def quotas(settings: Settings) -> Quotas:
    """The quotas that the settings say."""
    return Quotas(
        code_storage=settings.code_storage_mb * _MB,
        code_zipped=settings.code_zipped_mb * _MB,
        code_unzipped=settings.code_unzipped_mb * _MB,
        layers=settings.layers_per_function,
        environment=settings.environment_kb * 1024,
        policy=settings.policy_kb * 1024,
    )


async def _runtimes_in_use(storage: _Storage) -> list[RuntimeKind]:
    kinds = (kind_of(*each) for each in await storage.functions.runtimes_in_use(_RUNTIMES_LOOKED_AT))
    return [kind for kind in kinds if kind is not None]


@dataclass(frozen=True)
class _Events:
    """Whoever has to do with events: what accepts and runs them, what invokes, and where messages go."""

    queue: EventQueue
    invoker: Invoker
    targets: AllTargets


def _events(
    settings: Settings,
    storage: _Storage,
    clock: Clock,
    stream: Stream,
    functions: Functions,
    plane: DataPlane,
    url: str,
    secret: str,
) -> _Events:
    async def invoke(world: World, arn: str, payload: bytes, trace_header: str) -> None:
        kind = InvocationType.EVENT
        await invoker.invoke(InvokeRequest(world, new_request_id(), arn, None, kind, payload, trace_header))

    targets = AllTargets(url, invoke, secret)
    callables = Callables(partial(run_event, functions, plane), functions.event_invoke.policy_of, plane.is_off)
    queue = EventQueue(storage.events, clock, stream, targets, callables, settings)
    invoker = Invoker(functions, plane, clock, queue.accept)
    return _Events(queue, invoker, targets)


async def _recover(functions: Functions) -> None:
    """What has to be done before the first call is accepted."""
    await functions.finish_pending()
    await functions.concurrency.restore()  # what is kept initialized is ready to run by then


# The server


async def _accept(
    settings: Settings,
    server: uvicorn.Server,
    listener: socket.socket,
    plane: DataPlane,
    queue: EventQueue,
    stop: _Stop,
    on_ready: Callable[[str], None],
) -> None:
    """Serve until a signal asks to stop, then let what runs end; a second signal ends the patience."""
    started = _tell_started(server)
    serving = asyncio.create_task(server._serve([listener]), name="server")
    asked = asyncio.create_task(stop.closing.wait(), name="stop")
    if await _first(started, serving) is started:
        await queue.start()  # functions may call back from their first event on
        _collect_seldom()
        on_ready(_url(listener))
        await _first(asked, serving)
    stop.closing.set()
    server.should_exit = True  # it closes the door now and waits for its connections
    queue.close()
    await plane.close(settings.drain_seconds, stop.hurry)
    await _end([started, asked])
    await _last_words(serving)


def _tell_started(server: uvicorn.Server) -> "asyncio.Task[bool]":
    """Done once the server accepts calls, which uvicorn tells nobody."""
    ready = asyncio.Event()
    startup = server.startup

    async def told(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = told  # type: ignore[method-assign]
    return asyncio.create_task(ready.wait(), name="started")


async def _last_words(serving: "asyncio.Task[None]") -> None:
    """Every caller has its answer by now; what keeps a connection open longer is cut off."""
    done, _ = await asyncio.wait([serving], timeout=_LAST_WORDS_SECONDS)
    if not done:
        log.warn("server.stop", reason="connections did not end in time")
    await _end([serving])


async def _ended_before(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Whether the work came to its end before the event did; it is stopped otherwise. What it raises is raised."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(event.wait())
    try:
        if await _first(waiting, working) is working:
            await working
    finally:
        await _end([working, waiting])
    return not event.is_set()


async def _first(*tasks: "asyncio.Task[Any]") -> "asyncio.Task[Any]":
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return next(task for task in tasks if task in done)


async def _end(tasks: "list[asyncio.Task[Any]]") -> None:
    """Stop what is still running; what died of a fault of ours is logged by name."""
    for task in tasks:
        task.cancel()
    for task, outcome in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
        if isinstance(outcome, Exception):
            log.failure("task", outcome, task=task.get_name())


async def _keep_house(storage: _Storage, plane: DataPlane, clock: Clock) -> None:
    """Remove what nobody needs any more: log events past their retention, code that no version and no environment has."""
    while True:
        store, held = storage.functions, plane.functions()
        await storage.task_roots.remove_unused(store.code_in_use, held)
        await storage.layer_roots.remove_unused(store.code_in_use, store.layers_in_use, held)
        await storage.logs.expire(int(clock.now_ms()))
        await clock.sleep(_HOUSEKEEPING_SECONDS)


@contextlib.contextmanager
def _signals(on_signal: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _listen(settings: Settings) -> socket.socket:
    """The port, taken before anything else is begun."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise OperatorError(
            f"{settings.host}:{settings.port} cannot be listened on ({error}); name another with --port (0 takes a free one)"
        ) from error
    if settings.auth == "none" and not settings.allow_anonymous and not _is_loopback(listener):
        listener.close()
        raise OperatorError(
            f"whoever reaches {settings.host} could run code on this machine: check signatures with --auth sigv4 "
            "(docs/authorization.md), or insist with --allow-anonymous"
        )
    return listener


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _survey() -> list[dict[str, Any]]:
    return await asyncio.to_thread(survey_items)
